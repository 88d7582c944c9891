"""Trainings in processes of their own, by the command that a user types."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np

from casgan_jax.training.restore import state_shapes
from casgan_jax.workdir.checkpoints import Checkpoints
from casgan_jax.workdir.config import read_config

ROOT = Path(__file__).parents[2]


def start(workdir, fields, *flags, environment=None):
    """`python -m launch.train` with fields of the quick config replaced; returns the process."""
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "launch.train",
            "--config=softgan:quick",
            f"--workdir={workdir}",
            *(f"--config.{name}={value}" for name, value in fields.items()),
            *flags,
        ],
        cwd=ROOT,
        env=os.environ | {"JAX_PLATFORMS": "cpu"} | (environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process):
    """Waits for a process that is to succeed; returns what it printed."""
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


def free_port():
    with socket.socket() as found:
        found.bind(("localhost", 0))
        return found.getsockname()[1]


_OF_THE_MACHINE = ("kind", "time", "cpu_seconds", "images_per_second")


def training_lines(workdir, stage="softgan"):
    """The logged losses of every step, without times and speeds."""
    lines = map(json.loads, (workdir / stage / "log.jsonl").read_text().splitlines())
    return [
        {k: v for k, v in line.items() if k not in _OF_THE_MACHINE}
        for line in lines
        if line["kind"] == "train"
    ]


def results(workdir, stage):
    facts = json.loads((workdir / stage / "result.json").read_text())
    return {name: value for name, value in facts.items() if name != "grid"}


def states(workdir, stage):
    """Step -> state for all checkpoints of a stage."""
    config = read_config(workdir)
    config = config if stage == "softgan" else config.srgan
    shapes = state_shapes(config)
    checkpoints = Checkpoints(workdir / stage / "checkpoints")
    return {step: checkpoints.restore(shapes, step) for step in checkpoints.steps()}


def same_bits(one, other):
    """Whether two arrays are equal to the last bit."""
    return np.asarray(one).tobytes() == np.asarray(other).tobytes()
