"""Two real processes on the CPU train, are preempted, resume, and agree with a single one."""

import signal
import time

import numpy as np
import pytest

from casgan_jax.inference.load import load_cascade
from casgan_jax.workdir import processes
from tests.faults import fault_of
from tests.training.test_loop import TINY
from tests.workdir.processes import finish, free_port, start, training_lines

pytestmark = pytest.mark.slow

FIELDS = TINY | {"data.label": "readers", "sr": "none", "model.dropout": "0", "train.steps": "16"}


def start_two(workdir, fields):
    """Two processes that are told who they are."""
    port = free_port()
    flags = ["--distributed", f"--coordinator=localhost:{port}", "--process_count=2"]
    return [start(workdir, fields, *flags, f"--process_index={index}") for index in range(2)]


def start_two_by_slurm(workdir, fields):
    """Two processes in the environment that SLURM's srun gives to two tasks of one node."""
    job = {
        "SLURM_JOB_ID": str(free_port()),  # the coordinator's port follows from it
        "SLURM_STEP_NODELIST": "localhost",
        "SLURM_STEP_NUM_NODES": "1",
        "SLURM_NTASKS": "2",
    }
    return [
        start(
            workdir,
            fields,
            "--distributed",
            environment=job | {"SLURM_PROCID": str(index), "SLURM_LOCALID": str(index)},
        )
        for index in range(2)
    ]


def test_a_barrier_that_fails_says_that_a_process_is_lost(monkeypatch):
    def fail(name):
        raise ValueError(f"UNKNOWN: Gloo AllGather failed in {name}\nConnection closed by peer")

    monkeypatch.setattr(processes.jax, "process_count", lambda: 2)
    monkeypatch.setattr(processes.multihost_utils, "sync_global_devices", fail)
    assert fault_of(processes.barrier, "checkpoint 3").what == "process 0 of 2"


def wait_for_new_checkpoint(workdir, process):
    before = set(workdir.glob("softgan/checkpoints/[0-9]*"))
    deadline = time.monotonic() + 240
    while not set(workdir.glob("softgan/checkpoints/[0-9]*")) - before:
        assert time.monotonic() < deadline and process.poll() is None, process.communicate()[0]
        time.sleep(0.01)


@pytest.fixture(scope="module")
def runs(discs, tmp_path_factory):
    """Workdirs of a single process and of two, the latter killed and preempted; their output."""
    root = tmp_path_factory.mktemp("processes")
    fields = FIELDS | {"data.dir": discs}
    one = start(root / "one", fields)

    first, second = start_two(root / "two", fields)
    wait_for_new_checkpoint(root / "two", first)
    second.kill()  # not the first: JAX ends a process that loses its coordinator in its own words
    left_alone = (first.communicate(timeout=240)[0], first.returncode)
    second.communicate()

    first, second = start_two(root / "two", fields)
    wait_for_new_checkpoint(root / "two", first)
    second.send_signal(signal.SIGTERM)  # the scheduler's word may reach one host alone
    preempted = [process.communicate(timeout=240)[0] for process in (first, second)]
    statuses = [process.returncode for process in (first, second)]

    outputs = [finish(process) for process in start_two_by_slurm(root / "two", fields)]
    finish(one)
    return root, left_alone, (statuses, preempted), outputs


def test_the_other_process_of_a_killed_one_says_so_in_a_line(runs):
    _, (output, status), *_ = runs
    assert status == 1, output
    *_, line = output.strip().splitlines()
    assert line.startswith("error: process 0 of 2: found that a step of all processes failed (")


def test_preemption_of_one_stops_both_with_a_checkpoint(runs):
    _, _, (statuses, preempted), _ = runs
    assert statuses == [128 + signal.SIGTERM] * 2, preempted
    assert "softgan: stopped by SIGTERM after step" in preempted[0]
    assert "the same command goes on from there" in preempted[0]


def test_both_resume_and_only_the_first_reports(runs):
    _, _, _, (first, second) = runs
    assert "softgan: resumed after step" in first
    assert "test split:" in first and "Dice" in first
    assert "Dice" not in second


def test_losses_are_those_of_a_single_process(runs):
    root, *_ = runs
    one, two = (training_lines(root / name) for name in ("one", "two"))
    assert [line["step"] for line in one] == [line["step"] for line in two]
    for expected, found in zip(one, two, strict=True):
        assert found == pytest.approx(expected, rel=2e-3)


def test_one_process_uses_what_two_have_trained(runs):
    root, *_ = runs
    patches = np.random.default_rng(0).random((3, 16, 16), np.float32)
    one, two = (load_cascade(root / name)(patches)["alpha"] for name in ("one", "two"))
    np.testing.assert_allclose(two, one, atol=2e-3)
