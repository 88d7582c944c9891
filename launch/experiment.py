"""Runs an experiment of the paper: trains what it needs, measures it, writes the paper's table.

    python -m launch.experiment --config=table1:quick
    python -m launch.experiment --config=table1 --rows='U-Net;CasGAN, soft'
    python -m launch.experiment --config=table1 --config.train.steps=800
    python -m launch.experiment --config=help

OUTPUT gets report.html, report.md and results.json, and a folder for each row. The same command
goes on after an interruption: a finished row is not run again. A row that fails says why in its
cell, the others go on, and the exit status is 1. --config.FIELD=VALUE is for every row that has it.
"""

import json
import sys
from pathlib import Path

from absl import flags

import launch.experiments
from casgan_jax.commands.entry import run_main
from casgan_jax.commands.path_flag import define_path
from casgan_jax.commands.program import typed_again, words
from casgan_jax.configs.schema import catalogue
from casgan_jax.configs.schema.load import split_overrides
from casgan_jax.errors import UserError
from casgan_jax.experiments.plan import load_experiment
from casgan_jax.workdir.layout import REPORT, REPORT_PAGE

_CONFIG = flags.DEFINE_string("config", None, "NAME or NAME:VARIANT; 'help' lists them.")
_DATA_DIR = define_path("data_dir", "data", "Folder of the prepared data sets.")
_OUTPUT = define_path("output", None, "Its folder; by default experiments/NAME[-VARIANT].")
_ROWS = flags.DEFINE_string("rows", None, "Names of rows or configs with ';' between; or all.")
_overrides: list[tuple[str, str]] = []


def main(_: list[str]) -> int:
    if _CONFIG.value == "help":
        print(catalogue.help_text(launch.experiments))
        return 0
    if not _CONFIG.value:
        remedy = "`config=help` lists them"
        raise UserError("config", found="none", expected="NAME[:VARIANT]", remedy=remedy)
    names = [name.strip() for name in _ROWS.value.split(";")] if _ROWS.value else None
    experiment = load_experiment(launch.experiments, _CONFIG.value).with_configs(names)
    output = Path(_OUTPUT.value or Path("experiments", _CONFIG.value.replace(":", "-")))
    experiment = experiment.with_fields(_overrides, names)
    command = typed_again("experiment", [f"--config.{name}={text}" for name, text in _overrides])
    rows, data_dir = experiment.chosen(names), Path(_DATA_DIR.value or "")
    from casgan_jax.experiments.runner import run_experiment  # with matplotlib, for its pages

    outcomes = run_experiment(experiment, rows, data_dir, output, command, words)
    print((output / REPORT).read_text() + f"\nreport: {output / REPORT_PAGE}")
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    print(json.dumps({"rows": len(outcomes), "failed": failed, "report": str(output)}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.argv[1:], _overrides[:] = split_overrides(sys.argv[1:])
    run_main(main)
