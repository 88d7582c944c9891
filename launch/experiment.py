"""Runs an experiment of the paper: trains what it needs, measures it, writes the paper's table.

    python -m launch.experiment --config=table1:quick
    python -m launch.experiment --config=table1 --rows='U-Net;CasGAN, soft'
    python -m launch.experiment --config=help

OUTPUT gets report.html, report.md and results.json, and a folder for each row. The same command
goes on after an interruption: a finished row is not run again. A row that fails says why in its
cell, and the others go on; the exit status is 1 then.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import shlex
import sys
import time
from pathlib import Path

from absl import flags
from casgan_jax.report.experiment import write_report

from casgan_jax.errors import UserError
from launch.common import run_main
from launch.experiment_plan import Experiment, Row, experiment_help, load_experiment
from launch.experiment_results import results_of
from launch.experiment_rows import Outcome, run_task, tasks_of

_CONFIG = flags.DEFINE_string("config", None, "NAME or NAME:VARIANT; 'help' lists them.")
_DATA_DIR = flags.DEFINE_string("data_dir", "data", "Folder of the prepared data sets.")
_OUTPUT = flags.DEFINE_string(
    "output", None, "Folder of the experiment; by default experiments/NAME[-VARIANT]."
)
_ROWS = flags.DEFINE_string(
    "rows", None, "Names of rows, or of configs, with ';' between them; all by default."
)


def run_experiment(
    experiment: Experiment, rows: tuple[Row, ...], data_dir: Path, output: Path, command: str
) -> list[Outcome]:
    """Runs rows on every data set that is there; the report is written after each.

    Raises:
      UserError: no data set is there, or a row's folder holds one of another configuration.
      Interrupted: asked to stop.
    """
    data_sets = [one for one in experiment.data_sets if (data_dir / one.directory).is_dir()]
    for one in experiment.data_sets:
        if one not in data_sets:
            _say(f"{one.directory}: found no such data set in {data_dir}; prepare it: {one.build}")
    if not data_sets:
        raise UserError(
            f"--data_dir: found none of the experiment's data sets in {data_dir}, expected "
            f"{experiment.data_sets[-1].directory}; {experiment.data_sets[-1].build}"
        )
    tasks = [
        task
        for data_set in data_sets
        for task in tasks_of(experiment, data_set, rows, data_dir, output)
    ]
    facts = {"machine": _machine(), "date": f"{datetime.date.today()}", "command": command}
    outcomes: list[Outcome] = []
    for number, task in enumerate(tasks, 1):
        start = time.monotonic()
        count = f"[{number}/{len(tasks)}]"
        _say(f"{count} {task.data_set.directory}: {task.row.name}, seed {task.seed}")
        outcomes.append(run_task(task))
        told = outcomes[-1].reason or "done"
        _say(f"{count} {told} ({time.monotonic() - start:.0f} s)")
        done = list(zip(tasks, outcomes, strict=False))
        write_report(results_of(experiment, done, output, facts), output)
    return outcomes


def main(_: list[str]) -> int:
    if _CONFIG.value == "help":
        print(experiment_help())
        return 0
    if not _CONFIG.value:
        raise UserError("--config: found none, expected NAME[:VARIANT]; `--config=help` lists them")
    names = _ROWS.value and [name.strip() for name in _ROWS.value.split(";")]
    experiment = load_experiment(_CONFIG.value).with_configs(names)
    output = Path(_OUTPUT.value or Path("experiments", _CONFIG.value.replace(":", "-")))
    rows = experiment.chosen(names)
    command = shlex.join(["python", "-m", "launch.experiment", *sys.argv[1:]])
    outcomes = run_experiment(experiment, rows, Path(_DATA_DIR.value), output, command)
    print((output / "report.md").read_text())
    print(f"report: {output / 'report.html'}")
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    print(json.dumps({"rows": len(outcomes), "failed": failed, "report": str(output)}))
    return 1 if failed else 0


def _machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_main(main)
