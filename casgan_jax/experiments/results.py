"""What an experiment's rows left behind, as the mapping that `write_report` draws.

A row that failed or was not run has its place in the table, with the reason.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.evaluation.comparison import Figure, best, json_interval
from casgan_jax.experiments.plan import Column, DataSet, Experiment, Row
from casgan_jax.experiments.rows import Outcome, Task, shown_command
from casgan_jax.workdir.layout import (
    CURVES,
    METRICS,
    WORST,
    evaluation_folder,
    log_file,
    result_file,
)


def results_of(
    experiment: Experiment,
    done: Sequence[tuple[Task, Outcome]],
    output: Path,
    facts: dict[str, str],
    pictures: Sequence[dict[str, str]] = (),
) -> dict[str, Any]:
    """See `casgan_jax.report.experiment.write_report`.

    Args:
      experiment: what was to be done.
      done: tasks and what became of them.
      output: folder of the experiment.
      facts: "machine", "date" and "command".
      pictures: "title" and "file" of each.
    """
    columns = experiment.columns
    tables = []
    for data_set in dict.fromkeys(task.data_set for task, _ in done):
        of_set = [(task, outcome) for task, outcome in done if task.data_set == data_set]
        rows = {row.name: row for row in experiment.rows if row.shown}
        measured = {
            name: _measured([pair for pair in of_set if pair[0].row.name == name], columns)
            for name in rows
        }
        tables.append(
            {
                "data_set": data_set.name,
                "note": data_set.note,
                **_sizes(measured),
                "rows": [
                    _row(
                        row,
                        [pair for pair in of_set if pair[0].row.name == name],
                        measured,
                        rows,
                        data_set,
                        experiment,
                        output,
                    )
                    for name, row in rows.items()
                ],
            }
        )
    return {
        "experiment": experiment.name,
        "variant": experiment.variant,
        "title": experiment.title,
        **facts,
        "notes": list(experiment.notes),
        "agreement": [list(line) for line in experiment.agreement],
        "pictures": list(pictures),
        "columns": [
            {
                "key": column.key,
                "name": column.name,
                "digits": column.digits,
                "higher_is_better": column.higher_is_better,
            }
            for column in columns
            if any(column.key in row["values"] for table in tables for row in table["rows"])
        ],
        "tables": tables,
    }


def _measured(
    pairs: Sequence[tuple[Task, Outcome]], columns: Sequence[Column]
) -> dict[str, Figure]:
    """{column key: figure} of a row whose seeds are all done."""
    if not pairs or any(outcome.status != "done" for _, outcome in pairs):
        return {}
    folders = [evaluation_folder(task.folder, "test") for task, _ in pairs]
    found = {column.key: column.read(folders, column.key) for column in columns}
    return {key: figure for key, figure in found.items() if figure}


def _sizes(measured: dict[str, dict[str, Figure]]) -> dict[str, int]:
    lesions = {key for row in measured.values() for one in row.values() for key in one.lesions}
    return {"lesions": len(lesions), "patients": len({patient for patient, _ in lesions})}


def _row(
    row: Row,
    pairs: Sequence[tuple[Task, Outcome]],
    measured: dict[str, dict[str, Figure]],
    rows: dict[str, Row],
    data_set: DataSet,
    experiment: Experiment,
    output: Path,
) -> dict[str, Any]:
    failed = [outcome for _, outcome in pairs if outcome.status == "failed"]
    mine = measured[row.name]
    folder = pairs[0][0].folder if pairs else None
    against = {}
    rivals = _rivals(row, rows)
    for column in experiment.columns:
        others = {
            name: measured[name][column.key] for name in rivals if column.key in measured[name]
        }
        rival = best(others, higher_is_better=column.higher_is_better)
        if rival and column.compared and column.key in mine:
            against[column.key] = _against(mine[column.key], rival, others[rival])
    return {
        "name": row.name,
        "group": row.group,
        "status": "failed" if failed else "done" if mine else "not run",
        "reason": failed[0].reason if failed else "",
        "command": shown_command(pairs[0][0]) if pairs else "",
        "values": {
            key: json_interval(figure.mean(), figure.by_seed) for key, figure in mine.items()
        },
        "paper": {
            column.key: row.paper[name]
            for column in experiment.columns
            if (name := f"{data_set.paper} {column.paper}".strip()) in row.paper
        },
        "against": against,
        "seconds": sum(outcome.seconds for _, outcome in pairs) if pairs else None,
        "images_per_second": _speed(folder) if mine else None,
        "inference_images_per_second": _inference_speed(folder) if mine else None,
        "parameters": _parameters(folder) if mine else None,
        "initial_weights": _initial_weights(pairs) if mine else None,
        "curves": _curves(folder) if mine else None,
        "training": _training(folder) if mine else None,
        "worst": _worst(folder, output) if mine else None,
        "agreement": _agreement([task.folder for task, _ in pairs]) if mine else None,
    }


def _rivals(row: Row, rows: dict[str, Row]) -> list[str]:
    """The rows of which it is compared with the best."""
    if row.against:
        return [row.against]
    if row.group != "casgan":
        return []
    return [name for name, other in rows.items() if other.group == "baseline"]


def _against(ours: Figure, name: str, theirs: Figure) -> dict[str, Any]:
    found = ours.difference(theirs)
    interval = json_interval(found.interval, ())
    return {
        "row": name,
        "difference": interval["mean"],
        "low": interval["low"],
        "high": interval["high"],
        "p": None if math.isnan(found.p) else found.p,
    }


def _lines(folder: Path, kind: str) -> list[dict[str, Any]]:
    path = log_file(folder, "softgan")
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
    return [line for line in lines if line["kind"] == kind]


def _speed(folder: Path) -> float | None:
    """Images a second of training, the median of what was logged."""
    found = [line["images_per_second"] for line in _lines(folder, "train")]
    return float(np.median(found)) if found else None


def _inference_speed(folder: Path) -> float | None:
    """Images a second that a method without training segments."""
    result = result_file(folder, "classical")
    return json.loads(result.read_text())["images_per_second"] if result.is_file() else None


def _training(folder: Path) -> dict[str, list[float]] | None:
    lines = _lines(folder, "validation")
    if not lines:
        return None
    return {"steps": [line["step"] for line in lines], "dice": [line["dice"] for line in lines]}


def _parameters(folder: Path) -> int | None:
    return training_result(folder).get("parameters")


def _initial_weights(pairs: Sequence[tuple[Task, Outcome]]) -> str | None:
    """What the row's networks started from; None for a row without a network."""
    found = [training_result(task.folder).get("initial_weights") for task, _ in pairs]
    return "; ".join(dict.fromkeys(name for name in found if name)) or None


def training_result(folder: Path) -> dict[str, Any]:
    """What training left in a task's folder; empty where nothing was trained."""
    stages = [result_file(folder, stage) for stage in ("softgan", "srgan")]
    found = [json.loads(path.read_text()) for path in stages if path.is_file()]
    return found[0] if found else {}


def _curves(folder: Path) -> dict[str, list[float]] | None:
    path = evaluation_folder(folder, "test") / CURVES
    if not path.is_file():
        return None
    found = json.loads(path.read_text())
    return {"thresholds": found["thresholds"], "dice": found["dice"]["all"]["label"]}


def _agreement(folders: Sequence[Path]) -> dict[str, Any] | None:
    """Dice of readers, consensus and network with each other, the mean over the seeds."""
    found = [
        json.loads(path.read_text()).get("agreement")
        for folder in folders
        if (path := evaluation_folder(folder, "test") / METRICS).is_file()
    ]
    if not found or not all(found):
        return None
    means = {key: np.mean([one[key] for one in found], axis=0) for key in ("dice", "others")}
    return {
        "names": [name.replace("_", " ") for name in found[0]["names"]],
        **{key: mean.round(4).tolist() for key, mean in means.items()},
    }


def _worst(folder: Path, output: Path) -> str | None:
    path = evaluation_folder(folder, "test") / WORST
    return os.path.relpath(path, output) if path.is_file() else None
