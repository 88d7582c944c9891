"""The folder of a run: one process writes to it, and its config stays what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ml_collections

from casgan_jax.errors import UserError
from casgan_jax.files import expand_user, read_json, write_whole
from casgan_jax.workdir.processes import barrier, is_first

# Fields that say what the saved arrays are: another value is another network or other data.
_FIXED = ("name", "sr", "prior", "data.patch", "data.scale", "data.window")
_FOLLOWING = ("srgan.data.dir", "srgan.dtype")  # the cascade's own, `resolve` repeats them


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


TRAINED = ("srgan", "softgan")


def read_config(
    workdir: str | Path, *, names: Sequence[str] = TRAINED
) -> ml_collections.ConfigDict:
    """The resolved config of a run.

    Args:
      workdir: of the run.
      names: kinds of runs that will do; by default those of trained networks.

    Raises:
      UserError: the folder is not that of such a run.
    """
    path = expand_user(workdir) / "config.json"
    if not path.is_file():
        raise UserError(
            f"workdir: found no config.json in {workdir}, expected the folder of a run; "
            "train one with `python -m launch.train --config=softgan --workdir=...`"
        )
    remedy = "train again in another workdir"
    config = read_json(path, remedy=remedy)
    if config.get("name") not in names:
        raise UserError(
            f"{path}: found name {config.get('name')!r}, expected {' or '.join(names)}; {remedy}"
        )
    return ml_collections.ConfigDict(config)


def write_config(config: Any, workdir: Path) -> None:
    """Writes `config.json`, over that of an earlier run of the same kind.

    Args:
      config: whose `name` is the kind.
      workdir: exists.

    Raises:
      UserError: the folder holds another kind of run.
    """
    path = workdir / "config.json"
    if path.is_file():
        name = read_json(path, remedy="choose another --workdir").get("name")
        if name != config.name:
            raise UserError(
                f"workdir: found a run of {name!r} in {workdir}, expected a new folder or one of "
                f"{config.name!r}; choose another --workdir"
            )
    write_whole(path, (config.to_json(indent=2) + "\n").encode())
