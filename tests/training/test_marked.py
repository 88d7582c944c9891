"""A network that sees a user's marks, from data to use: the shipped config, shrunk."""

import signal
from types import SimpleNamespace

import jax
import numpy as np
import pytest

from casgan_jax.errors import Interrupted
from casgan_jax.evaluation.files import read_metrics
from casgan_jax.grid import normalise
from casgan_jax.inference import evaluate as evaluation
from casgan_jax.inference.evaluate import evaluate_workdir
from casgan_jax.inference.load import load_cascade
from casgan_jax.inference.predict import predict
from casgan_jax.records.marks import measured_axes
from casgan_jax.records.prepared import load_split
from casgan_jax.soft_mask.view import view_of_axes
from casgan_jax.training import loop
from casgan_jax.training.restore import restore_stage
from tests.faults import fault_of
from tests.training.test_loop import tiny_config

pytestmark = pytest.mark.slow

PATCHES = np.random.default_rng(0).random((2, 16, 16), dtype=np.float32)


@pytest.fixture(scope="module")
def trained(discs, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("marked")
    return workdir, loop.train(tiny_config("softgan:marked", discs), workdir)


@pytest.fixture(scope="module")
def cascade(trained):
    return load_cascade(trained[0])


def test_it_trains_and_is_measured_by_click_and_by_axes(trained):
    workdir, result = trained
    assert result.steps == 4
    found = {}
    for marks, noise in (("click", 0.0), ("axes", 0.0), ("axes", 1.0)):
        options = dict(marks=marks, noise=noise, progress=False)
        measured = evaluate_workdir(workdir, "test", **options)
        subject, summary = read_metrics(measured.folder)
        assert (subject.marks, subject.noise) == (marks, noise)
        assert summary == measured.summary
        found[marks, noise] = summary
    maes = {key: one.mean("all", "label_soft_mae").mean for key, one in found.items()}
    assert len(set(maes.values())) == 3
    folders = {path.name for path in (workdir / "evaluation").iterdir()}
    assert folders == {"test", "test-axes-0px", "test-axes-1px"}
    again = evaluate_workdir(workdir, "test", **options)
    assert again.summary == found["axes", 1.0]


def test_without_marks_it_is_shown_a_click_in_the_middle(cascade):
    assert cascade.mark_kinds == ("click", "axes")
    distance = np.hypot(*np.meshgrid(np.arange(16) - 7.5, np.arange(16) - 7.5)) / 16
    click = np.stack([distance.clip(0, 1), np.ones((16, 16))], -1).astype(np.float32)
    shown = cascade(PATCHES, np.stack([click, click]))["alpha"]
    np.testing.assert_allclose(cascade(PATCHES)["alpha"], shown, atol=1e-6)
    elsewhere = cascade(PATCHES, np.zeros((2, 16, 16, 2), np.float32))["alpha"]
    assert np.abs(elsewhere - shown).max() > 1e-6


def test_planes_of_other_marks_are_named(cascade):
    error = fault_of(cascade, PATCHES, np.zeros((2, 16, 16, 1), np.float32), told_remedy=False)
    assert error.what == "marks" and "(2, 16, 16, 1)" in error.found


def test_prediction_takes_axes_in_place_of_a_click(cascade, discs):
    record = load_split(discs, "test")[0]
    axes, centre = measured_axes(record)[0], tuple(record["mark"])
    by_click = predict(cascade, record["image"], centre, window=(0, 255))
    by_axes = predict(cascade, record["image"], centre, window=(0, 255), recist=axes)
    grey = normalise(record["image"], (0, 255))
    np.testing.assert_array_equal(by_click.patch, grey[8:24, 8:24])
    # The axes tell how large the lesion is, and the system sees as much of the image as it needs.
    view = view_of_axes(axes, cascade.patch, share=cascade.axis_share).extent(cascade.patch)
    np.testing.assert_array_equal(by_axes.patch, view.crop(grey, padded=True))
    assert by_axes.alpha.shape == by_click.alpha.shape == record["image"].shape
    assert np.abs(by_click.alpha - by_axes.alpha).max() > 1e-6
    bad = np.float32([8, 8, 20, 8, 8, 9, 20, 9])
    error = fault_of(predict, cascade, record["image"], centre, window=(0, 255), recist=bad)
    assert error.what == "recist" and "0 degrees" in error.found


def test_an_interrupted_run_ends_with_the_same_bits(trained, discs, tmp_path, monkeypatch):
    config = tiny_config("softgan:marked", discs)
    with monkeypatch.context() as patch:
        stop = loop.Interruption.requested
        patch.setattr(
            loop.Interruption,
            "requested",
            lambda self, step: signal.SIGTERM if step == 2 else stop(self, step),
        )
        with pytest.raises(Interrupted):
            loop.train(config, tmp_path)
    loop.train(config, tmp_path)
    resolved = loop.resolve(config)
    whole, resumed = (restore_stage(resolved, workdir, 4) for workdir in (trained[0], tmp_path))
    jax.tree.map(np.testing.assert_array_equal, whole.generator, resumed.generator)


def test_marks_that_a_system_does_not_see_are_refused(trained, monkeypatch):
    error = fault_of(evaluate_workdir, trained[0], "test", marks="strokes", told_remedy=False)
    assert error.what == "marks" and error.found == "'strokes'"
    monkeypatch.setattr(evaluation, "load_system", lambda _: SimpleNamespace(mark_kinds=("click",)))
    assert fault_of(evaluate_workdir, trained[0], "test", marks="axes").what == "marks"
    error = fault_of(evaluate_workdir, trained[0], "test", noise=0.5)
    assert error.what == "noise" and "0.5" in error.found
