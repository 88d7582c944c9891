"""Runs an experiment: its rows one after the other, the report written after each one."""

from __future__ import annotations

import datetime
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from casgan_jax.errors import UserError
from casgan_jax.experiments.figures import write_figures
from casgan_jax.experiments.plan import Experiment, Row
from casgan_jax.experiments.results import results_of, training_result
from casgan_jax.experiments.rows import Outcome, Task, finished, run_task, tasks_of
from casgan_jax.files import make_folder
from casgan_jax.report.experiment import write_report


def run_experiment(
    experiment: Experiment, rows: tuple[Row, ...], data_dir: Path, output: Path, command: str
) -> list[Outcome]:
    """Runs rows on every data set that is there; the report is written after each.

    The rows of an experiment that draws those of another one are in that one's folder, beside
    `output`.

    Other rows that were finished before, in the same configuration, are in the report, too.

    Raises:
      UserError: no data set is there, or a row's folder holds one of another configuration.
      Interrupted: asked to stop.
    """
    data_sets = []
    for one in experiment.data_sets:
        missing = [name for name in one.directories if not (data_dir / name).is_dir()]
        if not missing:
            data_sets.append(one)
        for name in missing:
            _say(f"{name}: found no such data set in {data_dir}; prepare it: {one.build}")
    if not data_sets:
        raise UserError(
            "data_dir",
            found=f"none of the experiment's data sets in {data_dir}",
            expected=f"{experiment.data_sets[-1].name}",
            remedy=f"{experiment.data_sets[-1].build}",
        )
    make_folder(output, field="output")
    folder = output.parent / experiment.folder if experiment.rows_of else output
    tasks = [
        task
        for data_set in data_sets
        for task in tasks_of(experiment, data_set, rows, data_dir, folder)
    ]
    earlier = [
        (task, outcome)
        for data_set in data_sets
        for task in tasks_of(experiment, data_set, experiment.chosen(None), data_dir, folder)
        if task not in tasks and (outcome := finished(task))
    ]
    facts = {"date": f"{datetime.date.today()}", "command": command}
    outcomes: list[Outcome] = []
    for number, task in enumerate(tasks, 1):
        start = time.monotonic()
        count = f"[{number}/{len(tasks)}]"
        _say(f"{count} {task.data_set.name}: {task.row.name}, seed {task.seed}")
        was_done = finished(task) is not None
        outcomes.append(_failure_of_used(task, tasks, outcomes) or run_task(task))
        told = outcomes[-1].reason or "done"
        _say(f"{count} {told} ({time.monotonic() - start:.0f} s)")
        if not was_done or number == len(tasks):
            done = earlier + list(zip(tasks, outcomes, strict=False))
            _report(experiment, done, output, facts)
    if experiment.draw:
        pictures = write_figures(experiment.name, experiment.draw, done, output)
        _report(experiment, done, output, facts, pictures)
    return outcomes


def _failure_of_used(task: Task, tasks: list[Task], outcomes: list[Outcome]) -> Outcome | None:
    """The failure of a row for which another one failed that it uses; None if none did."""
    for before, outcome in zip(tasks, outcomes, strict=False):
        used = before.row.name in task.row.uses.values()
        same = (before.data_set, before.seed) == (task.data_set, task.seed)
        if used and same and outcome.status == "failed":
            return Outcome("failed", f"{before.row.name}: {outcome.reason}")
    return None


def _report(
    experiment: Experiment,
    done: Sequence[tuple[Task, Outcome]],
    output: Path,
    facts: dict[str, str],
    pictures: Sequence[dict[str, str]] = (),
) -> None:
    facts = facts | {"machine": _machine(done)}
    write_report(results_of(experiment, done, output, facts, pictures), output)


def _machine(done: Sequence[tuple[Task, Outcome]]) -> str:
    """The processor, and the devices that rows were trained on where they are others."""
    found = {training_result(task.folder).get("devices") for task, _ in done} - {None}
    told = f", trained on {' and '.join(sorted(found))}" if found - {"cpu"} else ""
    return f"{platform.machine()}, {os.cpu_count()} cores{told}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
