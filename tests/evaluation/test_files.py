"""An evaluation's files keep their layout, which other programs read, and are read back."""

import csv
import json
from pathlib import Path

import numpy as np

from casgan_jax.evaluation.case import Case, Facts
from casgan_jax.evaluation.curves import Bin, Calibration, Curves, DiceCurves
from casgan_jax.evaluation.data_set import Evaluation
from casgan_jax.evaluation.files import metrics_json, read_curves, read_metrics, write_measurements
from casgan_jax.evaluation.prediction import Failure
from casgan_jax.evaluation.summary import Subject
from casgan_jax.json_form import from_json, to_json
from tests.faults import fault_of
from tests.outlined_discs import measured, record_of

SUBJECT = Subject("runs/a", "data/discs", "test", 64, 4)
# Written before results had types.
METRICS = Path(__file__).parent / "golden" / "metrics.json"
CURVES = (
    '{"thresholds": [0.1, 0.5], "dice": {"four_readers": {"label": [0.5, 0.25], '
    '"consensus": [1.0, 0.5], "label_against_consensus": [0.75, 0.0]}, '
    '"all": {"label": [0.5, 0.25]}}, "calibration": {"label": '
    '[{"pixels": 4, "predicted": 0.25, "target": 0.5}], '
    '"readers": [{"pixels": 1, "predicted": 0.75, "target": 1.0}]}}'
)


def case(index: int, dice: float) -> Case:
    """A case of a patient of its own, with four readers."""
    figures = {
        "predicted_px": 0 if index else 16,
        "predicted_share": 0.0 if index else 1.0,
        "label_dice": dice,
        "label_dice_128": dice,
        "consensus_dice": dice,
        "consensus_dice_128": 0.25,
        "human_dice": 0.75,
        **{f"human_{reader}_dice": 0.75 for reader in range(1, 5)},
    }
    facts = Facts(f"K{index}", f"P{index}", f"L{index}", None, 4, 0.5)
    return Case(facts, figures, {}, {}, 0.5 + 0.5 * np.eye(6))


def test_the_layout_of_metrics_stays():
    failures = [Failure("K2", "image: found none")]
    summary = Evaluation(0.375, [case(0, 1.0), case(1, 0.5)], failures).summary()
    text = json.dumps(metrics_json(SUBJECT, summary), indent=1, allow_nan=False) + "\n"
    assert text == METRICS.read_text()
    assert read_metrics(METRICS.parent) == (SUBJECT, summary)


def test_the_layout_of_curves_stays():
    curves = Curves(
        (0.1, 0.5),
        {
            "four_readers": DiceCurves((0.5, 0.25), (1.0, 0.5), (0.75, 0.0)),
            "all": DiceCurves((0.5, 0.25)),
        },
        Calibration((Bin(4, 0.25, 0.5),), (Bin(1, 0.75, 1.0),)),
    )
    assert json.dumps(to_json(curves)) == CURVES
    assert from_json(Curves, json.loads(CURVES)) == curves


def test_what_is_written_is_read_back(tmp_path):
    evaluation = measured([record_of(0), record_of(1, readers=3), record_of(2, readers=0)])
    summary = write_measurements(evaluation, SUBJECT, tmp_path)
    assert read_metrics(tmp_path) == (SUBJECT, summary)
    assert read_curves(tmp_path) == evaluation.curves()
    rows = list(csv.DictReader((tmp_path / "lesions.csv").read_text().splitlines()))
    assert [row["key"] for row in rows] == ["K0", "K1", "K2"]
    assert rows[2]["consensus_dice"] == "" and float(rows[0]["consensus_dice"]) == 1.0


def test_one_patient_has_no_interval(tmp_path):
    summary = write_measurements(measured([record_of(0)]), SUBJECT, tmp_path)
    assert summary.headline.chosen.low is None
    assert json.loads((tmp_path / "metrics.json").read_text())["headline"]["chosen"]["low"] is None
    assert read_metrics(tmp_path) == (SUBJECT, summary)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "metrics.json").write_text('{"acc": {"mean": 0.5}}')
    assert fault_of(read_metrics, tmp_path).what.endswith("/metrics.json: workdir")
