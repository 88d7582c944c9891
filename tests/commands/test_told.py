"""What a run came to, in words."""

from pathlib import Path

import numpy as np

from casgan_jax.commands import told
from casgan_jax.commands.told import (
    classical_lines,
    lesion_notes,
    measured_lines,
    radiomics_lines,
    shown_window,
    threshold_lines,
)
from casgan_jax.configs.schema.classical import ClassicalConfig
from casgan_jax.configs.schema.radiomics import RadiomicsConfig
from casgan_jax.configs.schema.softgan import SoftganData
from casgan_jax.evaluation.bootstrap import Interval
from casgan_jax.evaluation.summary import Subject
from casgan_jax.images import write_npy
from casgan_jax.inference.classical import ClassicalRun
from casgan_jax.inference.evaluate import Measured
from casgan_jax.radiomics.run import RadiomicsRun, Scores
from casgan_jax.records.prepared import load_split, read_metadata
from casgan_jax.workdir.results import ClassicalResult
from datasets.base import prepare
from datasets.folder.builder import Builder
from tests.labelling import lesions
from tests.outlined_discs import measured, record_of

MEASURED = Measured(
    Subject("runs/a", "data/discs", "test", 16, 2), measured([record_of()]).summary(), Path("out")
)


def test_a_measured_split_is_told_by_its_headline():
    first, *figures, last = measured_lines(MEASURED)
    assert first == "test split:" and last == "worst cases: out/worst.png"
    assert figures[0].startswith("  Dice 1.000, IoU 1.000 against the 50% consensus")


def test_a_note_of_many_lesions_is_told_once():
    rows = [{"key": "a", "note": "far away"}, {"key": "b", "note": "measured"}]
    rows += [{"key": "c", "note": "measured"}, {"key": "d"}]
    assert lesion_notes(rows) == ["note: a: far away", "note: 2 lesions: measured"]


def test_a_threshold_of_few_lesions_is_a_rough_one(discs, monkeypatch):
    (note,) = threshold_lines(str(discs))
    lesions = len(load_split(discs, "validation"))
    assert note.startswith(f"note: {lesions} validation lesions chose the threshold")
    monkeypatch.setattr(told, "MANY_LESIONS", lesions)
    assert threshold_lines(str(discs)) == []


def test_the_window_that_a_run_needs_is_known_from_its_data_set(discs, tmp_path):
    of_discs = Subject("runs/a", str(discs), "test", 16, 2)
    low, high = read_metadata(discs)["window"]
    assert shown_window(SoftganData(), of_discs) == {"window": f"{low:g},{high:g}"}
    assert shown_window(SoftganData(window=(-9.0, 9.0)), of_discs) == {"window": "-9,9"}
    assert shown_window(SoftganData(stretched=64), of_discs) == {}
    for number, windows in enumerate((["", ""], ["", "-160,240"])):
        folder = tmp_path / str(number)
        values = lesions.picture(8, (90, 60)).astype(np.float32) * 5 - 1000
        lines = ["image,hu_offset,recist,split,window"]
        for name, window in enumerate(windows):
            folder.mkdir(exist_ok=True)
            write_npy(folder / f"{name}.npy", values)
            lines.append(f'{name}.npy,0,{lesions.cell(lesions.axes(8, (90, 60)))},test,"{window}"')
        (folder / "lesions.csv").write_text("\n".join(lines))
        path = prepare(
            Builder,
            tmp_path / "data" / str(number),
            config="128",
            manual_dir=folder,
            workers=0,
            show_progress=False,
        ).path
        subject = Subject("runs/a", str(path), "test", 16, 2)
        expected = "-1000,400" if windows[0] == windows[1] else "LOW,HIGH"
        assert shown_window(SoftganData(), subject) == {"window": expected}


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
