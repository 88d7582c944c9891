"""The folder of a run: one process writes to it, and its config stays what it is."""

from __future__ import annotations

import errno
import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from casgan_jax.cascade import read_config
from casgan_jax.errors import UserError
from casgan_jax.files import make_folder, write_whole
from casgan_jax.training.processes import barrier, is_first

# Fields that say what the saved arrays are: another value is another network or other data.
_FIXED = ("name", "sr", "prior", "data.patch", "data.scale", "data.window")
_FOLLOWING = ("srgan.data.dir", "srgan.dtype")  # the cascade's own, `resolve` repeats them


@contextmanager
def hold_workdir(workdir: Path) -> Iterator[None]:
    """Makes the workdir and keeps other trainings out of it; a full disk becomes one line.

    Raises:
      UserError: it cannot be written, another training is using it, or its disk is full.
    """
    make_folder(workdir, field="--workdir")
    lock = open(workdir / ".lock", "w") if is_first() else None  # noqa: SIM115
    try:
        if lock is not None:
            _lock(lock.fileno(), workdir)
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UserError(
            f"workdir: found {error.strerror} at {workdir}; the last good checkpoint stands; make "
            "room and run the same command again"
        ) from error
    finally:
        if lock is not None:
            lock.close()


def _lock(descriptor: int, workdir: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(
            f"workdir: found another training at work in {workdir}, expected none; wait for it, "
            "choose another --workdir, or give --distributed if this is one of several processes "
            "of one run"
        ) from None
    except OSError as error:
        if error.errno != errno.ENOTSUP:  # some network file systems have no locks
            raise


def keep_config(config: Any, workdir: Path, *, accept_changes: bool = False) -> list[str]:
    """Writes the resolved config into the workdir, or checks that it is the one already there.

    Args:
      config: resolved.
      workdir: exists.
      accept_changes: go on with changed fields, if the saved arrays can still be used.

    Returns:
      A line for each changed field that was accepted.

    Raises:
      UserError: the workdir holds a run of another config.
    """
    path = workdir / "config.json"
    changes: dict[str, tuple[Any, Any]] = {}
    if path.is_file() and any(workdir.glob("*/checkpoints/*")):
        changes = differences(read_config(workdir).to_dict(), json.loads(config.to_json()))
    lines = [f"{name}: {old!r}, now {new!r}" for name, (old, new) in changes.items()]
    fixed = [line for name, line in zip(changes, lines, strict=True) if _is_fixed(name)]
    if fixed:
        raise UserError(
            f"workdir: found a run of another architecture or other data in {workdir} "
            f"({'; '.join(fixed)}), expected the same; choose another --workdir"
        )
    if changes and not accept_changes:
        raise UserError(
            f"workdir: found a run with another config in {workdir} ({'; '.join(lines)}), expected "
            "the same; choose another --workdir, or go on with the changed fields by "
            "--accept_config_changes"
        )
    barrier("config checked")
    if is_first():
        write_whole(path, (config.to_json(indent=2) + "\n").encode())
        if changes:
            # A finished stage goes on, too: by more steps, for instance.
            (workdir / config.name / "result.json").unlink(missing_ok=True)
    barrier("config kept")
    return lines


def _is_fixed(field: str) -> bool:
    if field in _FOLLOWING:
        return False
    return field in _FIXED or field.startswith(("model.", "srgan.", "prior_config."))


def differences(old: Any, new: Any, prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """Dotted field -> (old value, new value) for every field that differs."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {
            name: pair
            for key in sorted({*old, *new})
            for name, pair in differences(old.get(key), new.get(key), f"{prefix}.{key}").items()
        }
    return {} if old == new else {prefix.lstrip("."): (old, new)}
