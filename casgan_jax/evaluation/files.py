"""An evaluation's numbers on disk: metrics.json, curves.json and lesions.csv.

write_measurements(evaluation, subject, folder)
subject, summary = read_metrics(folder)
curves = read_curves(folder)
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from casgan_jax.evaluation.curves import Curves
from casgan_jax.evaluation.data_set import Evaluation
from casgan_jax.evaluation.summary import Subject, Summary
from casgan_jax.json_form import read_as, to_json
from casgan_jax.workdir.layout import CURVES, LESIONS, METRICS

_REMEDY = "evaluate the run again"


def write_measurements(evaluation: Evaluation, subject: Subject, folder: Path) -> Summary:
    """Writes the numbers of an evaluation; returns what they come to.

    Args:
      evaluation: what was measured.
      subject: what it was measured of.
      folder: exists; files of the same names are replaced.
    """
    summary = evaluation.summary()
    metrics = json.dumps(metrics_json(subject, summary), indent=1, allow_nan=False)
    curves = json.dumps(to_json(evaluation.curves()), allow_nan=False)
    (folder / METRICS).write_text(metrics + "\n")
    (folder / CURVES).write_text(curves + "\n")
    write_rows(folder / LESIONS, evaluation.rows)
    return summary


def metrics_json(subject: Subject, summary: Summary) -> dict[str, Any]:
    """What metrics.json holds."""
    return {**to_json(subject), **to_json(summary)}


def read_metrics(folder: Path) -> tuple[Subject, Summary]:
    """What `write_measurements` wrote as metrics.json.

    Raises:
      UserError: it is not there, or is another file of that name.
    """
    path = folder / METRICS
    return read_as(Subject, path, remedy=_REMEDY), read_as(Summary, path, remedy=_REMEDY)


def read_curves(folder: Path) -> Curves:
    """What `write_measurements` wrote as curves.json.

    Raises:
      UserError: it is not there, or is another file of that name.
    """
    return read_as(Curves, folder / CURVES, remedy=_REMEDY)


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes one line a lesion; a row without a metric that others have stays blank there."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


def _cell(value: object) -> object:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return value
