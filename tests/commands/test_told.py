"""What a run came to, in words."""

from pathlib import Path

from casgan_jax.commands import told
from casgan_jax.commands.told import (
    classical_lines,
    measured_lines,
    radiomics_lines,
    threshold_lines,
)
from casgan_jax.configs.schema.classical import ClassicalConfig
from casgan_jax.configs.schema.radiomics import RadiomicsConfig
from casgan_jax.evaluation.bootstrap import Interval
from casgan_jax.evaluation.summary import Subject
from casgan_jax.inference.classical import ClassicalRun
from casgan_jax.inference.evaluate import Measured
from casgan_jax.radiomics.run import RadiomicsRun, Scores
from casgan_jax.records.prepared import load_split
from casgan_jax.workdir.results import ClassicalResult
from tests.outlined_discs import measured, record_of

MEASURED = Measured(
    Subject("runs/a", "data/discs", "test", 16, 2), measured([record_of()]).summary(), Path("out")
)


def test_a_measured_split_is_told_by_its_headline():
    first, *figures, last = measured_lines(MEASURED)
    assert first == "test split:" and last == "worst cases: out/worst.png"
    assert figures[0].startswith("  Dice 1.000, IoU 1.000 against the 50% consensus")


def test_a_threshold_of_few_lesions_is_a_rough_one(discs, monkeypatch):
    (note,) = threshold_lines(str(discs))
    lesions = len(load_split(discs, "validation"))
    assert note.startswith(f"note: {lesions} validation lesions chose the threshold")
    monkeypatch.setattr(told, "_MANY_LESIONS", lesions)
    assert threshold_lines(str(discs)) == []


def test_a_method_that_is_not_trained_has_a_speed():
    done = ClassicalRun(ClassicalResult("classical", 12.34), MEASURED)
    first, *others = classical_lines(ClassicalConfig(method="graph_cut"), done)
    assert first == "graph_cut: not trained, 12.3 images per second"
    assert others == measured_lines(MEASURED)


def test_features_are_told_with_what_they_tell_apart():
    config = RadiomicsConfig(features="area", repetitions=2, folds=5)
    done = RadiomicsRun(36, 30, 1, None, Path("features.npz"))
    about, file = radiomics_lines(config, done)
    assert about == "area: 1 features of 36 lesions of 30 patients"
    assert file == "features: features.npz"
    interval = Interval(0.75, 0.5, 1.0, 36, 30)
    scores = Scores(interval, interval, 36, 30, 1, 2)
    lines = radiomics_lines(config, RadiomicsRun(36, 30, 1, scores, Path("lesions.csv")))
    assert lines[1:] == [
        "SVM, smooth against spiculated, 2 x 5-fold cross-validation:",
        "  ACC 0.7500 [0.5000, 1.0000]",
        "  AUC 0.7500 [0.5000, 1.0000]",
        "lesions: lesions.csv",
    ]
