"""Evaluation on made-up lesions whose numbers can be worked out, with a cascade that thresholds."""

import csv
import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from casgan_jax import evaluation as ev
from casgan_jax import metrics, records
from casgan_jax.errors import UserError
from casgan_jax.report.evaluation import (
    headline_lines,
    markdown_table,
    worst_cases,
    write_evaluation,
)

SIZE, PATCH, SCALE = 32, 16, 2
METADATA = records.metadata(kind="segmentation", window=(0, 255), scale=SCALE)


class BrightIsLesion:
    """A cascade that takes grey level for alpha."""

    patch, scale, threshold = PATCH, SCALE, 100 / 255

    def __call__(self, patches):
        assert patches.dtype == np.float32 and patches.shape[1:] == (PATCH, PATCH)
        fine = patches.repeat(SCALE, axis=1).repeat(SCALE, axis=2)
        return {"super_resolution": fine, "alpha": fine}


def _disc(radius: float, x: float = 15.5) -> np.ndarray:
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return np.hypot(rows - 15.5, columns - x) <= radius


def _record(index: int = 0, *, readers: int = 4, x: float = 15.5, **more) -> dict:
    """A lesion of grey level 200 in the dark, outlined by readers with radii 4, 5, 5, 6."""
    masks = np.zeros((SIZE, SIZE, records.MAX_READERS), bool)
    for reader, radius in enumerate((4.0, 5.0, 5.0, 6.0)[:readers]):
        masks[..., reader] = _disc(radius, x)
    consensus = (2 * masks.sum(-1) >= readers) & bool(readers)
    lesion = _disc(5.0, x)
    alpha = cv2.resize(lesion.astype(np.float32), None, fx=SCALE, fy=SCALE)
    trimap = np.where((alpha > 0) & (alpha < 1), 128, 255 * alpha).astype(np.uint8)
    return {
        "image": np.where(lesion, 200, 20).astype(np.uint8),
        "alpha": records.encode_alpha(alpha),
        "trimap": trimap,
        "reader_masks": masks.astype(np.uint8) * 255,
        "consensus": consensus.astype(np.uint8) * 255,
        "mark": np.full(2, (SIZE - 1) / 2, np.float32),
        "n_readers": readers,
        "spacing_mm": 0.7,
        "patient": f"P{index // 2}",
        "lesion": f"L{index}",
        "key": f"K{index}",
        **more,
    }


def _evaluate(some_records, **options):
    return ev.evaluate(BrightIsLesion(), some_records, METADATA, progress=False, **options)


def test_a_perfect_prediction_and_its_readers():
    (row,) = _evaluate([_record()]).rows
    assert row["consensus_dice"] == row["consensus_dice_128"] == 1.0
    lesion = _disc(5.0)
    to_readers = [float(metrics.dice(lesion, _disc(radius))) for radius in (4, 5, 5, 6)]
    assert [row[f"reader_{i}_dice"] for i in (1, 2, 3, 4)] == pytest.approx(to_readers)
    assert row["readers_dice"] == pytest.approx(np.mean(to_readers))
    # The majority of the other three is the disc of radius 5 for every one of the four.
    assert row["human_dice"] == pytest.approx(np.mean(to_readers))
    assert row["predicted_px"] == row["consensus_px"] == lesion.sum()


def test_label_metrics_by_hand():
    record = _record()
    (row,) = _evaluate([record]).rows
    fine = slice(SCALE * 8, SCALE * 24)
    label = record["alpha"][fine, fine] / 255.0
    alpha = np.where(_disc(5.0)[8:24, 8:24], 200, 20).repeat(2, 0).repeat(2, 1) / 255.0
    assert row["label_soft_mae"] == pytest.approx(np.abs(alpha - label).mean())
    hard, truth = alpha >= 0.5, record["alpha"][fine, fine] >= 128
    both = (hard & truth).sum()
    assert row["label_dice_128"] == pytest.approx(2 * both / (hard.sum() + truth.sum()))
    assert row["label_iou_128"] == pytest.approx(both / (hard | truth).sum())
    assert row["label_acc_128"] == pytest.approx((hard == truth).mean())
    assert row["label_auc"] == pytest.approx(metrics.auc(alpha, truth))


def test_what_leaves_the_patch_is_missed():
    """A lesion centred on the patch's border: half of it can be found, all of it counts."""
    (row,) = _evaluate([_record(x=24.0)]).rows
    lesion = _disc(5.0, 24.0)
    found = lesion.copy()
    found[:, 24:] = False
    assert row["consensus_dice"] == pytest.approx(2 * found.sum() / (found.sum() + lesion.sum()))


def test_both_thresholds_are_measured():
    record = _record()
    record["image"] = np.where(_disc(5.0), 110, 20).astype(np.uint8)  # between 100 and 128
    (row,) = _evaluate([record]).rows
    assert (row["consensus_dice"], row["consensus_dice_128"]) == (1.0, 0.0)
    assert row["label_dice"] > 0.9 and row["label_dice_128"] == 0.0


def test_true_alpha_tells_network_from_matting():
    record = _record()
    true_alpha = np.where(_disc(5.0), 200, 20).repeat(2, 0).repeat(2, 1).astype(np.uint8)
    evaluation = _evaluate([record | {"true_alpha": true_alpha}] * 2)
    row = evaluation.rows[0]
    fine = slice(SCALE * 8, SCALE * 24)
    difference = np.abs(record["alpha"][fine, fine] / 255.0 - true_alpha[fine, fine] / 255.0)
    unknown = record["trimap"][fine, fine] == 128
    assert row["network_soft_mae"] == row["network_gradient_error"] == 0.0
    assert row["matting_soft_mae"] == row["gain_soft_mae"] == pytest.approx(difference.mean())
    assert row["matting_soft_mae_unknown"] == pytest.approx(difference[unknown].mean())
    assert 0 < row["matting_gradient_error_unknown"] <= row["matting_gradient_error"]


def test_the_verdict_needs_an_interval_that_excludes_zero():
    true_alpha = np.where(_disc(5.0), 200, 20).repeat(2, 0).repeat(2, 1).astype(np.uint8)
    closer = [_record(i, true_alpha=true_alpha) for i in range(4)]
    assert "The network is closer" in markdown_table(_evaluate(closer).summary())
    label = [_record(i) for i in range(4)]
    further = [record | {"true_alpha": record["alpha"]} for record in label]
    assert "Closed-form matting is closer" in markdown_table(_evaluate(further).summary())
    mixed = [closer[0], further[2]]
    assert "less than the data can tell" in markdown_table(_evaluate(mixed).summary())


def test_summary_counts_means_and_headline():
    some = [_record(0), _record(1, readers=3), _record(2, x=24.0), _record(3, readers=0)]
    summary = _evaluate(some, batch_size=3).summary()
    rows = _evaluate(some).rows
    assert (summary["records"], summary["patients"], summary["failed"]) == (4, 2, 0)
    headline = summary["headline"]
    assert (headline["population"], headline["metric"]) == ("four_readers", "consensus_dice")
    expected = np.mean([rows[0]["consensus_dice"], rows[2]["consensus_dice"]])
    assert headline["chosen"]["mean"] == pytest.approx(expected)
    assert headline["human"]["n"] == 2
    assert summary["metrics"]["several_readers"]["consensus_dice"]["n"] == 3
    assert summary["metrics"]["all"]["label_dice"]["n"] == 4
    agreement = np.array(summary["agreement"]["dice"])
    np.testing.assert_allclose(agreement, agreement.T)
    np.testing.assert_allclose(np.diag(agreement), 1.0)
    assert agreement[-1, -2] == pytest.approx(expected, abs=1e-4)


def test_one_patient_has_a_headline_without_an_interval():
    first = headline_lines(_evaluate([_record(0)]).summary())[0]
    assert first.startswith("Dice ") and "(1 lesions, 1 patients)" in first and "[" not in first
    assert " [" in headline_lines(_evaluate([_record(i) for i in range(4)]).summary())[0]


def test_without_readers_the_headline_is_the_labels():
    summary = _evaluate([_record(i, readers=0) for i in range(3)]).summary()
    assert summary["headline"]["metric"] == "label_dice"
    assert list(summary["metrics"]) == ["all"]
    assert "consensus_dice" not in summary["metrics"]["all"]
    assert "four readers" not in markdown_table(summary)


def test_with_one_reader_the_headline_is_the_outlines():
    """As in data sets of binary masks, whose labels are softened: the mask is the truth."""
    summary = _evaluate([_record(i, readers=1) for i in range(3)]).summary()
    assert (summary["headline"]["population"], summary["headline"]["metric"]) == (
        "one_reader",
        "consensus_dice",
    )
    means = summary["metrics"]["one_reader"]
    assert means["consensus_dice"]["mean"] == pytest.approx(means["reader_1_dice"]["mean"])
    assert 0.9 < means["consensus_acc"]["mean"] <= 1.0
    assert "human_dice" not in means
    assert "the reader's outline" in headline_lines(summary)[0]
    assert "Dice, the one reader" in markdown_table(summary)
    choice = ev.choose_threshold(_evaluate([_record(0, readers=1), _record(1, readers=0)]))
    assert choice[2:] == ("one_reader", "consensus", 1)


def test_curves_hold_the_measured_dice():
    evaluation = _evaluate([_record(0), _record(1, readers=3), _record(2, readers=0)])
    curves = evaluation.curves()
    at_100 = np.argmin(np.abs(np.array(curves["thresholds"]) - 100 / 255))
    summary = evaluation.summary()
    for population, metric in (("four_readers", "consensus"), ("all", "label")):
        mean = summary["metrics"][population][f"{metric}_dice"]["mean"]
        assert curves["dice"][population][metric][at_100] == pytest.approx(mean)
    pixels = sum(bin_["pixels"] for bin_ in curves["calibration"]["label"])
    assert pixels == 3 * (SCALE * PATCH) ** 2
    json.dumps(curves, allow_nan=False)


def test_a_failing_record_is_named_and_the_others_go_on():
    wrong = _record(2)
    del wrong["image"]
    odd = _record(3) | {"n_readers": 3}
    nan = _record(4) | {"image": np.full((SIZE, SIZE), np.nan, np.float32)}
    evaluation = _evaluate([_record(0), wrong, odd, nan, _record(5)], batch_size=2)
    assert [row["key"] for row in evaluation.rows] == ["K0", "K5"]
    reasons = {failure.key: failure.reason for failure in evaluation.failures}
    assert reasons["K2"].startswith("image: found none, expected the feature image")
    assert "found 4 masks with a marked pixel, expected n_readers = 3" in reasons["K3"]
    assert "NaN" in reasons["K4"]
    summary = evaluation.summary()
    assert summary["failed"] == 3
    assert "3 records could not be evaluated" in markdown_table(summary)


def test_a_nan_in_the_prediction_is_a_failure():
    class Broken(BrightIsLesion):
        def __call__(self, patches):
            alpha = super().__call__(patches)["alpha"].copy()
            alpha[0, 0, 0] = np.nan
            return {"alpha": alpha}

    evaluation = ev.evaluate(Broken(), [_record(0), _record(1)], METADATA, progress=False)
    assert [failure.key for failure in evaluation.failures] == ["K0"]
    assert "expected finite ones in [0, 1]" in evaluation.failures[0].reason


def test_finer_labels_and_texts_as_bytes():
    """A data set at 4 x serves a cascade at 2 x: the same numbers as from masks averaged to 2 x."""
    record = _record() | {"patient": b"P0", "key": b"K0", "n_readers": np.int32(4)}
    for name in ("alpha", "trimap"):
        record[name] = record[name].repeat(2, 0).repeat(2, 1)
    record["true_alpha"] = record["alpha"]
    finer = ev.evaluate(BrightIsLesion(), [record], METADATA | {"scale": 4}, progress=False)
    coarse = _record()
    (expected,) = _evaluate([coarse | {"true_alpha": coarse["alpha"]}]).rows
    assert finer.rows == [pytest.approx(expected)]


def test_bad_data_gets_its_line():
    with pytest.raises(
        UserError, match="found soft masks at 3 x, expected a multiple of the cascade's 2 x"
    ):
        ev.evaluate(BrightIsLesion(), [_record()], METADATA | {"scale": 3}, progress=False)
    with pytest.raises(UserError, match="found kind 'super_resolution'"):
        ev.evaluate(BrightIsLesion(), [_record()], METADATA | {"kind": "super_resolution"})
    with pytest.raises(UserError, match="found none in this split"):
        _evaluate([])
    with pytest.raises(UserError, match="found none of 1 .*alpha: found none"):
        _evaluate([{name: x for name, x in _record().items() if name != "alpha"}])


def test_choose_threshold_prefers_slices_with_four_readers():
    some = [_record(0), _record(1, readers=3), _record(2, readers=0)]
    choice = ev.choose_threshold(_evaluate(some))
    assert choice == (pytest.approx(26 / 255), 1.0, "four_readers", "consensus", 1)
    choice = ev.choose_threshold(_evaluate(some[1:]))
    assert choice[2:] == ("several_readers", "consensus", 1)
    labels = _evaluate(some[2:])
    choice = ev.choose_threshold(labels)
    assert choice[2:] == ("all", "label", 1)
    assert choice.dice == pytest.approx(labels.rows[0]["label_dice"])


def test_the_worst_come_first_and_the_headlines_population_before_others():
    some = [_record(i, x=15.5 + 2 * i) for i in range(5)] + [_record(9, readers=0, x=24.0)]
    evaluation = _evaluate(some, worst=3)
    assert [example.key for example in evaluation.worst] == ["K4", "K3", "K2"]
    everything = _evaluate(some)
    assert [example.key for example in everything.worst][-1] == "K9"
    picture = worst_cases(everything.worst, everything.threshold)
    assert picture.ndim == 3 and picture.dtype == np.uint8


def test_files_written(tmp_path):
    some = [_record(0), _record(1, readers=3), _record(2, readers=0)]
    folder = tmp_path / "evaluation" / "test"
    summary = write_evaluation(_evaluate(some), folder, facts={"split": "test"})
    assert json.loads((folder / "metrics.json").read_text()) == summary
    assert summary["split"] == "test"
    rows = list(csv.DictReader((folder / "lesions.csv").read_text().splitlines()))
    assert [row["key"] for row in rows] == ["K0", "K1", "K2"]
    assert rows[2]["consensus_dice"] == "" and float(rows[0]["consensus_dice"]) == 1.0
    assert "| Dice, 50% consensus, four readers |" in (folder / "table.md").read_text()
    assert cv2.imread(str(folder / "worst.png")).shape[2] == 3
    assert cv2.imread(str(folder / "worst_errors.png")).shape[2] == 3
    json.loads((folder / "curves.json").read_text())


def test_empty_predictions_are_said():
    record = _record()
    record["image"] = np.zeros_like(record["image"])
    summary = _evaluate([record]).summary()
    assert summary["empty_predictions"] == 1
    assert "1 of 1 predictions are empty" in markdown_table(summary)


_LAUNCH = """
import runpy, sys
import casgan_jax.report.evaluation, ml_collections
from tests.test_evaluation import METADATA, BrightIsLesion, _record
BrightIsLesion.config = ml_collections.ConfigDict({"data": {"dir": "somewhere"}})
casgan_jax.report.evaluation.load_system = lambda workdir: BrightIsLesion()
casgan_jax.report.evaluation.load_split = lambda data_dir, split: [_record(i) for i in range(3)]
casgan_jax.report.evaluation.read_metadata = lambda data_dir: METADATA
sys.argv = ["evaluate", *sys.argv[1:]]
runpy.run_module("launch.evaluate", run_name="__main__")
"""


def test_the_command(tmp_path):
    out = subprocess.run(
        [sys.executable, "-c", _LAUNCH, f"--workdir={tmp_path}", "--noprogress"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert out.returncode == 0, out.stderr
    table, _, last = out.stdout.strip().rpartition("\n")
    assert "| Dice, 50% consensus, four readers |" in table
    summary = json.loads(last)
    assert (summary["split"], summary["data_dir"], summary["records"]) == ("test", "somewhere", 3)
    assert summary["headline"]["chosen"]["mean"] == 1.0
    assert (tmp_path / "evaluation" / "test" / "metrics.json").is_file()
