"""Trains and measures the rows of an experiment, each in a process of its own.

A row is the command that a user would type, `python -m launch.train --config=... --workdir=...`,
which continues what was interrupted and ends with the test split measured. In a process of its own
a row may fail by any means, short of memory included, and the others go on. Its folder,
OUTPUT/DATA_SET/ROW/seed-N, keeps what it was made from in `row.json`: a finished row is not run
again, and one of another configuration is refused, never mixed in.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from casgan_jax.configs.schema.json_form import from_dict, to_dict
from casgan_jax.configs.schema.load import load_config
from casgan_jax.configs.schema.tree import flat, flat_settings
from casgan_jax.errors import Interrupted, UserError
from casgan_jax.experiments.plan import DATA_DIR, DataSet, Experiment, Row
from casgan_jax.files import read_json, write_whole
from casgan_jax.records.identity import digest
from casgan_jax.workdir.config import differences

_TAIL = 4000  # bytes of a process's output that are kept to tell why it failed


class Task(NamedTuple):
    """One row on one data set with one seed."""

    row: Row
    data_set: DataSet
    seed: int
    folder: Path
    fields: tuple[tuple[str, str], ...]  # of the config, as on the command line

    @property
    def command(self) -> list[str]:
        """What trains and measures it."""
        return [
            "python",
            "-m",
            "launch.train",
            f"--config={self.row.config}",
            f"--workdir={self.folder}",
            *(f"--config.{field}={value}" for field, value in self.fields),
        ]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes:
      status: "done" or "failed"; in `row.json` also "started" and "interrupted".
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


def run_task(task: Task) -> Outcome:
    """Trains and measures a row, unless that is done.

    Raises:
      UserError: its folder holds a row of another configuration.
      Interrupted: the process was asked to stop; what it had saved stands.
    """
    made_from = _made_from(task)
    kept = task.folder / "row.json"
    seconds = 0.0
    if kept.is_file():
        before = read_json(kept, remedy="remove the folder and run the same command again")
        _check_same(task, before["made_from"], made_from)
        if "data" not in before["made_from"]:
            _say(f"{task.folder}: the version that made it did not keep of which data set")
        if before["status"] == "done":
            done = Outcome("done", seconds=before["seconds"])
            _keep(kept, made_from, done)  # as this version keeps it
            return done
        seconds = before["seconds"]
    task.folder.mkdir(parents=True, exist_ok=True)
    _keep(kept, made_from, Outcome("started", seconds=seconds))
    start = time.monotonic()
    try:
        status, said = _run(task.command)
    except Interrupted:
        spent = seconds + time.monotonic() - start
        _keep(kept, made_from, Outcome("interrupted", seconds=spent))
        raise
    outcome = Outcome(
        "failed" if status else "done",
        _reason(status, said) if status else "",
        seconds + time.monotonic() - start,
    )
    _keep(kept, made_from, outcome)
    return outcome


def finished(task: Task) -> Outcome | None:
    """What became of a row that was finished before in this configuration; None of any other."""
    kept = task.folder / "row.json"
    if not kept.is_file():
        return None
    before = read_json(kept, remedy="remove the folder and run the same command again")
    now = _made_from(task)
    if before["status"] != "done" or differences(_read(before["made_from"], now), now):
        return None
    return Outcome("done", seconds=before["seconds"])


def _run(command: list[str]) -> tuple[int, str]:
    """Exit status and the end of what a command said; its output is passed on as it comes."""
    process = subprocess.Popen(
        [sys.executable, *command[1:]],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    tail = bytearray()

    def pass_on() -> None:
        while part := process.stderr.read1(1024):
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
        process.stderr.close()
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


def _made_from(task: Task) -> dict[str, Any]:
    """All that the result of a task depends on, but for the code."""
    config = load_config(task.row.config, task.fields)
    fields = flat(config)
    names = filter(None, (config.data.dir, fields.get("data.test_dir")))
    parts = [_digest(name) for name in names]
    ratings = Path(fields.get("data.ratings", ""))
    if ratings.is_file():
        parts.append(hashlib.sha256(ratings.read_bytes()).hexdigest())
    data = hashlib.sha256("".join(parts).encode()).hexdigest()
    return {"config": to_dict(config), "data": data}


def _digest(data_dir: str) -> str:
    try:
        return digest(data_dir)
    except UserError:
        return ""  # the row's own process fails by it, and tells it


def _read(made_from: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """What `_made_from` gave, in this version or an earlier one, whose config had other fields and
    which did not know data sets by their content: there it is taken to be what it is now."""
    data = made_from.get("data", now["data"])
    return {"config": to_dict(from_dict(made_from["config"])), "data": data}


def _check_same(task: Task, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    changed = differences(_read(before, now), now)
    if changed:
        told = "; ".join(f"{name}: {old!r}, now {new!r}" for name, (old, new) in changed.items())
        raise UserError(
            "output",
            found=f"in {task.folder} a row of another configuration ({told[:300]})",
            expected="the same",
            remedy="choose another `output` or remove that folder",
        )


def _keep(path: Path, made_from: Mapping[str, Any], outcome: Outcome) -> None:
    facts = {"made_from": made_from, **dataclasses.asdict(outcome)}
    write_whole(path, (json.dumps(facts, indent=1) + "\n").encode())


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _file_name(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower().replace("+", "p")).strip("-")


def shown_command(task: Task) -> str:
    """The command as a user would type it."""
    return shlex.join(task.command)
