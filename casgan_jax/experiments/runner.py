"""Runs an experiment: its rows one after the other, the report written after each one."""

from __future__ import annotations

import datetime
import os
import platform
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from casgan_jax.errors import UserError
from casgan_jax.experiments.figures import write_figures
from casgan_jax.experiments.plan import DataSet, Experiment, Row
from casgan_jax.experiments.results import Done, Origin, results_of
from casgan_jax.experiments.row_files import stage_result
from casgan_jax.experiments.rows import Outcome, Task, Words, finished, run_task, tasks_of
from casgan_jax.files import make_folder
from casgan_jax.progress import duration
from casgan_jax.report.experiment import write_report
from casgan_jax.report.results import Picture


def run_experiment(
    experiment: Experiment,
    rows: tuple[Row, ...],
    data_dir: Path,
    output: Path,
    command: str,
    words: Words,
) -> list[Outcome]:
    """Runs rows on every data set that is there; the report is written after each.

    The rows of an experiment that draws those of another one are in that one's folder, beside
    `output`. Other rows that were finished before, in the same configuration, are in the report,
    too.

    Args:
      experiment: whose rows they are.
      rows: of the experiment, each after those that it uses.
      data_dir: folder of the prepared data sets.
      output: folder of the report; made if it is not there.
      command: that runs the experiment, as the report tells it.
      words: how a command is typed, word by word.

    Raises:
      UserError: no data set is there, or a row's folder holds one of another configuration.
      Interrupted: asked to stop.
    """
    data_sets = _data_sets(experiment, data_dir, words)
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
    date = f"{datetime.date.today()}"

    def report(done: Done, pictures: Sequence[Picture] = ()) -> None:
        origin = Origin(date, command, _machine(done))
        write_report(results_of(experiment, done, output, origin, words, pictures), output)

    outcomes: list[Outcome] = []
    spent: list[float] = []  # seconds
    for number, task in enumerate(tasks, 1):
        start = time.monotonic()
        count = f"[{number}/{len(tasks)}]"
        _say(f"{count} {task.data_set.name}: {task.row.name}, seed {task.seed}")
        was_done = finished(task) is not None
        outcomes.append(_failure_of_used(task, tasks, outcomes) or run_task(task, words))
        told = outcomes[-1].reason or "done"
        seconds = time.monotonic() - start
        spent += [] if was_done else [seconds]
        _say(f"{count} {told} ({duration(seconds)}{_left(spent, len(tasks) - number)})")
        if not was_done or number == len(tasks):
            done = earlier + list(zip(tasks, outcomes, strict=False))
            report(done)
    if experiment.draw:
        report(done, write_figures(experiment.name, experiment.draw, done, output))
    return outcomes


def _data_sets(experiment: Experiment, data_dir: Path, words: Words) -> list[DataSet]:
    """Those that are there; says of the others what prepares them."""
    missing = {one: one.missing(data_dir) for one in experiment.data_sets}
    for data_set, steps in missing.items():
        besides = data_set.told_besides(data_dir)
        for name, step in steps.items():
            told = ", and ".join(filter(None, (shlex.join(words(step)), besides)))
            _say(f"{name}: found no such data set in {data_dir}; prepare it: {told}")
    if all(missing.values()):
        last = experiment.data_sets[-1]
        raise UserError(
            "data_dir",
            found=f"none of the experiment's data sets in {data_dir}",
            expected=last.name,
            remedy=", and ".join(filter(None, (last.told_besides(data_dir), "prepare it"))),
            step=next(iter(missing[last].values())),
        )
    return [data_set for data_set, steps in missing.items() if not steps]


def _failure_of_used(task: Task, tasks: list[Task], outcomes: list[Outcome]) -> Outcome | None:
    """The failure of a row for which another one failed that it uses; None if none did."""
    for before, outcome in zip(tasks, outcomes, strict=False):
        used = before.row.name in task.row.uses.values()
        same = (before.data_set, before.seed) == (task.data_set, task.seed)
        if used and same and outcome.status == "failed":
            return Outcome("failed", f"{before.row.name}: {outcome.reason}")
    return None


def _left(spent: Sequence[float], tasks: int) -> str:
    """How long the other tasks may take, from the seconds that those before took."""
    if not spent or not tasks:
        return ""
    return f"; the rest about {duration(sum(spent) / len(spent) * tasks)}"


def _machine(done: Done) -> str:
    """The processor, and the devices that rows were trained on where they are others."""
    stages = [stage_result(task.folder) for task, _ in done]
    found = {stage.devices for stage in stages if stage and stage.devices}
    told = f", trained on {' and '.join(sorted(found))}" if found - {"cpu"} else ""
    return f"{platform.machine()}, {os.cpu_count()} cores{told}"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
