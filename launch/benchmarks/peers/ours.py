"""Trains a config of this project within a budget."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
from absl import flags

from casgan_jax.configs.schema.load import load_config
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.inference.load import load_system
from casgan_jax.workdir.layout import LOG
from launch.benchmarks.peers.trained import VALIDATED, VALIDATIONS, Point, Trained, steps_within
from launch.benchmarks.running.apart import apart

_TRIAL_STEPS = 30  # that say how long a step takes
_LOGGED_EVERY = 10


def train_ours(
    config: str, fields: Mapping[str, str], data_dir: Path, folder: Path, seconds: float
) -> Trained:
    """Trains, goes on with a training that was interrupted, or reads one that is there.

    Args:
      config: NAME[:VARIANT], of the segmentor alone (`sr="none"`).
      fields: of the config, by name.
      data_dir: prepared data set.
      folder: of the runs.
      seconds: of the budget.

    Raises:
      UserError: the training failed.
    """
    workdir = folder / "run"
    kept = folder / "steps.json"
    if not kept.is_file():
        trial = folder / "trial"
        shutil.rmtree(trial, ignore_errors=True)
        _run(config, {**fields, **_budget(_TRIAL_STEPS)}, data_dir, trial)
        steps = steps_within(seconds, **_pace(_lines(trial)))
        kept.write_text(json.dumps({"steps": steps}) + "\n")
        shutil.rmtree(trial)
    steps = json.loads(kept.read_text())["steps"]
    _run(config, {**fields, **_budget(steps)}, data_dir, workdir)
    lines = _lines(workdir)
    return Trained(load_system(workdir), _training_time(lines, steps), steps, _curve(lines))


def _budget(steps: int) -> dict[str, str]:
    every = -(-steps // VALIDATIONS // _LOGGED_EVERY) * _LOGGED_EVERY
    return {
        "train.steps": str(steps),
        "train.log_every": str(_LOGGED_EVERY),
        "train.evaluate_every": str(max(every, _LOGGED_EVERY)),
        "train.checkpoint_every": str(max(every, _LOGGED_EVERY)),
        "train.validation_records": str(VALIDATED),
        "train.best": "last",
    }


def _run(config: str, fields: Mapping[str, str], data_dir: Path, workdir: Path) -> None:
    apart(_train, config, [*fields.items(), ("data.dir", str(data_dir))], workdir)


def _train(config: str, overrides: Sequence[tuple[str, str]], workdir: Path) -> None:
    from casgan_jax.training.loop import train

    flags.FLAGS.mark_as_parsed()  # for Grain
    stage = load_config(config, overrides)
    assert isinstance(stage, SoftganConfig)
    with contextlib.redirect_stdout(sys.stderr):  # results alone are written to stdout
        train(stage, workdir)


def _lines(workdir: Path) -> list[dict[str, Any]]:
    (path,) = workdir.glob(f"*/{LOG}")
    return [json.loads(line) for line in path.read_text().splitlines()]


def _clock(line: Mapping[str, Any]) -> float:
    """Processor time on a CPU; elsewhere time, of a run that was not interrupted."""
    return float(line["cpu_seconds" if jax.default_backend() == "cpu" else "time"])


def _pace(lines: list[dict[str, Any]]) -> dict[str, float]:
    """Seconds before the first step, and of a step."""
    first, *_, last = (line["step"] for line in lines if line["kind"] == "train")
    until_first = _training_time(lines, first)
    step = (_training_time(lines, last) - until_first) / (last - first)
    return {"start": max(0.0, until_first - first * step), "step": step}


def _validations(lines: list[dict[str, Any]]) -> list[tuple[dict[str, Any], float]]:
    """Each validation, and what it took since the line of training just before it."""
    pairs = zip(lines, lines[1:], strict=False)
    return [(b, _clock(b) - _clock(a)) for a, b in pairs if b["kind"] == "validation"]


def _training_time(lines: list[dict[str, Any]], step: int) -> float:
    """Until a step, without the validations before it."""
    last = max(line["step"] for line in lines if line["kind"] == "train" and line["step"] <= step)
    (at,) = [line for line in lines if line["kind"] == "train" and line["step"] == last]
    spent = sum(took for line, took in _validations(lines) if line["step"] < step)
    return _clock(at) - spent


def _curve(lines: list[dict[str, Any]]) -> tuple[Point, ...]:
    return tuple(
        Point(_training_time(lines, line["step"]), line["dice"]) for line, _ in _validations(lines)
    )
