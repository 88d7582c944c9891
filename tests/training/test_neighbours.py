"""A network that sees the slices before and after, from data to use: the shipped config, shrunk."""

import numpy as np
import pytest

from casgan_jax.evaluation.data_set import evaluate
from casgan_jax.inference.evaluate import evaluate_workdir
from casgan_jax.inference.load import load_cascade
from casgan_jax.inference.predict import predict
from casgan_jax.inference.proposing import network_of_volumes
from casgan_jax.records import features as records
from casgan_jax.records.prepared import load_split, read_metadata
from casgan_jax.training import loop
from datasets.base import prepare
from tests.conftest import SCALE, SIZE, Discs, disc_record
from tests.faults import fault_of
from tests.training.test_loop import tiny_config

pytestmark = pytest.mark.slow


def beside_record(index):
    record = disc_record(index)
    beside = [disc_record(1000 * k + index)["image"] for k in (1, 2)]
    return record | {"neighbours": np.stack(beside, axis=-1)}


class DiscsBeside(Discs, skip_registration=True):
    """Discs with others before and after."""

    name = "discs_beside"
    make_record = staticmethod(beside_record)

    def _info(self):
        features = records.segmentation_features(SIZE, SCALE, np.uint8, neighbours=1)
        metadata = records.metadata(kind="segmentation", window=(0, 255), scale=SCALE, neighbours=1)
        return self.prepared_info(features, metadata)


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    return prepare(DiscsBeside, root, workers=0, show_progress=False).path


@pytest.fixture(scope="module")
def trained(beside, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("beside")
    return workdir, loop.train(tiny_config("softgan:marked25d", beside), workdir)


@pytest.fixture(scope="module")
def cascade(trained):
    return load_cascade(trained[0])


def test_it_trains_is_measured_and_sees_what_is_beside(trained, cascade, beside):
    workdir, result = trained
    assert result.steps == 4 and cascade.neighbours == 1
    measured = evaluate_workdir(workdir, "test", progress=False)
    assert measured.summary.failed == 0
    split, metadata = load_split(beside, "test"), read_metadata(beside)
    some = [split[k] for k in range(2)]
    dark = [record | {"neighbours": np.zeros_like(record["neighbours"])} for record in some]
    one, other = (
        evaluate(cascade, each, metadata, progress=False).rows[0]["label_soft_mae"]
        for each in (some, dark)
    )
    assert one != other


def test_a_data_set_or_an_image_without_neighbours_is_refused(trained, cascade, discs, tmp_path):
    error = fault_of(evaluate_workdir, trained[0], "test", data_dir=discs, progress=False)
    assert error.what == "data set" and "0 slices" in error.found
    error = fault_of(loop.train, tiny_config("softgan:marked25d", discs), tmp_path)
    assert error.what == "data.neighbours" and "0 slices" in error.found
    image = load_split(discs, "test")[0]["image"]
    assert fault_of(predict, cascade, image, (15, 15), window=(0, 255)).what == "image"


def test_planes_of_other_slices_are_named(cascade):
    patches = np.zeros((2, 16, 16), np.float32)
    planes = np.zeros((2, 16, 16, 4), np.float32)
    error = fault_of(cascade, patches, neighbours=planes, told_remedy=False)
    assert (
        error.what == "neighbours"
        and "(2, 16, 16, 4)" in error.found
        and "(2, 16, 16, 2)" in error.expected
    )


def test_it_follows_a_lesion_by_the_slices_of_the_volume(trained, cascade):
    propose = network_of_volumes(trained[0]).propose
    volume = np.random.default_rng(0).uniform(0, 255, (3, SIZE, SIZE)).astype(np.float32)
    recist = np.array([8, 16, 24, 16, 16, 10, 16, 22], np.float32)
    masks = [propose(volume, k, recist, (0.0, 255.0)) for k in (0, 1)]
    volume[2] = 0
    again = [propose(volume, k, recist, (0.0, 255.0)) for k in (0, 1)]
    np.testing.assert_array_equal(masks[0], again[0])  # the first slice: itself, and the second
    assert np.abs(masks[1] - again[1]).max() > 0
