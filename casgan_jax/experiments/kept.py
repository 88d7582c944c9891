"""What a row was made from and what became of it: `row.json` in its workdir."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from casgan_jax.configs.schema.json_form import from_dict, to_dict
from casgan_jax.configs.schema.load import load_config
from casgan_jax.configs.schema.tree import flat
from casgan_jax.files import write_whole
from casgan_jax.json_form import read_as, to_json
from casgan_jax.workdir.config import differences
from casgan_jax.workdir.layout import ROW


@dataclasses.dataclass(frozen=True)
class MadeFrom:
    """All that a row's result depends on, but for the code.

    Attributes:
      config: as `config.json` has it.
      data_set: a sum of what its data sets say of themselves, and of its ratings.
    """

    config: Mapping[str, Any]
    data_set: str

    def changes(self, now: MadeFrom) -> dict[str, tuple[Any, Any]]:
        """Dotted field -> (old value, new value) for each that differs.

        Raises:
          UserError: this one is of a version whose config had a field that is unknown here.
        """
        # As this version writes the config of an earlier one.
        before = dataclasses.replace(self, config=to_dict(from_dict(self.config)))
        return differences(to_json(before), to_json(now))


@dataclasses.dataclass(frozen=True)
class Kept:
    """A row as far as it has come.

    Attributes:
      made_from: what its result depends on.
      status: "started", "interrupted", "done" or "failed".
      reason: one line of a failure.
      seconds: that training and measuring took, over all attempts.
    """

    made_from: MadeFrom
    status: str
    reason: str
    seconds: float


def made_from(config_name: str, fields: Sequence[tuple[str, str]]) -> MadeFrom:
    """What a row with this config and these fields of it depends on.

    Args:
      config_name: NAME[:VARIANT] of `casgan_jax.configs`.
      fields: (dotted field, text of the value).

    Raises:
      UserError: there is no such config, or a field is wrong.
    """
    config = load_config(config_name, fields)
    values = flat(config)
    names = filter(None, (config.data.dir, str(values.get("data.test_dir", ""))))
    parts = [_description(Path(name)) for name in names]
    ratings = Path(str(values.get("data.ratings", "")))
    if ratings.is_file():
        parts.append(ratings.read_bytes())
    return MadeFrom(to_dict(config), hashlib.sha256(b"".join(parts)).hexdigest())


def read_kept(workdir: Path) -> Kept | None:
    """What is kept of a row; None where it has not been started.

    Raises:
      UserError: the file is damaged.
    """
    path = workdir / ROW
    if not path.is_file():
        return None
    return read_as(Kept, path, remedy="remove the folder and run the same command again")


def keep(kept: Kept, workdir: Path) -> None:
    """Writes it into the row's workdir, which exists."""
    write_whole(workdir / ROW, (json.dumps(to_json(kept), indent=1) + "\n").encode())


def _description(directory: Path) -> bytes:
    """What a data set says of itself, its version and checksums included."""
    info = directory / "dataset_info.json"
    found = [info] if info.is_file() else sorted(directory.glob("*/dataset_info.json"))
    return b"".join(path.read_bytes() for path in found)
