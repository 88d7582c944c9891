"""Weights apart from checkpoints: what a training leaves for use, and what older runs lack."""

import shutil

import jax
import numpy as np
import pytest

from casgan_jax.inference.load import load_cascade, load_system
from casgan_jax.training.export import export_run
from casgan_jax.training.loop import resolve, train
from casgan_jax.training.restore import restore_stage
from casgan_jax.training.validation import measure
from casgan_jax.workdir.checkpoints import Checkpoints
from casgan_jax.workdir.weights import read_weights, write_weights
from tests import damage
from tests.faults import fault_of
from tests.training.test_loop import tiny_config

pytestmark = pytest.mark.slow

PATCHES = np.random.default_rng(0).random((2, 16, 16), dtype=np.float32)


@pytest.fixture(scope="module")
def trained(discs, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("run")
    return workdir, train(tiny_config("softgan:quick", discs), workdir)


@pytest.fixture
def older(trained, tmp_path):
    """The same run as versions before 0.3 left it, without weights."""
    workdir = shutil.copytree(trained[0], tmp_path / "older")
    for stage in ("srgan", "softgan"):
        shutil.rmtree(workdir / stage / "weights")
    return workdir


def masks(folder):
    return load_cascade(folder)(PATCHES)["alpha"]


def test_a_trained_system_needs_its_weights_alone(trained, tmp_path):
    workdir, result = trained
    alone = shutil.copytree(workdir / "softgan" / "weights", tmp_path / "alone")
    np.testing.assert_array_equal(masks(alone), masks(workdir))
    assert load_system(alone).threshold == result.threshold
    cascade = load_cascade(alone)
    assert cascade.config.data.patch == 16 and cascade.config.srgan.model.features == 4


def test_weights_are_those_of_the_checkpoint_that_was_measured(trained, discs):
    workdir, result = trained
    config = resolve(tiny_config("softgan:quick", discs))
    checkpoints = Checkpoints(workdir / "softgan" / "checkpoints", measure=measure(config))
    assert result.step == checkpoints.best()
    average = restore_stage(config, workdir, result.step).average
    jax.tree.map(
        np.testing.assert_array_equal,
        average,
        read_weights(workdir / "softgan" / "weights").generator,
    )
    assert load_cascade(workdir).threshold == result.threshold


def test_an_older_run_is_refused_with_what_converts_it(older, trained):
    error = fault_of(load_cascade, older)
    assert error.what == "workdir"
    assert error.step.command == "export"
    assert [folder.parent.name for folder in export_run(older)] == ["srgan", "softgan"]
    np.testing.assert_array_equal(masks(older), masks(trained[0]))


def test_an_older_run_is_converted_by_its_own_training_command(older, trained, discs):
    train(tiny_config("softgan:quick", discs), older)
    np.testing.assert_array_equal(masks(older), masks(trained[0]))


def test_no_other_checkpoint_stands_in_for_a_damaged_one(older, trained):
    step = trained[1].step
    array = max((older / "softgan" / "checkpoints" / str(step)).rglob("*"), key=_size)
    damage.flip(array, 100)
    # Which file is the largest, and how large it is, differs from run to run.
    error = fault_of(export_run, older, varies=True)
    assert error.what.endswith(f"checkpoints/{step}")
    assert not (older / "softgan" / "weights").exists()


def test_nor_for_one_that_is_gone(older, trained):
    shutil.rmtree(older / "softgan" / "checkpoints" / str(trained[1].step))
    assert fault_of(export_run, older).what.endswith("/4")
    assert not (older / "softgan" / "weights").exists()


@pytest.mark.parametrize("name", ["weights.safetensors", "system.json", "manifest.json"])
def test_damaged_weights_are_refused_although_checkpoints_are_there(trained, tmp_path, name):
    workdir = shutil.copytree(trained[0], tmp_path / "run")
    folder = workdir / "softgan" / "weights"
    damage.flip(folder / name, 300)
    for use in (workdir, folder):
        error = fault_of(load_cascade, use, varies=True)  # system.json names folders of this run
        assert name in error.found
        assert error.what.endswith("/weights") and error.what.startswith(str(folder))


def test_weights_of_another_step_do_not_keep_the_threshold(trained, tmp_path):
    workdir = shutil.copytree(trained[0], tmp_path / "run")
    folder, other = workdir / "softgan" / "weights", tmp_path / "other"
    weights = read_weights(folder)
    halved = jax.tree.map(lambda leaf: leaf / 2, weights.generator)
    write_weights(other, halved, weights.frozen, weights.facts)
    shutil.copy(other / "weights.safetensors", folder)
    assert fault_of(load_cascade, workdir).what.endswith("/weights")


def test_nothing_is_exported_of_a_run_that_has_not_finished(older):
    for stage in ("srgan", "softgan"):
        (older / stage / "result.json").unlink()
    assert fault_of(export_run, older).what == "workdir"


def _size(path):
    return path.stat().st_size if path.is_file() else 0
