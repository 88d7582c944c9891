"""Every suite runs, on tiny networks, and ends with its summary; speeds are not judged."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

from casgan_jax.configs.schema.load import load_config
from casgan_jax.configs.schema.tree import replaced
from casgan_jax.records.prepared import load_split
from casgan_jax.training import loop
from datasets.phantom.volume_records import VolumeSource, make_volume_record
from launch.benchmarks import annotate, label, marks, predict, train, volume
from launch.benchmarks import input as input_suite
from launch.benchmarks.annotating import session, soak
from launch.benchmarks.labels import agreement as label_agreement
from launch.benchmarks.labels import corrections
from launch.benchmarks.labels import quality as label_quality
from launch.benchmarks.volumes import cases as volume_cases
from tests.faults import fault_of
from tests.training.test_loop import tiny_config

pytestmark = pytest.mark.slow


@pytest.fixture
def tiny(discs, monkeypatch):
    """Lets the suites that take a config measure a tiny one."""
    for suite in (input_suite, predict):
        monkeypatch.setattr(
            suite, "load_config", lambda spec, _: tiny_config(spec, discs, sr="none")
        )
    monkeypatch.setattr(input_suite, "SECONDS", 0.01)
    return SimpleNamespace(config="softgan:quick", data_dir=str(discs), workdir=None, repeats=1)


def test_input_measures_every_cache_beside_the_step(tiny, monkeypatch):
    sources = (("none", 0), ("host", 1), ("device", 0))
    monkeypatch.setattr(input_suite, "SOURCES", sources)
    *rows, summary = input_suite.run(tiny)
    assert [(row["cache"], row["workers"]) for row in rows] == list(sources)
    assert all(row["input_images_per_second"] > 0 for row in rows)
    assert summary["step_images_per_second"] > 0
    assert set(summary["input_images_per_second"]) == {f"{c}, {w} workers" for c, w in sources}


def test_input_needs_data():
    assert fault_of(next, input_suite.run(SimpleNamespace(data_dir=None))).what == "data_dir"


def test_predict_measures_one_and_many_patches_with_and_without_symmetries(tiny, monkeypatch):
    monkeypatch.setattr(predict, "BATCHES", (1, 3))
    *rows, summary = predict.run(tiny)
    assert [(row["symmetries"], row["batch"]) for row in rows] == [(1, 1), (1, 3), (8, 1), (8, 3)]
    assert all(row["first_call_seconds"] > 0 < row["median_milliseconds"] for row in rows)
    assert summary["cascade"] == "softgan:quick" and len(summary["images_per_second"]) == 4


def test_train_measures_both_sides(monkeypatch):
    pytest.importorskip("torch", reason="PyTorch is absent: pip install -e '.[bench]'")
    small = dict(data=dict(patch=8, scale=2), model=dict(features=4, discriminator_features=4))
    config = load_config("softgan:quick", [("sr", "none"), ("model.levels", "2")])
    config = replaced(config, **small)
    monkeypatch.setattr(train, "cases", lambda dtype: [train.Case("tiny", config, 2)])
    monkeypatch.setattr(train, "SECONDS", 0.01)
    row, summary = train.run(SimpleNamespace(dtype="float32", repeats=1))
    assert row["compile_seconds"] > 0 and 0 < row["share_of_peak"] < 1
    assert row["process_peak_megabytes"] > 100 < row["pytorch_process_peak_megabytes"]
    assert row["images_per_second"] > 0 < row["pytorch_images_per_second"]
    assert row["ratio_vs_pytorch"] == summary["ratio_vs_pytorch"]["tiny"] > 0


def test_train_names_another_dtype():
    error = fault_of(next, train.run(SimpleNamespace(dtype="float17")), told_remedy=False)
    assert error.what == "dtype" and error.found == "'float17'"


def test_label_measures_speed_on_one_core_beside_pymatting(monkeypatch):
    pytest.importorskip("pymatting", reason="pymatting is absent: pip install -e '.[bench]'")
    monkeypatch.setattr(label, "RADII", (2.0,))
    cores = os.sched_getaffinity(0)
    row, summary = label.run(SimpleNamespace(data_dir=None, limit=1, repeats=1))
    assert row["milliseconds"] == summary["ms_per_lesion"] > 0
    assert summary["speedup_vs_reference"] == row["speedup"] > 0
    assert os.sched_getaffinity(0) == cores


def test_label_compares_stages_with_the_consensus_of_patients_not_tuned_on(discs):
    rows = list(label._against_consensus(label.consensus_samples(str(discs), limit=6)))
    assert [row["recist_label"] for row in rows] == list(label.STAGES)
    assert all(row["slices"] == 6 and row["patients"] <= 6 for row in rows)
    assert all(0.8 < row["dice_at_128"] <= 1 for row in rows)
    halves = {label._held_out(f"LIDC-IDRI-{number:04d}") for number in range(1, 20)}
    assert halves == {False, True}
    assert label._held_out("LIDC-IDRI-0007") == label._held_out("patient-7")


def test_label_measures_how_well_quality_finds_gross_errors(discs, monkeypatch):
    few = {name: label_quality.CHANGES[name] for name in ("with noise of 0.5 px", "moved")}
    monkeypatch.setattr(label_quality, "CHANGES", few)
    rows = list(label_quality.rows(label.consensus_samples(str(discs), limit=10)))
    assert [row["recist_axes"] for row in rows[::2]] == list(few)
    noisy, moved = rows[0], rows[2]
    assert noisy["score"] == moved["score"] == "quality" and rows[1]["score"] == "axes_agreement"
    assert noisy["dice"] > 0.8 > moved["dice"] and noisy["auc_usual"] == 0.5
    assert moved["auc_usual"] == 1.0
    monkeypatch.setattr(label, "_held_out", lambda patient: False)
    assert fault_of(label.consensus_samples, str(discs), limit=10).what.endswith("/1.0.0")


def test_label_compares_strategies_with_the_readers(discs, monkeypatch):
    few = dict(list(label_agreement.strategies().items())[:2])
    monkeypatch.setattr(label_agreement, "strategies", lambda: few)
    rows = list(label_agreement.rows(str(discs), limit=3))
    assert [row["label"] for row in rows] == list(few)
    assert all(row["slices"] == 3 and 0 < row["dice_at_128"] <= 1 for row in rows)


OPTIONS = SimpleNamespace(repeats=1, data_dir=None, workdir=None, deeplesion=None, soak_seconds=0.0)


def test_annotate_asks_a_real_server(monkeypatch):
    pytest.importorskip("pydicom", reason="pydicom is absent: pip install -e '.[medical]'")
    pytest.importorskip("uvicorn", reason="uvicorn is absent: pip install -e '.[annotate]'")
    for name, value in (("RADII", (5,)), ("LESIONS", 20), ("SLICES", 3)):
        monkeypatch.setattr(annotate, name, value)
    *rows, summary = annotate.run(OPTIONS)
    assert len(rows) == 9 and {"mark_ms", "stroke_ms", "first_picture_ms", "list_ms"} < set(summary)
    assert {"volume_ms", "volume_stroke_ms", "volume_axes_ms", "volume_end_ms"} < set(summary)
    assert summary["slices_per_second"] > 0 and summary["server_mb"] > 50


def test_readers_work_for_a_while_without_an_error(monkeypatch):
    pytest.importorskip("pydicom", reason="pydicom is absent: pip install -e '.[medical]'")
    pytest.importorskip("uvicorn", reason="uvicorn is absent: pip install -e '.[annotate]'")
    for name, value in (("READERS", 2), ("SLICES", 2), ("LESIONS_AN_HOUR", 2)):
        monkeypatch.setattr(soak, name, value)
    *looks, summary = soak.rows(2.0)
    assert len(looks) == 10 and all(look["server_mb"] > 50 for look in looks)
    assert summary["errors"] == 0 and summary["lesions"] >= 2 and summary["actions"] >= 8


def test_a_session_is_measured_by_noise(discs):
    pytest.importorskip("uvicorn", reason="uvicorn is absent: pip install -e '.[annotate]'")
    cases = session.consensus_cases(label.consensus_samples(str(discs), limit=2))
    rows = list(session.rows(cases))
    assert [row["noise_px"] for row in rows] == list(session.NOISES)
    assert all(row["slices"] == 2 and row["dice_axes"] > 0.7 for row in rows)
    assert all(row["seconds_one_drag"] > 0 for row in rows)


def test_corrections_bring_labels_nearer_to_the_consensus(discs):
    *rows, click = corrections.rows(label.consensus_samples(str(discs), limit=6))
    assert [row["axes_noise_px"] for row in rows] == list(corrections.NOISES)
    assert rows[-1]["one_drag"] > rows[-1]["axes"] < rows[-1]["one_stroke"]
    assert click["click"] > 0.8


def test_marks_measures_network_and_labeller_on_the_same_axes(discs, tmp_path, monkeypatch):
    loop.train(tiny_config("softgan:marked", discs, train__steps=1), tmp_path)
    options = SimpleNamespace(workdir=str(tmp_path), data_dir=str(discs), limit=3)
    click, *axes, certain, summary = marks.run(options)
    assert certain["clicks"] == 3 and certain["told"].count(" of ") == 2
    assert [click["shown"], *(row["shown"] for row in axes)] == list(marks.SHOWN)
    assert "labeller" not in click
    exact, _, noisy = (float(row["labeller"].split()[0]) for row in axes)
    assert exact > 0.85 and exact > noisy
    assert all(row["slices"] == 3 and row["not_labelled"] == 0 for row in axes)
    assert summary["dice"] == {row["shown"]: row["dice"] for row in (click, *axes)}
    monkeypatch.setattr(marks, "load_cascade", lambda _: SimpleNamespace(mark_kinds=("click",)))
    assert fault_of(next, marks.run(options)).what == "workdir"
    options.workdir = None
    assert fault_of(next, marks.run(options)).what == "workdir"


def test_certainty_is_measured_on_clicks_beside_lesions(discs):
    records = [load_split(discs, "test")[index] for index in range(4)]
    wide = [
        {
            **record,
            **{name: np.pad(record[name], 40) for name in ("image", "consensus")},
            **{name: np.pad(record[name], 160) for name in ("alpha", "trimap")},
            "reader_masks": np.pad(record["reader_masks"], ((40, 40), (40, 40), (0, 0))),
            "mark": record["mark"] + 40,
        }
        for record in records
    ]
    row = marks.failures(GreyIsAlpha(), wide, (0, 255))
    assert (row["clicks"], row["beside"], row["failed_on_lesions"]) == (4, 2, 0)
    assert row["auc"] == 1.0 and row["told"] == "2 of 2 failures, 0 of 4 others"


class GreyIsAlpha:
    patch, scale, mark_kinds, axis_share, threshold = 32, 1, (), 0.0, 0.5
    neighbours = 0

    def __call__(self, patches):
        return {"alpha": (patches * 1.3).clip(0, 1)}


def volume_record(**changes):
    """A made lesion that three readers had, of whom two marked all of it."""
    record = make_volume_record(VolumeSource(1, 0, 2.5))
    record["reader_masks"][..., :2] = record["consensus"][..., None]
    return record | {"n_readers": 2} | changes


def test_volume_measures_lesions_and_readers(monkeypatch):
    case = volume_cases.case_of(volume_record(), (-1000, 400))
    assert case.spacing_mm == pytest.approx((2.5, 0.7, 0.7)) and len(case.readers) == 2
    assert case.volume == pytest.approx(case.truth.sum(), rel=0.1)  # its own, not the number
    unknown = volume_record(spacing_mm=np.zeros(3, np.float32))
    del unknown["volume_mm3"]
    case_of_nobody = volume_cases.case_of(unknown, (-1000, 400))
    assert case_of_nobody.spacing_mm == (2.0, 0.7, 0.7)
    assert case_of_nobody.volume == case.truth.sum()
    monkeypatch.setattr(volume_cases, "read_cases", lambda *_: [case])
    options = SimpleNamespace(workdir=None, volume_dir="given", limit=1)
    first, *rows, summary = volume.run(options)
    assert first == {"lesions": 1, "readers_dice": 1.0}
    assert [row["noise_px"] for row in rows] == [0.0] * 3 + [0.5] * 3 + [1.0] * 3
    assert all(row["lesions"] == 1 and row["dice"] > 0.6 for row in rows)
    assert summary["dice_volume"]["0 px"] > 0.85 and summary["megabytes"] > 50
    assert summary["soft_error"]["1 px"] == rows[-1]["soft_error"] < 0.2


def test_volume_asks_for_a_data_set_of_volumes(discs):
    options = SimpleNamespace(workdir=None, volume_dir=None, limit=1)
    assert fault_of(lambda: next(volume.run(options))).what == "volume_dir"
    error = fault_of(volume_cases.read_cases, str(discs), 1)
    assert (
        error.what.endswith("/1.0.0")
        and "segmentation" in error.found
        and error.expected == "'volumes'"
    )
