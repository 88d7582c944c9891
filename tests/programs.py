"""Programs that are not ours; tests that need one are skipped where it is not installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest


def program(name: str) -> str:
    """The path of a program; skips the calling test, with the reason, where there is none."""
    beside = Path(sys.executable).parent / name  # of this Python's packages
    found = shutil.which(name) or (str(beside) if beside.is_file() else None)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def output_of(name: str, *arguments: object) -> str:
    """What a program prints; it must succeed."""
    done = subprocess.run(
        [program(name), *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
