"""The makefile tells what it installs, and how long that takes, before it is silent."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("target", ["setup", "annotate", "docs", "lint", "test"])
def test_every_long_installation_is_told_first(target, tmp_path):
    done = subprocess.run(
        ["make", "--dry-run", f"VENV={tmp_path / 'venv'}", target],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    told, installed = False, 0
    for line in done.stdout.splitlines():
        told = told or re.match(r"echo '\w+: .*, (about a minute|one to \w+ minutes)'", line)
        if "pip install --quiet" in line and "wheel" not in line:
            assert told, line
            told, installed = False, installed + 1
    assert installed >= 1
