"""Evaluation on made-up lesions whose numbers can be worked out, with a cascade that thresholds."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from casgan_jax.evaluation.data_set import choose_threshold, evaluate
from casgan_jax.report.evaluation import (
    headline_lines,
    markdown_table,
    worst_cases,
    write_evaluation,
)
from tests.faults import fault_of
from tests.outlined_discs import (
    METADATA,
    PATCH,
    SCALE,
    SIZE,
    BrightIsLesion,
    disc,
    measured,
    record_of,
)


def test_the_verdict_needs_an_interval_that_excludes_zero():
    true_alpha = np.where(disc(5.0), 200, 20).repeat(2, 0).repeat(2, 1).astype(np.uint8)
    closer = [record_of(i, true_alpha=true_alpha) for i in range(4)]
    assert "The network is closer" in markdown_table(measured(closer).summary())
    label = [record_of(i) for i in range(4)]
    further = [record | {"true_alpha": record["alpha"]} for record in label]
    assert "Closed-form matting is closer" in markdown_table(measured(further).summary())
    mixed = [closer[0], further[2]]
    assert "less than the data can tell" in markdown_table(measured(mixed).summary())


def test_summary_counts_means_and_headline():
    some = [record_of(0), record_of(1, readers=3), record_of(2, x=24.0), record_of(3, readers=0)]
    summary = measured(some, batch_size=3).summary()
    rows = measured(some).rows
    assert (summary.records, summary.patients, summary.failed) == (4, 2, 0)
    headline = summary.headline
    assert (headline.population, headline.metric) == ("four_readers", "consensus_dice")
    expected = np.mean([rows[0]["consensus_dice"], rows[2]["consensus_dice"]])
    assert headline.chosen.mean == pytest.approx(expected)
    assert headline.human.n == 2
    assert summary.mean("several_readers", "consensus_dice").n == 3
    assert summary.mean("all", "label_dice").n == 4
    assert summary.mean("one_reader", "label_dice").n == 0
    agreement = np.array(summary.agreement.dice)
    np.testing.assert_allclose(agreement, agreement.T)
    np.testing.assert_allclose(np.diag(agreement), 1.0)
    assert agreement[-1, -2] == pytest.approx(expected, abs=1e-4)


def test_one_patient_has_a_headline_without_an_interval():
    first = headline_lines(measured([record_of(0)]).summary())[0]
    assert first.startswith("Dice ") and "(1 lesion, 1 patient)" in first and "[" not in first
    assert " [" in headline_lines(measured([record_of(i) for i in range(4)]).summary())[0]


def test_without_readers_the_headline_is_the_labels():
    summary = measured([record_of(i, readers=0) for i in range(3)]).summary()
    assert summary.headline.metric == "label_dice"
    assert list(summary.metrics) == ["all"]
    assert "consensus_dice" not in summary.metrics["all"]
    assert "four readers" not in markdown_table(summary)


def test_with_one_reader_the_headline_is_the_outlines():
    """As in data sets of binary masks, whose labels are softened: the mask is the truth."""
    summary = measured([record_of(i, readers=1) for i in range(3)]).summary()
    headline = summary.headline
    assert (headline.population, headline.metric) == ("one_reader", "consensus_dice")
    means = summary.metrics["one_reader"]
    assert means["consensus_dice"].mean == pytest.approx(means["reader_1_dice"].mean)
    assert 0.9 < means["consensus_acc"].mean <= 1.0
    assert "human_dice" not in means
    assert "the reader's outline" in headline_lines(summary)[0]
    assert "Dice, the one reader" in markdown_table(summary)
    choice = choose_threshold(measured([record_of(0, readers=1), record_of(1, readers=0)]))
    assert choice[2:] == ("one_reader", "consensus", 1)


def test_curves_hold_the_measured_dice():
    evaluation = measured([record_of(0), record_of(1, readers=3), record_of(2, readers=0)])
    curves = evaluation.curves()
    at_100 = np.argmin(np.abs(np.array(curves.thresholds) - 100 / 255))
    summary = evaluation.summary()
    for population, truth in (("four_readers", "consensus"), ("all", "label")):
        mean = summary.mean(population, f"{truth}_dice").mean
        assert curves.dice[population].against(truth)[at_100] == pytest.approx(mean)
    with pytest.raises(KeyError):
        curves.dice["all"].against("consensus")
    assert sum(one.pixels for one in curves.calibration.label) == 3 * (SCALE * PATCH) ** 2


def test_a_failing_record_is_named_and_the_others_go_on():
    wrong = record_of(2)
    del wrong["image"]
    odd = record_of(3) | {"n_readers": 3}
    nan = record_of(4) | {"image": np.full((SIZE, SIZE), np.nan, np.float32)}
    evaluation = measured([record_of(0), wrong, odd, nan, record_of(5)], batch_size=2)
    assert [row["key"] for row in evaluation.rows] == ["K0", "K5"]
    reasons = {failure.key: failure.reason for failure in evaluation.failures}
    assert reasons["K2"].startswith("image: found none, expected the feature image")
    assert "found 4 masks with a marked pixel, expected n_readers = 3" in reasons["K3"]
    assert "NaN" in reasons["K4"]
    summary = evaluation.summary()
    assert summary.failed == len(summary.failures) == 3
    assert "3 records could not be evaluated" in markdown_table(summary)


def test_a_nan_in_the_prediction_is_a_failure():
    class Broken(BrightIsLesion):
        def __call__(self, patches):
            alpha = super().__call__(patches)["alpha"].copy()
            alpha[0, 0, 0] = np.nan
            return {"alpha": alpha}

    evaluation = evaluate(Broken(), [record_of(0), record_of(1)], METADATA, progress=False)
    assert [failure.key for failure in evaluation.failures] == ["K0"]
    assert "expected finite ones in [0, 1]" in evaluation.failures[0].reason


def test_an_evaluation_shows_how_far_it_is(capsys):
    records = [record_of(0), record_of(1)]
    evaluate(BrightIsLesion(), records, METADATA)
    assert capsys.readouterr().err.startswith("evaluate: 2 of 2 lesions (100%), ")
    evaluate(BrightIsLesion(), records, METADATA, progress=False)
    assert not capsys.readouterr().err


def test_bad_data_gets_its_line():
    error = fault_of(
        evaluate, BrightIsLesion(), [record_of()], METADATA | {"scale": 3}, progress=False
    )
    assert error.what == "data set"
    error = fault_of(
        evaluate, BrightIsLesion(), [record_of()], METADATA | {"kind": "super_resolution"}
    )
    assert error.what == "data set" and "super_resolution" in error.found
    assert fault_of(measured, []).what == "records"
    error = fault_of(measured, [{name: x for name, x in record_of().items() if name != "alpha"}])
    assert error.what == "records"


def test_choose_threshold_prefers_slices_with_four_readers():
    some = [record_of(0), record_of(1, readers=3), record_of(2, readers=0)]
    choice = choose_threshold(measured(some))
    assert choice == (pytest.approx(26 / 255), 1.0, "four_readers", "consensus", 1)
    choice = choose_threshold(measured(some[1:]))
    assert choice[2:] == ("several_readers", "consensus", 1)
    labels = measured(some[2:])
    choice = choose_threshold(labels)
    assert choice[2:] == ("all", "label", 1)
    assert choice.dice == pytest.approx(labels.rows[0]["label_dice"])


def test_the_worst_come_first_and_the_headlines_population_before_others():
    some = [record_of(i, x=15.5 + 2 * i) for i in range(5)] + [record_of(9, readers=0, x=24.0)]
    evaluation = measured(some, worst=3)
    assert [example.key for example in evaluation.worst] == ["K4", "K3", "K2"]
    everything = measured(some)
    assert [example.key for example in everything.worst][-1] == "K9"
    picture = worst_cases(everything.worst, everything.threshold)
    assert picture.ndim == 3 and picture.dtype == np.uint8
    example = everything.worst[0]
    assert example.image.shape == (32, 32) and example.box.shape == example.patch.shape
    np.testing.assert_array_equal(example.box.crop(example.image), example.patch)


def test_pictures_and_table_are_written(tmp_path):
    some = [record_of(0), record_of(1, readers=3), record_of(2, readers=0)]
    evaluation = measured(some)
    write_evaluation(evaluation.summary(), evaluation.worst, tmp_path)
    table = (tmp_path / "table.md").read_text()
    assert "| Dice, 50% consensus, four readers |" in table
    told = "1 of 3 lesions has four readers, 1 has two or three."
    assert told in table.splitlines()
    assert cv2.imread(str(tmp_path / "worst.png")).shape[2] == 3
    assert cv2.imread(str(tmp_path / "worst_errors.png")).shape[2] == 3


def test_empty_predictions_are_said():
    record = record_of()
    record["image"] = np.zeros_like(record["image"])
    summary = measured([record]).summary()
    assert (summary.empty_predictions, summary.full_predictions) == (1, 0)
    assert "1 of 1 predictions are empty" in markdown_table(summary)


_LAUNCH = """
import runpy, sys
import casgan_jax.inference.evaluate
from casgan_jax.configs.schema.softgan import SoftganConfig, SoftganData
from casgan_jax.inference.measured_data import MeasuredData
from tests.outlined_discs import METADATA, BrightIsLesion, record_of
BrightIsLesion.config = SoftganConfig(data=SoftganData(dir="somewhere"))
casgan_jax.inference.evaluate.measured_data = lambda *_: MeasuredData("somewhere", "", [])
casgan_jax.inference.evaluate.load_system = lambda workdir: BrightIsLesion()
casgan_jax.inference.evaluate.load_split = lambda data_dir, split: [record_of(i) for i in range(3)]
casgan_jax.inference.evaluate.read_metadata = lambda data_dir: METADATA
sys.argv = ["evaluate", *sys.argv[1:]]
runpy.run_module("launch.evaluate", run_name="__main__")
"""


@pytest.mark.slow
def test_the_command(tmp_path):
    out = subprocess.run(
        [sys.executable, "-c", _LAUNCH, f"--workdir={tmp_path}", "--noprogress"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.returncode == 0, out.stderr
    assert "| Dice, 50% consensus, four readers |" in out.stdout
    metrics = tmp_path / "evaluation" / "test" / "metrics.json"
    assert f"all figures: {metrics}" in out.stdout
    summary = json.loads(metrics.read_text())
    assert (summary["split"], summary["data_dir"], summary["records"]) == ("test", "somewhere", 3)
    assert summary["headline"]["chosen"]["mean"] == 1.0
