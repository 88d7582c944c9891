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
from casgan_jax.errors import UserError
from casgan_jax.files import write_whole
from casgan_jax.json_form import read_as, to_json
from casgan_jax.records.identity import digest
from casgan_jax.workdir.config import differences
from casgan_jax.workdir.layout import ROW


@dataclasses.dataclass(frozen=True)
class MadeFrom:
    """All that a row's result depends on, but for the code.

    Attributes:
      config: as `config.json` has it.
      data: a sum of the digests of its data sets, and of its ratings; None in a row of a version
        before 0.4, which did not know data sets by their content.
    """

    config: Mapping[str, Any]
    data: str | None = None

    def changes(self, now: MadeFrom) -> dict[str, tuple[Any, Any]]:
        """Dotted field -> (old value, new value) for each that differs.

        Data sets that were not known by their content are taken to be what they are now.

        Raises:
          UserError: this one is of a version whose config had a field that is unknown here.
        """
        # As this version writes the config of an earlier one.
        config = to_dict(from_dict(self.config))
        before = MadeFrom(config, now.data if self.data is None else self.data)
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
    parts = [_digest(name) for name in names]
    ratings = Path(str(values.get("data.ratings", "")))
    if ratings.is_file():
        parts.append(hashlib.sha256(ratings.read_bytes()).hexdigest())
    return MadeFrom(to_dict(config), hashlib.sha256("".join(parts).encode()).hexdigest())


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


def _digest(data_dir: str) -> str:
    try:
        return digest(data_dir)
    except UserError:
        return ""  # the row's own process fails by it, and tells it
