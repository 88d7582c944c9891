"""What is wrong with a prepared data set is told in one line that names the file."""

import re
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax import losses
from casgan_jax.data import training_batches
from casgan_jax.evaluation.data_set import evaluate
from casgan_jax.records.checks import open_data_set, read_record
from casgan_jax.records.prepared import load_split, read_metadata
from casgan_jax.training.checks import check
from casgan_jax.training.data_checks import check_data
from tests import damage
from tests.lines import LINE_WITH_REMEDY, line_of
from tests.outlined_discs import METADATA, record_of
from tests.outlined_discs import BrightIsLesion as Evaluated
from tests.training.test_loop import tiny_config

SHARD = "discs-train.array_record-00000-of-00001"
BROKEN = [
    (lambda d: damage.cut(d / SHARD, 10), f"{SHARD}: found record 0 damaged (ArrayRecord file"),
    (lambda d: damage.cut(d / SHARD, 0), f"{SHARD}: found record 0 damaged (ArrayRecord file"),
    (lambda d: damage.cut(d / SHARD, 98304), f"{SHARD}: found record 0 damaged (Corrupted"),
    (lambda d: damage.flip(d / SHARD, 60521), f"{SHARD}: found record"),
    (lambda d: (d / SHARD).unlink(), f"{SHARD}: found no such file, expected a shard of the train"),
    (lambda d: damage.cut(d / "dataset_info.json", 40), "dataset_info.json: found broken JSON"),
    (lambda d: (d / "dataset_info.json").write_text("{}"), "1.0.0: found a dataset_info.json or"),
    (
        lambda d: damage.change(d / "dataset_info.json", fileFormat="tfrecord"),
        "dataset_info.json: found the file format tfrecord, expected array_record",
    ),
    (
        lambda d: damage.replace(d / "dataset_info.json", "{FILEFORMAT}", "{GILEFORMAT}"),
        "dataset_info.json: found a template of the shards' names that cannot be used (Could not",
    ),
    (
        lambda d: damage.replace(d / "dataset_info.json", "{FILEFORMAT}", "{FILEFORMAT"),
        "dataset_info.json: found a template of the shards' names that cannot be used (",
    ),
    (lambda d: (d / "features.json").unlink(), "features.json: found no such file"),
    (lambda d: (d / "features.json").write_text("[]"), "features.json: found a list, expected"),
    (lambda d: (d / "features.json").write_text("{}"), "1.0.0: found a dataset_info.json or"),
    (
        lambda d: damage.replace(d / "features.json", '"32"', '"33"'),
        "features.json: alpha: found the shape (128, 128), expected (132, 132)",
    ),
    (
        lambda d: damage.replace(d / "features.json", '"trimap"', '"trimpa"'),
        f"{SHARD}: found record 0 damaged",
    ),
    (lambda d: (d / "metadata.json").unlink(), "metadata.json: found no such file"),
    (lambda d: damage.cut(d / "metadata.json", 9), "metadata.json: found broken JSON"),
    (lambda d: damage.change(d / "metadata.json", kind="x"), "metadata.json: found kind 'x'"),
    (lambda d: damage.change(d / "metadata.json", scale=2), "features.json: alpha: found the"),
    (lambda d: damage.change(d / "metadata.json", scale=0), "metadata.json: found scale 0"),
    (lambda d: damage.change(d / "metadata.json", window=[5, 5]), "metadata.json: found window [5"),
    (
        lambda d: damage.change(d / "metadata.json", window=[0, float("nan")]),
        "metadata.json: found window [0, nan]",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("damaged", "part"), BROKEN, ids=[part[-40:] for _, part in BROKEN])
def test_a_broken_data_set_names_the_file(discs, tmp_path, damaged, part):
    directory = damage.copied(discs, tmp_path)
    damaged(directory)

    def read():
        list(load_split(directory, "train"))
        read_metadata(directory)

    line = line_of(read)
    assert part in line and str(directory) in line


def test_a_damaged_record_stops_a_training_before_it_begins_and_later(discs, tmp_path):
    directory = damage.copied(discs, tmp_path)
    damage.flip(damage.shard(directory, "train"), 60521)
    line = line_of(check, tiny_config("softgan:quick", directory))
    assert f"{SHARD}: found record" in line
    data = training_batches(
        directory, kind="segmentation", patch=16, scale=2, batch_size=44, seed=0
    )
    assert f"{SHARD}: found record" in line_of(lambda: next(iter(data.batches_from(0))))


def test_another_kind_of_data_set_is_refused(discs, tmp_path):
    directory = damage.copied(discs, tmp_path)
    damage.change(directory / "metadata.json", kind="super_resolution")
    line = line_of(check_data, tiny_config("softgan:quick", directory), told_remedy=False)
    assert "found a data set of kind 'super_resolution', expected 'segmentation'" in line


def test_a_patient_in_two_splits_is_found_before_training(discs, tmp_path):
    directory = damage.copied(discs, tmp_path)
    damage.repeat_train_as_validation(directory)
    line = line_of(check_data, tiny_config("softgan:quick", directory))
    assert re.match(r"patient patient-\d+: found in the splits 'train' and 'validation'", line)


def test_a_record_of_numbers_that_are_none(discs):
    source = open_data_set(discs).as_data_source(split="test")
    nan = {"mark": np.array([np.nan, 1.0], np.float32)}
    features = SimpleNamespace(deserialize_example_np=lambda _: nan)
    line = line_of(read_record, source, features, 3)
    assert "found record 3 damaged (mark: NaN or infinite)" in line


def test_evaluation_goes_on_and_lists_a_damaged_record(discs, tmp_path):
    directory = damage.copied(discs, tmp_path)
    damage.flip(damage.shard(directory, "test"), 3000)
    records = load_split(directory, "test")
    measured = evaluate(Evaluated(), records, read_metadata(directory), progress=False)
    assert len(measured.cases) == len(records) - 1
    (failure,) = measured.failures
    assert LINE_WITH_REMEDY.fullmatch(failure.reason) and str(directory) in failure.reason
    assert measured.summary().failures == (failure,)


def test_a_record_whose_planes_do_not_fit_is_listed():
    odd = record_of(1) | {"alpha": np.zeros((30, 30), np.uint8)}
    measured = evaluate(Evaluated(), [record_of(0), odd], METADATA, progress=False)
    (failure,) = measured.failures
    assert failure.reason.startswith("alpha: found the shape (30, 30), expected")


def test_a_label_without_a_lesion_is_background_and_no_error():
    empty = np.zeros((32 * 2, 32 * 2), np.uint8)
    record = record_of(0, readers=0, alpha=empty, trimap=empty)
    assert evaluate(Evaluated(), [record], METADATA, progress=False).rows[0]["label_dice"] == 0.0
    output, target = jnp.full((1, 8, 8, 1), 0.3), jnp.zeros((1, 8, 8, 1))
    terms = (losses.mse, losses.l1, losses.cross_entropy, losses.soft_dice)
    gradients = jax.jit(lambda output: [jax.grad(term)(output, target) for term in terms])(output)
    for gradient in gradients:
        assert np.isfinite(gradient).all() and (gradient >= 0).all()
