"""What is wrong with a prepared data set is told in one line that names the file."""

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
from tests.faults import LINE_WITH_REMEDY, fault_of
from tests.outlined_discs import METADATA, record_of
from tests.outlined_discs import BrightIsLesion as Evaluated
from tests.training.test_loop import tiny_config

SHARD = "discs-train.array_record-00000-of-00001"
INFO, FEATURES, METADATA_FILE = "dataset_info.json", "features.json", "metadata.json"
NAN = float("nan")
BROKEN = [
    pytest.param(lambda d: damage.cut(d / SHARD, 10), SHARD, id="too short for ArrayRecord"),
    pytest.param(lambda d: damage.cut(d / SHARD, 0), SHARD, id="empty shard"),
    pytest.param(lambda d: damage.cut(d / SHARD, 98304), SHARD, id="cut shard"),
    pytest.param(lambda d: damage.flip(d / SHARD, 60521), SHARD, id="flipped bit"),
    pytest.param(lambda d: (d / SHARD).unlink(), SHARD, id="no shard"),
    pytest.param(lambda d: damage.cut(d / INFO, 40), INFO, id="broken info"),
    pytest.param(lambda d: (d / INFO).write_text("{}"), "", id="empty info"),
    pytest.param(lambda d: damage.change(d / INFO, fileFormat="tfrecord"), INFO, id="tfrecord"),
    pytest.param(
        lambda d: damage.replace(d / INFO, "{FILEFORMAT}", "{GILEFORMAT}"),
        INFO,
        id="other template",
    ),
    pytest.param(
        lambda d: damage.replace(d / INFO, "{FILEFORMAT}", "{FILEFORMAT"),
        INFO,
        id="broken template",
    ),
    pytest.param(lambda d: (d / FEATURES).unlink(), FEATURES, id="no features"),
    pytest.param(lambda d: (d / FEATURES).write_text("[]"), FEATURES, id="list of features"),
    pytest.param(lambda d: (d / FEATURES).write_text("{}"), "", id="empty features"),
    pytest.param(
        lambda d: damage.replace(d / FEATURES, '"32"', '"33"'),
        f"{FEATURES}: alpha",
        id="other size",
    ),
    pytest.param(
        lambda d: damage.replace(d / FEATURES, '"trimap"', '"trimpa"'), SHARD, id="other feature"
    ),
    pytest.param(lambda d: (d / METADATA_FILE).unlink(), METADATA_FILE, id="no metadata"),
    pytest.param(lambda d: damage.cut(d / METADATA_FILE, 9), METADATA_FILE, id="broken metadata"),
    pytest.param(
        lambda d: damage.change(d / METADATA_FILE, kind="x"), METADATA_FILE, id="other kind"
    ),
    pytest.param(
        lambda d: damage.change(d / METADATA_FILE, scale=2), f"{FEATURES}: alpha", id="other scale"
    ),
    pytest.param(lambda d: damage.change(d / METADATA_FILE, scale=0), METADATA_FILE, id="scale 0"),
    pytest.param(
        lambda d: damage.change(d / METADATA_FILE, window=[5, 5]), METADATA_FILE, id="empty window"
    ),
    pytest.param(
        lambda d: damage.change(d / METADATA_FILE, window=[0, NAN]),
        METADATA_FILE,
        id="window to NaN",
    ),
]


@pytest.mark.parametrize(("damaged", "what"), BROKEN)
def test_a_broken_data_set_names_the_file(discs, tmp_path, damaged, what):
    directory = damage.copied(discs, tmp_path)
    damaged(directory)

    def read():
        list(load_split(directory, "train"))
        read_metadata(directory)

    assert fault_of(read).what == str(directory / what)


def test_a_damaged_record_stops_a_training_before_it_begins_and_later(discs, tmp_path):
    directory = damage.copied(discs, tmp_path)
    damage.flip(damage.shard(directory, "train"), 60521)
    assert fault_of(check, tiny_config("softgan:quick", directory)).what.endswith(SHARD)
    data = training_batches(
        directory, kind="segmentation", patch=16, scale=2, batch_size=44, seed=0
    )
    assert fault_of(lambda: next(iter(data.batches_from(0)))).what.endswith(SHARD)


def test_another_kind_of_data_set_is_refused(discs, tmp_path):
    directory = damage.copied(discs, tmp_path)
    damage.change(directory / "metadata.json", kind="super_resolution")
    error = fault_of(check_data, tiny_config("softgan:quick", directory), told_remedy=False)
    assert (
        error.what == "data.dir"
        and "super_resolution" in error.found
        and error.expected == "'segmentation'"
    )


def test_a_patient_in_two_splits_is_found_before_training(discs, tmp_path):
    directory = damage.copied(discs, tmp_path)
    damage.repeat_train_as_validation(directory)
    error = fault_of(check_data, tiny_config("softgan:quick", directory))
    assert (
        error.what == "patient patient-0" and "train" in error.found and "validation" in error.found
    )


def test_a_record_of_numbers_that_are_none(discs):
    source = open_data_set(discs).as_data_source(split="test")
    nan = {"mark": np.array([np.nan, 1.0], np.float32)}
    features = SimpleNamespace(deserialize_example_np=lambda _: nan)
    error = fault_of(read_record, source, features, 3)
    assert error.what.endswith("/discs-test.array_record-00000-of-00001")


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
