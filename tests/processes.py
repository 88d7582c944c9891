"""Watching other processes."""

import time
from pathlib import Path

import pytest


def wait_for(condition, what, seconds=30):
    """Returns once `condition()` holds; fails the test if it does not in time."""
    for _ in range(10 * seconds):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail(f"waited {seconds} s in vain for {what}")


def alive(pid):
    """Whether a process runs; one that has ended and is not waited for does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"
