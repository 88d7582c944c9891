"""Trains and measures the rows of an experiment, each in a process of its own.

A row is the command that a user would type to train its config, which continues what was
interrupted and ends with the test split measured. In a process of its own a row may fail by any
means, short of memory included, and the others go on. Its folder, OUTPUT/DATA_SET/ROW/seed-N, keeps
what it was made from in `row.json`: a finished row is not run again, and one of another
configuration is refused, never mixed in.
"""

from __future__ import annotations

import dataclasses
import io
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from casgan_jax.configs.schema.load import load_config
from casgan_jax.configs.schema.tree import flat_settings
from casgan_jax.errors import Interrupted, Step, UserError
from casgan_jax.experiments.kept import Kept, keep, made_from, read_kept
from casgan_jax.experiments.plan import DATA_DIR, DataSet, Experiment, Row

Words = Callable[[Step], list[str]]  # a command as it is typed, word by word

_TAIL = 4000  # bytes of a process's output that are kept to tell why it failed


class Task(NamedTuple):
    """One row on one data set with one seed."""

    row: Row
    data_set: DataSet
    seed: int
    folder: Path
    fields: tuple[tuple[str, str], ...]  # of the config, as on the command line

    @property
    def step(self) -> Step:
        """The command that trains and measures it."""
        fields = {f"config.{field}": value for field, value in self.fields}
        return Step("train", {"config": self.row.config, "workdir": str(self.folder), **fields})


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes:
      status: "done" or "failed".
      reason: one line of a failure.
      seconds: that training and measuring took, over all attempts.
    """

    status: str
    reason: str = ""
    seconds: float = 0.0


def tasks_of(
    experiment: Experiment, data_set: DataSet, rows: tuple[Row, ...], data_dir: Path, output: Path
) -> list[Task]:
    """The tasks of one table, those that others use before them."""
    tasks = []
    for seed in experiment.seeds:
        table = output / _file_name(data_set.name)
        folders = {row.name: table / _file_name(row.name) / f"seed-{seed}" for row in rows}
        for row in rows:
            known = set(flat_settings(load_config(row.config, [])))
            of_set = {name: text.replace(DATA_DIR, str(data_dir)) for name, text in data_set.fields}
            wanted = {**experiment.fields, **of_set}
            if data_set.test:
                wanted["data.test_dir"] = str(data_dir / data_set.test)
            shared = {name: text for name, text in wanted.items() if name in known}
            fields = {
                "data.dir": str(data_dir / data_set.directory),
                "seed": str(seed),
                **shared,
                **row.fields,
                **{field: str(folders[name]) for field, name in row.uses.items()},
            }
            tasks.append(Task(row, data_set, seed, folders[row.name], tuple(fields.items())))
    return tasks


def run_task(task: Task, words: Words) -> Outcome:
    """Trains and measures a row, unless that is done.

    Args:
      task: the row.
      words: how a command is typed.

    Raises:
      UserError: its folder holds a row of another configuration.
      Interrupted: the process was asked to stop; what it had saved stands.
    """
    made = made_from(task.row.config, task.fields)
    before, seconds = read_kept(task.folder), 0.0
    if before:
        _check_same(task, before.made_from.changes(made))
        if before.made_from.data is None:
            _say(f"{task.folder}: the version that made it did not keep of which data set")
        if before.status == "done":
            keep(dataclasses.replace(before, made_from=made), task.folder)  # as this version does
            return Outcome("done", seconds=before.seconds)
        seconds = before.seconds
    task.folder.mkdir(parents=True, exist_ok=True)
    keep(Kept(made, "started", "", seconds), task.folder)
    start = time.monotonic()
    try:
        status, said = _run(words(task.step))
    except Interrupted:
        spent = seconds + time.monotonic() - start
        keep(Kept(made, "interrupted", "", spent), task.folder)
        raise
    outcome = Outcome(
        "failed" if status else "done",
        _reason(status, said) if status else "",
        seconds + time.monotonic() - start,
    )
    keep(Kept(made, outcome.status, outcome.reason, outcome.seconds), task.folder)
    return outcome


def finished(task: Task) -> Outcome | None:
    """What became of a row that was finished before in this configuration; None of any other."""
    before = read_kept(task.folder)
    if before is None or before.status != "done":
        return None
    changes = before.made_from.changes(made_from(task.row.config, task.fields))
    return None if changes else Outcome("done", seconds=before.seconds)


def _run(command: list[str]) -> tuple[int, str]:
    """Exit status and the end of what a command said; its output is passed on as it comes."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = cast(io.BufferedReader, process.stderr)
    tail = bytearray()

    def pass_on() -> None:
        while part := said.read1(1024):
            sys.stderr.buffer.write(part)
            sys.stderr.flush()
            tail.extend(part)
            del tail[:-_TAIL]

    reader = threading.Thread(target=pass_on, daemon=True)
    reader.start()
    # A scheduler tells this process alone; it is the row that has a state to save.
    before = signal.signal(signal.SIGTERM, lambda number, frame: process.send_signal(number))
    try:
        status = process.wait()
    except KeyboardInterrupt:
        status = process.wait()  # it has had the signal, too, and saves its state
        raise _interrupted(signal.SIGINT) from None
    finally:
        signal.signal(signal.SIGTERM, before)
        reader.join(timeout=10)
        said.close()
        if tail and not tail.endswith(b"\n"):  # it ended within its progress bar
            print(file=sys.stderr)
    if status - 128 in (signal.SIGINT, signal.SIGTERM):
        raise _interrupted(signal.Signals(status - 128))
    return status, tail.decode(errors="replace")


def _interrupted(number: signal.Signals) -> Interrupted:
    return Interrupted(
        f"stopped by {number.name}; finished rows are kept, and the same command goes on", number
    )


def _reason(status: int, said: str) -> str:
    lines = [line.strip() for line in re.split(r"[\r\n]+", said) if line.strip()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    if status < 0:
        return f"killed by signal {-status}" + (" (out of memory?)" if status == -9 else "")
    return (errors or lines or [f"exit status {status}"])[-1][:300]


def _check_same(task: Task, changed: Mapping[str, tuple[Any, Any]]) -> None:
    if changed:
        told = "; ".join(f"{name}: {old!r}, now {new!r}" for name, (old, new) in changed.items())
        raise UserError(
            "output",
            found=f"in {task.folder} a row of another configuration ({told[:300]})",
            expected="the same",
            remedy="choose another `output` or remove that folder",
        )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _file_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower().replace("+", "p")).strip("-")
