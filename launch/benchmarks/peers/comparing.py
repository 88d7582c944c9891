"""Measures trained systems with the same code, and compares what they come to."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.evaluation.case import Case
from casgan_jax.evaluation.comparison import LesionMeans
from casgan_jax.evaluation.curves import Calibration
from casgan_jax.evaluation.data_set import evaluate
from casgan_jax.evaluation.files import read_curves, read_metrics, write_measurements
from casgan_jax.evaluation.marks import lesion_rng
from casgan_jax.evaluation.planes import plain_value
from casgan_jax.evaluation.summary import Subject
from casgan_jax.json_form import read_as, to_json
from casgan_jax.records.prepared import load_split, read_metadata
from casgan_jax.workdir.layout import LESIONS
from launch.benchmarks.peers.picture import draw_curves
from launch.benchmarks.peers.tasks import CLICKED_ELSEWHERE, Task
from launch.benchmarks.peers.trained import Point

_TRAINING = "training.json"


@dataclass(frozen=True)
class Training:
    """What is kept of a training; see `Trained`."""

    name: str
    seconds: float
    steps: int
    threshold: float
    curve: tuple[Point, ...]
    kinds: Mapping[str, str]  # of test lesions, by key


@dataclass(frozen=True)
class Result:
    """A system of a fold, trained and measured.

    Attributes:
      training: what is known of it.
      folder: of its measurements (`casgan_jax.evaluation.files`).
      task: that it was trained on.
    """

    training: Training
    folder: Path
    task: Task

    def row(self) -> dict[str, Any]:
        """What is told of it."""
        _, summary = read_metrics(self.folder)
        means = {
            told: str(summary.mean(self.task.population, column))
            for told, column in self.task.columns.items()
        }
        return {
            "system": self.training.name,
            "steps": self.training.steps,
            "seconds": round(self.training.seconds),
            "threshold": round(self.training.threshold, 3),
            **means,
            "slices": summary.mean(self.task.population, "consensus_dice").n,
        }

    def lesions(self) -> list[dict[str, str]]:
        """The lines of its table that are of the task's population, with kinds."""
        readers = {"four_readers": "4", "one_reader": "1"}[self.task.population]
        with (self.folder / LESIONS).open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["n_readers"] == readers]
        return [{**row, "kind": self.training.kinds.get(row["key"], "")} for row in rows]

    @property
    def calibration(self) -> Calibration:
        """Of its soft masks."""
        return read_curves(self.folder).calibration


def measured(
    task: Task, name: str, data: Path, folder: Path, seconds: float, limit: int = 0
) -> Result:
    """Trains and measures one of the task's systems, or reads what is there of it.

    Args:
      task: that it is part of.
      name: of `task.systems`.
      data: prepared data set.
      folder: where everything of it is kept.
      seconds: of training.
      limit: at most so many test records, drawn once; 0: all.
    """
    kept = folder / _TRAINING
    if kept.is_file():
        training = read_as(Training, kept, remedy="delete it and run the same command again")
        return Result(training, folder, task)
    folder.mkdir(parents=True, exist_ok=True)
    trained = task.systems[name](data, folder, seconds)
    records, metadata = _drawn(load_split(data, "test"), limit), read_metadata(data)
    system = trained.system
    evaluation = evaluate(system, records, metadata)
    if task.is_clicked:
        elsewhere = evaluate(system, [_clicked_elsewhere(r) for r in records], metadata)
        evaluation.cases = _with_dice_of(evaluation.cases, elsewhere.cases)
    subject = Subject(str(folder), str(data), "test", system.patch, system.scale)
    write_measurements(evaluation, subject, folder)
    kinds = {}
    if task.kind_of is not None:
        low, high = metadata["window"]
        kinds = {plain_value(r["key"]): task.kind_of(r, (low, high)) for r in records}
    training = Training(
        name, trained.seconds, trained.steps, system.threshold, trained.curve, kinds
    )
    kept.write_text(json.dumps(to_json(training)) + "\n")
    return Result(training, folder, task)


def _drawn(records: Sequence[dict[str, Any]], limit: int) -> Sequence[dict[str, Any]]:
    order = np.random.default_rng(0).permutation(len(records))[:limit]
    return [records[int(index)] for index in order] if limit else records


def _clicked_elsewhere(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record that is marked anywhere in its lesion, not in its middle; the same for everyone."""
    y, x = np.nonzero(record["consensus"])
    if not len(x):
        return record
    chosen = lesion_rng(record, 0).integers(len(x))
    return {**record, "mark": np.array([x[chosen], y[chosen]], np.float32)}


def _with_dice_of(cases: Sequence[Case], others: Sequence[Case]) -> list[Case]:
    """Cases with one more figure, `CLICKED_ELSEWHERE`, of others of the same lesions."""
    dice = {other.facts.key: other.figures.get("consensus_dice") for other in others}
    found = []
    for case in cases:
        value = dice.get(case.facts.key)
        more = {} if value is None else {CLICKED_ELSEWHERE: value}
        found.append(dataclasses.replace(case, figures={**case.figures, **more}))
    return found


def compared(task: Task, results: Sequence[Result], folder: Path) -> Iterator[dict[str, Any]]:
    """A row for each system over all folds, then what the comparison comes to.

    Args:
      task: of the results.
      results: of every system in every fold.
      folder: that gets the picture of the learning curves.
    """
    by_name = {name: [r for r in results if r.training.name == name] for name in task.systems}
    lesions = {
        name: [lesion for result in some for lesion in result.lesions()]
        for name, some in by_name.items()
    }
    for name, some in by_name.items():
        yield {"system": name, **_over_folds(task, lesions[name], some)}
    dice = {name: _means(rows, "consensus_dice") for name, rows in lesions.items()}
    ours, *peers = task.systems
    best = max(peers, key=lambda name: dice[name].mean().mean)
    differences = {name: dice[ours].difference(dice[name]) for name in peers}
    curves = {name: [result.training.curve for result in some] for name, some in by_name.items()}
    calibrations = {name: [r.calibration for r in some] for name, some in by_name.items()}
    picture = draw_curves(curves, calibrations, folder / "learning_curves.png")
    low, high = differences[best].interval.low, differences[best].interval.high
    yield {
        "casgan": str(dice[ours].mean()),
        "best_peer": f"{best} {dice[best].mean()}",
        "difference": round(differences[best].interval.mean, 4),
        "low": None if low is None else round(low, 4),
        "high": None if high is None else round(high, 4),
        "differences": {name: f"{d.interval}, p {d.p:.3g}" for name, d in differences.items()},
        "learning_curves": str(picture),
    }


def _over_folds(
    task: Task, lesions: Sequence[Mapping[str, str]], results: Sequence[Result]
) -> dict[str, Any]:
    told: dict[str, Any] = {
        name: str(_means(lesions, column).mean()) for name, column in task.columns.items()
    }
    told["ece"] = round(float(np.mean([_ece(result.calibration) for result in results])), 4)
    groups = {
        name: [row for row in lesions if low <= float(row["consensus_px"]) <= high]
        for name, (low, high) in task.sizes.items()
    }
    groups |= {kind: [row for row in lesions if row["kind"] == kind] for kind in task.kinds}
    for name, rows in groups.items():
        if rows:
            told[name] = f"{_means(rows, 'consensus_dice').mean()} of {len(rows)}"
    return told


def _means(lesions: Sequence[Mapping[str, str]], column: str) -> LesionMeans:
    values = {
        (row["patient"], row["key"]): float(row[column]) for row in lesions if row.get(column)
    }
    return LesionMeans(values, [float(np.mean(list(values.values())))])


def _ece(calibration: Calibration) -> float:
    """Expected calibration error of pixels that are predicted to belong by 0.1 or more: the mean
    distance of predicted and true share over bins, by their pixels; background would hide it."""
    bins = [one for one in calibration.readers or () if one.predicted >= 0.1]
    pixels = sum(one.pixels for one in bins)
    return sum(one.pixels * abs(one.predicted - one.target) for one in bins) / max(pixels, 1)
