"""The folder of a run: one process writes to it, and its config stays what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from casgan_jax.configs.schema.json_form import from_dict, to_json
from casgan_jax.configs.schema.kinds import Config
from casgan_jax.errors import Step, UserError
from casgan_jax.files import expand_user, read_json, write_whole
from casgan_jax.workdir.layout import CONFIG, config_file


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


def read_config(workdir: str | Path, *, names: Sequence[str] = TRAINED) -> Config:
    """The resolved config of a run, of this version or an earlier one.

    Args:
      workdir: of the run.
      names: kinds of runs that will do; by default those of trained networks.

    Raises:
      UserError: the folder is not that of such a run, or its config has a field that is unknown or
        of another type.
    """
    path = config_file(expand_user(workdir))
    if not path.is_file():
        raise UserError(
            "workdir",
            found=f"no {CONFIG} in {workdir}",
            expected="the folder of a run",
            remedy="train one",
            step=Step("train", {"config": "softgan", "workdir": str(workdir)}),
        )
    remedy = "train again in another workdir"
    found = read_json(path, remedy=remedy)
    if found.get("name") not in names:
        raise UserError(
            path,
            found=f"name {found.get('name')!r}",
            expected=f"{' or '.join(names)}",
            remedy=f"{remedy}",
        )
    try:
        return from_dict(found)
    except UserError as error:
        raise error.within(str(path)) from error


def write_config(config: Config, workdir: Path) -> None:
    """Writes `config.json`, over that of an earlier run of the same kind.

    Args:
      config: whose `name` is the kind.
      workdir: exists.

    Raises:
      UserError: the folder holds another kind of run.
    """
    path = config_file(workdir)
    if path.is_file():
        name = read_json(path, remedy="choose another `workdir`").get("name")
        if name != config.name:
            raise UserError(
                "workdir",
                found=f"a run of {name!r} in {workdir}",
                expected=f"a new folder or one of {config.name!r}",
                remedy="choose another `workdir`",
            )
    write_whole(path, to_json(config).encode())
