"""What an experiment's rows left behind, as the `Results` that its report draws.

A row that failed or was not run has its place in the table, with the reason.
"""

from __future__ import annotations

import dataclasses
import math
import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from casgan_jax.evaluation.comparison import Figure, Lesion, best
from casgan_jax.experiments.plan import Column, DataSet, Experiment, Row
from casgan_jax.experiments.row_files import (
    collapse,
    dice_by_step,
    dice_by_threshold,
    inference_speed,
    mean_agreement,
    readers_of_lesions,
    stage_result,
    training_speed,
    worst_cases,
)
from casgan_jax.experiments.rows import Outcome, Task, Words
from casgan_jax.report.results import (
    Comparison,
    Heading,
    Picture,
    Results,
    RowResult,
    TableResult,
    Value,
)
from casgan_jax.report.words import readers_line
from casgan_jax.workdir.layout import evaluation_folder

Done = Sequence[tuple[Task, Outcome]]


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where results come from: the day, the command and the machine, as the report tells them."""

    date: str
    command: str
    machine: str


def results_of(
    experiment: Experiment,
    done: Done,
    output: Path,
    origin: Origin,
    words: Words,
    pictures: Sequence[Picture] = (),
) -> Results:
    """What was found so far.

    Args:
      experiment: what was to be done.
      done: tasks and what became of them.
      output: folder of the report.
      origin: of the results.
      words: how a command is typed.
      pictures: of cases.
    """
    tables = []
    for data_set in dict.fromkeys(task.data_set for task, _ in done):
        of_set = [(task, outcome) for task, outcome in done if task.data_set == data_set]
        tables.append(_DataSetRows.of(experiment, data_set, of_set).table(output, words))
    return Results(
        experiment=experiment.name,
        variant=experiment.variant,
        title=experiment.title,
        date=origin.date,
        command=origin.command,
        machine=origin.machine,
        notes=experiment.notes,
        agreement=experiment.agreement,
        pictures=tuple(pictures),
        columns=tuple(
            Heading(column.key, column.name, column.digits, column.higher_is_better)
            for column in experiment.columns
            if any(column.key in row.values for table in tables for row in table.rows)
        ),
        tables=tuple(tables),
    )


@dataclasses.dataclass(frozen=True)
class _DataSetRows:
    """The rows of one data set.

    Attributes:
      rows: that are shown, by name.
      done: tasks of each, and what became of them.
      measured: {column key: figure} of each; empty where not all its seeds are done.
    """

    experiment: Experiment
    data_set: DataSet
    rows: Mapping[str, Row]
    done: Mapping[str, Done]
    measured: Mapping[str, Mapping[str, Figure]]

    @classmethod
    def of(cls, experiment: Experiment, data_set: DataSet, done: Done) -> _DataSetRows:
        rows = {row.name: row for row in experiment.rows if row.shown}
        by_row = {name: [pair for pair in done if pair[0].row.name == name] for name in rows}
        measured = {name: _measured(pairs, experiment.columns) for name, pairs in by_row.items()}
        return cls(experiment, data_set, rows, by_row, measured)

    def table(self, output: Path, words: Words) -> TableResult:
        lesions = {
            lesion
            for figures in self.measured.values()
            for figure in figures.values()
            for lesion in figure.lesions
        }
        return TableResult(
            data_set=self.data_set.name,
            note="; ".join(filter(None, (self.data_set.note, self._readers(lesions)))),
            lesions=len(lesions),
            patients=len({patient for patient, _ in lesions}),
            rows=tuple(self._row(row, output, words) for row in self.rows.values()),
        )

    def _readers(self, lesions: Collection[Lesion]) -> str:
        """How many readers the lesions have that were measured."""
        folders = {name: [task.folder for task, _ in self.done[name]] for name in self.measured}
        known: dict[Lesion, int] = {}
        for name, figures in self.measured.items():
            known |= readers_of_lesions(folders[name]) if figures else {}
        return readers_line(known[lesion] for lesion in lesions if lesion in known)

    def _row(self, row: Row, output: Path, words: Words) -> RowResult:
        done, figures = self.done[row.name], self.measured[row.name]
        failed = [outcome for _, outcome in done if outcome.status == "failed"]
        place = RowResult(
            name=row.name,
            group=row.group,
            status="failed" if failed else "done" if figures else "not run",
            reason=failed[0].reason if failed else "",
            command=shlex.join(words(done[0][0].step)) if done else "",
            values={key: _value(figure) for key, figure in figures.items()},
            paper=self._paper(row),
            against=self._comparisons(row),
            seconds=sum(outcome.seconds for _, outcome in done) if done else None,
            images_per_second=None,
            inference_images_per_second=None,
            parameters=None,
            initial_weights=None,
            curves=None,
            training=None,
            worst=None,
            agreement=None,
        )
        return _filled(place, [task.folder for task, _ in done], output) if figures else place

    def _paper(self, row: Row) -> dict[str, float]:
        names = {
            column.key: f"{self.data_set.paper} {column.paper}".strip()
            for column in self.experiment.columns
        }
        return {key: row.paper[name] for key, name in names.items() if name in row.paper}

    def _comparisons(self, row: Row) -> dict[str, Comparison]:
        """With the best of its rivals, in each column."""
        mine, found = self.measured[row.name], {}
        for column in self.experiment.columns:
            rivals = {
                name: self.measured[name][column.key]
                for name in self._rivals(row)
                if column.key in self.measured[name]
            }
            rival = best(rivals, higher_is_better=column.higher_is_better)
            if rival and column.compared and column.key in mine:
                found[column.key] = _comparison(mine[column.key], rival, rivals[rival])
        return found

    def _rivals(self, row: Row) -> list[str]:
        """The rows of which it is compared with the best."""
        if row.against:
            return [row.against]
        if row.group != "casgan":
            return []
        return [name for name, other in self.rows.items() if other.group == "baseline"]


def _measured(done: Done, columns: Sequence[Column]) -> dict[str, Figure]:
    if not done or any(outcome.status != "done" for _, outcome in done):
        return {}
    folders = [evaluation_folder(task.folder, "test") for task, _ in done]
    found = {column.key: column.read(folders, column.key) for column in columns}
    return {key: figure for key, figure in found.items() if figure}


def _filled(row: RowResult, workdirs: Sequence[Path], output: Path) -> RowResult:
    """The row with what its workdirs tell; of the first seed, where seeds have no mean."""
    first = workdirs[0]
    stages = [stage_result(workdir) for workdir in workdirs]
    weights = [stage.initial_weights for stage in stages if stage and stage.initial_weights]
    worst = worst_cases(first)
    return dataclasses.replace(
        row,
        reason=collapse(workdirs),
        images_per_second=training_speed(first),
        inference_images_per_second=inference_speed(first),
        parameters=stages[0].parameters if stages[0] else None,
        initial_weights="; ".join(dict.fromkeys(weights)) or None,
        curves=dice_by_threshold(first),
        training=dice_by_step(first),
        worst=os.path.relpath(worst, output) if worst else None,
        agreement=mean_agreement(workdirs),
    )


def _value(figure: Figure) -> Value:
    interval = figure.mean()
    return Value(interval.mean, interval.low, interval.high, tuple(figure.by_seed))


def _comparison(ours: Figure, name: str, theirs: Figure) -> Comparison:
    found = ours.difference(theirs)
    mean, low, high, *_ = found.interval
    return Comparison(name, mean, low, high, None if math.isnan(found.p) else found.p)
