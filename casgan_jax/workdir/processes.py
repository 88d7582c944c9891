"""The processes of one training: a single one, or one a host (`jax.distributed`).

Every process runs the same command. Only the first writes; all read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import jax
from jax.experimental import multihost_utils

from casgan_jax.errors import UserError, one_line


def join_processes(
    *,
    coordinator: str | None = None,
    process_count: int | None = None,
    process_index: int | None = None,
) -> None:
    """Makes this process one of a run's; before anything else is asked of JAX.

    Args:
      coordinator: HOST:PORT of the first process; None where JAX can find all by itself (SLURM,
        GKE, Cloud TPU, Open MPI).
      process_count, process_index: of the run and of this process; needed with `coordinator`
        unless JAX finds them.

    Raises:
      UserError: the processes do not find each other.
    """
    if coordinator and (process_count is None or process_index is None):
        raise UserError(
            f"coordinator={coordinator}",
            found="no `process_count` or no `process_index`",
            expected="both beside it",
        )
    if process_count is not None and not 0 <= (process_index or 0) < process_count:
        raise UserError(
            "process_index",
            found=f"{process_index} of `process_count={process_count}`",
            expected=f"0 to {process_count - 1}",
        )
    try:
        jax.distributed.initialize(coordinator, process_count, process_index)
    except (RuntimeError, ValueError) as error:
        raise UserError(
            "distributed",
            found=f"no other processes ({one_line(error)})",
            expected="to run under SLURM, GKE, Cloud TPU or Open MPI",
            remedy="elsewhere give `coordinator=HOST:PORT`, `process_count` and `process_index`",
        ) from error


def leave_processes() -> None:
    """Parts from the other processes, so that none waits for what the first still has to do."""
    if jax.process_count() > 1:
        jax.distributed.shutdown()


class LostProcess(UserError):
    """Another process of the run is gone, so this one cannot go on."""


@contextlib.contextmanager
def watching_processes() -> Iterator[None]:
    """Turns what JAX raises where processes depend on each other into a line that says so.

    Raises:
      LostProcess: a computation of all processes failed.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if jax.process_count() == 1:
            raise
        raise _lost(error) from error


def _lost(error: Exception) -> LostProcess:
    return LostProcess(
        f"process {jax.process_index()} of {jax.process_count()}",
        found=f"that a step of all processes failed ({one_line(error)})",
        expected="every process to live",
        remedy=("run the same command on all of them again, it goes on from the newest checkpoint"),
    )


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return jax.process_index() == 0


def barrier(name: str) -> None:
    """Waits until every process is here.

    Raises:
      LostProcess: one of them is gone.
    """
    if jax.process_count() > 1:
        try:
            multihost_utils.sync_global_devices(name)
        except (jax.errors.JaxRuntimeError, ValueError) as error:  # Gloo's error is either
            raise _lost(error) from error
