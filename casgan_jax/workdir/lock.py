"""Keeps other trainings out of a workdir; a full disk becomes one line."""

from __future__ import annotations

import errno
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from casgan_jax.errors import UserError
from casgan_jax.files import make_folder
from casgan_jax.workdir.processes import is_first


@contextmanager
def hold_workdir(workdir: Path) -> Iterator[None]:
    """Makes the workdir and keeps other trainings out of it; a full disk becomes one line.

    Raises:
      UserError: it cannot be written, another training is using it, or its disk is full.
    """
    make_folder(workdir, field="workdir")
    lock = open(workdir / ".lock", "w") if is_first() else None  # noqa: SIM115
    try:
        if lock is not None:
            _lock(lock.fileno(), workdir)
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UserError(
            "workdir",
            found=f"{error.strerror} at {workdir}",
            expected="room for the run",
            remedy="what was saved stands; make room and run the same command again",
        ) from error
    finally:
        if lock is not None:
            lock.close()


def _lock(descriptor: int, workdir: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(
            "workdir",
            found=f"another training at work in {workdir}",
            expected="none",
            remedy=(
                "wait for it, choose another `workdir`, or give `distributed` if this is one "
                "of several processes of one run"
            ),
        ) from None
    except OSError as error:
        if error.errno != errno.ENOTSUP:  # some network file systems have no locks
            raise
