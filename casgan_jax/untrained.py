"""The folder of a run that trains no network: its config, and no other kind of run beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from casgan_jax.errors import UserError
from casgan_jax.files import read_json, write_whole


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
