"""Prints the versions of casgan_jax and of what it computes with, for a report.

    casgan version

Name them where something went wrong.
"""

from __future__ import annotations

import platform
from importlib.metadata import version

import casgan_jax
from casgan_jax.commands.entry import run_main

_USED = ("jax", "flax", "numpy")


def run() -> None:
    """The command."""
    run_main(main)


def main(_: list[str]) -> None:
    used = ", ".join(f"{name} {version(name)}" for name in _USED)
    print(f"casgan_jax {casgan_jax.__version__}, Python {platform.python_version()}, {used}")
