"""A training that is killed again and again ends with the bits of one that is left alone.

$CASGAN_KILLS says how often (2 by default); a longer trial:

    CASGAN_KILLS=30 python -m pytest tests/training/test_kill.py
"""

import os
import random
import signal
import time

import jax
import pytest

from tests.training.test_loop import TINY
from tests.workdir.processes import finish, results, same_bits, start, states, training_lines

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("CASGAN_KILLS", "2"))
STEPS = max(12, 4 * KILLS)  # more kills need more to interrupt
FIELDS = TINY | {"data.label": "readers", "sr": "none", "train.steps": str(STEPS)}


def wait_for(process, condition):
    """Looks every millisecond until `condition` holds or the process ends."""
    deadline = time.monotonic() + 240
    while process.poll() is None and not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def kill_while_writing(process, workdir, generator):
    """Kills in the middle of a checkpoint; returns whether the process still ran."""
    for _ in range(generator.randint(1, 4)):
        before = set(workdir.glob("*/checkpoints/*"))
        wait_for(process, lambda: not any(workdir.glob("*/checkpoints/.writing-*")))
        wait_for(
            process,
            lambda before=before: set(workdir.glob("*/checkpoints/.writing-*")) - before,
        )
    time.sleep(generator.uniform(0.0, 0.03))
    process.kill()
    return process.wait() == -signal.SIGKILL


def kill_at_any_moment(process, workdir, generator):
    """Kills some time after the first new checkpoint; returns whether the process still ran."""
    before = set(workdir.glob("*/checkpoints/*"))
    wait_for(process, lambda: set(workdir.glob("*/checkpoints/*")) - before)
    time.sleep(generator.uniform(0.0, 2.0))
    process.kill()
    return process.wait() == -signal.SIGKILL


def test_killed_and_left_alone_end_alike(discs, tmp_path):
    fields = FIELDS | {"data.dir": discs}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finish(start(whole, fields))

    generator = random.Random(0)
    left_over = 0
    for number in range(KILLS):
        kill = kill_at_any_moment if number % 2 else kill_while_writing
        process = start(killed, fields)
        if not kill(process, killed, generator):
            break  # it was faster
        left_over += any(killed.glob("*/checkpoints/.writing-*"))
        process.stdout.close()
    assert left_over >= 1, "no kill met a checkpoint half written"
    finish(start(killed, fields))

    assert results(whole, "softgan") == results(killed, "softgan")
    assert training_lines(whole, "softgan") == training_lines(killed, "softgan")
    expected, found = states(whole, "softgan"), states(killed, "softgan")
    assert expected.keys() == found.keys()
    same = jax.tree.map(same_bits, expected, found)
    assert all(jax.tree.leaves(same)), same
    assert not list(killed.glob("*/checkpoints/.*"))
