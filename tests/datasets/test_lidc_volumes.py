"""Whole nodules of the LIDC-IDRI-slices tree."""

import subprocess
import sys

import numpy as np
import pytest

from casgan_jax.errors import UserError
from casgan_jax.records.prepared import load_split
from datasets.base import prepare
from datasets.lidc.builder import Builder
from datasets.lidc.volumes import longest_run
from launch.benchmarks.volumes.cases import read_cases
from tests.datasets.trees import disc, nodule, write_lidc_slice
from tests.shared_data import shared_data

NODULE = "LIDC-IDRI-0012/nodule-0"  # of the test split


def build(root, tmp_path):
    options = dict(manual_dir=root, workers=0, show_progress=False)
    return prepare(Builder, tmp_path / "data", config="volumes", **options).path


def test_the_longest_run_of_slices():
    assert longest_run([7, 1, 2, 5, 6]) == [5, 6, 7]
    assert longest_run([]) == []


def test_a_nodule_is_its_longest_run_and_readers_keep_their_places(tmp_path):
    root, none = tmp_path / "tree", np.zeros_like(disc(5))
    for number in (1, 3, 4, 5, 12):
        masks = [disc(5), none if number == 4 else disc(6), disc(7)]
        write_lidc_slice(root, f"{NODULE}/slice-{number}", nodule(6, number), masks)
    write_lidc_slice(root, "LIDC-IDRI-0012/nodule-1/slice-0", nodule(6, 0), [disc(5), disc(6)])
    path = build(root, tmp_path)
    (record,) = load_split(path, "test")
    assert record["image"].shape == (3, 128, 128) and record["n_readers"] == 3
    for place, number in enumerate((3, 4, 5)):
        np.testing.assert_array_equal(record["image"][place], nodule(6, number))
    marked = record["reader_masks"].any(axis=(1, 2))
    np.testing.assert_array_equal(marked[:, 1], [True, False, True])
    np.testing.assert_array_equal(record["consensus"][0] > 0, disc(6))
    np.testing.assert_array_equal(record["consensus"][1] > 0, disc(7))  # one of the two who did
    assert "fewer than 3 neighbouring slices" in (path / "skipped.csv").read_text()
    (case,) = read_cases(str(path), 5)
    assert case.readers.shape == (3, 3, 128, 128) and case.spacing_mm == (2.0, 0.7, 0.7)


@pytest.mark.slow
def test_real_nodules(tmp_path):
    unpack = shared_data("lidc", "unpack.py")
    command = [sys.executable, str(unpack), str(tmp_path / "tree"), "--patients", "4"]
    unpacked = subprocess.run(command, capture_output=True)
    if unpacked.returncode:
        pytest.skip(f"{unpack} cannot run: {unpacked.stderr.decode().splitlines()[-1]}")
    path = build(tmp_path / "tree", tmp_path)
    records = [record for name in ("train", "test", "validation") for record in _all(path, name)]
    assert records
    for record in records:
        areas = (record["consensus"] > 0).sum(axis=(1, 2))
        assert len(areas) >= 3 and areas.all()  # slices that readers marked, without a gap


def _all(path, name):
    try:
        split = load_split(path, name)
    except UserError:  # few patients: a split may be empty
        return []
    return [split[k] for k in range(len(split))]
