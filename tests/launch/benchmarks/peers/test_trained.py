"""Systems that are trained within a budget, on discs: ours, and MONAI's where it is installed."""

import pytest

from casgan_jax.evaluation.data_set import evaluate
from casgan_jax.records.prepared import load_split, read_metadata
from launch.benchmarks.peers import tasks
from launch.benchmarks.peers.ours import train_ours
from tests.faults import fault_of

pytestmark = pytest.mark.slow

TINY = {
    "sr": "none",
    "data.patch": "16",
    "data.scale": "1",
    "data.label": "readers",
    "model.features": "4",
    "model.levels": "3",
    "model.discriminator_features": "4",
    "optim.batch_size": "4",
    "optim.warmup_steps": "0",
    "predict.symmetries": "false",
}


def test_ours_is_trained_within_a_budget_and_read_again(discs, tmp_path):
    tmp_path.joinpath("steps.json").write_text('{"steps": 20}')
    first = train_ours("softgan:cpu", TINY, discs, tmp_path, 1.0)
    assert first.steps == 20 and first.system.patch == 16
    assert [point.seconds for point in first.curve] == sorted(p.seconds for p in first.curve)
    assert 0 < first.curve[-1].seconds <= first.seconds
    again = train_ours("softgan:cpu", TINY, discs, tmp_path, 1.0)
    assert (again.seconds, again.curve) == (first.seconds, first.curve)


@pytest.mark.parametrize("name", ["MONAI BasicUNet", "MONAI DynUNet"])
def test_monai_learns_discs(discs, name):
    for package in ("torch", "monai"):
        pytest.importorskip(package, reason=f"{package} is absent: pip install -e '.[bench]'")
    from launch.benchmarks.peers.monai_networks import train_monai

    trained = train_monai(name, discs, 32, 15.0)
    test, metadata = load_split(discs, "test"), read_metadata(discs)
    measured = evaluate(trained.system, test, metadata, progress=False).summary()
    assert measured.headline.chosen.mean > 0.8
    assert trained.seconds == pytest.approx(15.0, rel=0.5) and len(trained.curve) >= 8


def test_monai_that_is_not_installed_is_told(discs, tmp_path, monkeypatch):
    monkeypatch.setattr(tasks.importlib.util, "find_spec", lambda name: None)
    train = tasks.LIDC.systems["MONAI BasicUNet"]
    error = fault_of(lambda: train(discs, tmp_path, 1.0))
    assert error.what == "torch" and "[bench]" in error.remedy
