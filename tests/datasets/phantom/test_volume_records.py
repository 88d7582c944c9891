"""Whole phantoms as a prepared data set."""

import numpy as np
import pytest

from casgan_jax.grid import PAPER_THRESHOLD, binarise, decode_alpha
from casgan_jax.records.prepared import load_split, read_metadata
from datasets.base import prepare
from datasets.build import next_step
from datasets.phantom.builder import Builder, Config
from datasets.phantom.volume import make_volume_phantom
from datasets.phantom.volume_records import THICKNESSES_MM, VolumeSource, make_volume_record
from datasets.samples import samples_sheet
from launch.benchmarks.volumes.cases import read_cases


class Few(Builder, skip_registration=True):
    """Three whole phantoms."""

    BUILDER_CONFIGS = [Config(name="volumes", records=6, seed=1, volumes=True)]


def test_a_record_holds_the_whole_lesion_and_its_own_volume():
    record = make_volume_record(VolumeSource(1, 3, 5.0))
    image, alpha = record["image"], decode_alpha(record["true_alpha"])
    assert image.dtype == np.int16 and image.shape == alpha.shape == record["consensus"].shape
    true = make_volume_phantom(1, 3, 5.0).true_alpha
    np.testing.assert_allclose(alpha, true, atol=0.51 / 255)
    np.testing.assert_array_equal(record["consensus"] > 0, binarise(true, PAPER_THRESHOLD))
    assert ((alpha > 0.05) & (alpha < 0.95)).any(axis=(1, 2)).sum() > 1  # in thick slices, too
    soft = alpha.sum() * np.prod(record["spacing_mm"])
    assert soft == pytest.approx(record["volume_mm3"], rel=0.02)
    assert record["n_readers"] == 0 and not record["reader_masks"].any()
    again = make_volume_record(VolumeSource(1, 3, 5.0))
    np.testing.assert_array_equal(again["image"], image)


@pytest.mark.slow
def test_the_data_set_is_read_by_the_benchmark(tmp_path):
    path = prepare(Few, tmp_path, workers=0, show_progress=False).path
    assert read_metadata(path)["kind"] == "volumes"
    splits = [load_split(path, name) for name in ("train", "test")]
    records = [split[k] for split in splits for k in range(len(split))]
    assert {float(one["spacing_mm"][0]) for one in records} <= set(THICKNESSES_MM)
    assert samples_sheet(path).ndim == 3
    assert next_step(path).options["suite"] == "volume"
    cases = read_cases(str(path), 9)
    assert len(cases) == len(splits[1]) and not len(cases[0].readers)
    assert cases[0].truth.any() and cases[0].image.max() <= 1
