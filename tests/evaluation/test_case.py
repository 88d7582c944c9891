"""What is measured of one prediction: discs whose numbers can be worked out."""

import numpy as np
import pytest

from casgan_jax import metrics
from casgan_jax.evaluation.data_set import evaluate
from tests.outlined_discs import METADATA, SCALE, BrightIsLesion, disc, measured, record_of


def test_a_perfect_prediction_and_its_readers():
    (row,) = measured([record_of()]).rows
    assert row["consensus_dice"] == row["consensus_dice_128"] == 1.0
    lesion = disc(5.0)
    to_readers = [float(metrics.dice(lesion, disc(radius))) for radius in (4, 5, 5, 6)]
    assert [row[f"reader_{i}_dice"] for i in (1, 2, 3, 4)] == pytest.approx(to_readers)
    assert row["readers_dice"] == pytest.approx(np.mean(to_readers))
    # The majority of the other three is the disc of radius 5 for every one of the four.
    assert row["human_dice"] == pytest.approx(np.mean(to_readers))
    assert row["others_dice"] == row["consensus_hd95"] + 1.0 == 1.0
    assert row["predicted_px"] == row["consensus_px"] == lesion.sum()


def test_error_where_any_reader_marked():
    (row,) = measured([record_of()]).rows
    readers = np.stack([disc(radius) for radius in (4, 5, 5, 6)])
    alpha, union = np.where(disc(5.0), 200, 20) / 255, readers.any(0)
    expected = np.abs(alpha - readers.mean(0))[union].mean()
    assert row["union_soft_mae"] == pytest.approx(expected, abs=1e-4)


def test_label_metrics_by_hand():
    record = record_of()
    (row,) = measured([record]).rows
    fine = slice(SCALE * 8, SCALE * 24)
    label = record["alpha"][fine, fine] / 255.0
    alpha = np.where(disc(5.0)[8:24, 8:24], 200, 20).repeat(2, 0).repeat(2, 1) / 255.0
    assert row["label_soft_mae"] == pytest.approx(np.abs(alpha - label).mean())
    hard, truth = alpha >= 0.5, record["alpha"][fine, fine] >= 128
    both = (hard & truth).sum()
    assert row["label_dice_128"] == pytest.approx(2 * both / (hard.sum() + truth.sum()))
    assert row["label_iou_128"] == pytest.approx(both / (hard | truth).sum())
    assert row["label_acc_128"] == pytest.approx((hard == truth).mean())
    assert row["label_auc"] == pytest.approx(metrics.auc(alpha, truth))


def test_what_leaves_the_patch_is_missed():
    """A lesion centred on the patch's border: half of it can be found, all of it counts."""
    (row,) = measured([record_of(x=24.0)]).rows
    lesion = disc(5.0, 24.0)
    found = lesion.copy()
    found[:, 24:] = False
    assert row["consensus_dice"] == pytest.approx(2 * found.sum() / (found.sum() + lesion.sum()))


def test_both_thresholds_are_measured():
    record = record_of()
    record["image"] = np.where(disc(5.0), 110, 20).astype(np.uint8)  # between 100 and 128
    (row,) = measured([record]).rows
    assert (row["consensus_dice"], row["consensus_dice_128"]) == (1.0, 0.0)
    assert row["label_dice"] > 0.9 and row["label_dice_128"] == 0.0


def test_true_alpha_tells_network_from_matting():
    record = record_of()
    true_alpha = np.where(disc(5.0), 200, 20).repeat(2, 0).repeat(2, 1).astype(np.uint8)
    evaluation = measured([record | {"true_alpha": true_alpha}] * 2)
    row = evaluation.rows[0]
    fine = slice(SCALE * 8, SCALE * 24)
    difference = np.abs(record["alpha"][fine, fine] / 255.0 - true_alpha[fine, fine] / 255.0)
    unknown = record["trimap"][fine, fine] == 128
    assert row["network_soft_mae"] == row["network_gradient_error"] == 0.0
    assert row["matting_soft_mae"] == row["gain_soft_mae"] == pytest.approx(difference.mean())
    assert row["matting_soft_mae_unknown"] == pytest.approx(difference[unknown].mean())
    assert 0 < row["matting_gradient_error_unknown"] <= row["matting_gradient_error"]


def test_finer_labels_and_texts_as_bytes():
    """A data set at 4 x serves a cascade at 2 x: the same numbers as from masks averaged to 2 x."""
    record = record_of() | {"patient": b"P0", "key": b"K0", "n_readers": np.int32(4)}
    for name in ("alpha", "trimap"):
        record[name] = record[name].repeat(2, 0).repeat(2, 1)
    record["true_alpha"] = record["alpha"]
    finer = evaluate(BrightIsLesion(), [record], METADATA | {"scale": 4}, progress=False)
    coarse = record_of()
    (expected,) = measured([coarse | {"true_alpha": coarse["alpha"]}]).rows
    assert finer.rows == [pytest.approx(expected)]
