"""The weights that a trained system is used by, apart from the checkpoints of its training.

    write_weights(folder, {"segmentor": variables, "srgan": ...}, {"step": 1000, "threshold": 0.4})
    weights = read_weights(folder)   # raises a UserError where anything is damaged
    weights.variables["segmentor"], weights.facts["threshold"]

A folder of weights holds `weights.safetensors`, float32 arrays named by their path in the tree,
`system.json`, which describes the system that they belong to, and `manifest.json`, which seals both
(`casgan_jax.workdir.seal`). It appears whole or not at all, and needs nothing else to be used.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from casgan_jax.errors import UserError
from casgan_jax.files import read_json
from casgan_jax.workdir.seal import Damaged, seal, verify

ARRAYS = "weights.safetensors"
SYSTEM = "system.json"
FORMAT = 1  # of these files; another one is refused

_REMEDY = "bring the folder back from a copy, or export the weights of its checkpoints again"


@dataclasses.dataclass(frozen=True)
class Weights:
    """What a folder of weights holds.

    Attributes:
      variables: nested dictionaries of NumPy arrays.
      facts: what `system.json` says.
    """

    variables: dict[str, Any]
    facts: dict[str, Any]


def write_weights(folder: Path, variables: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Writes a folder of weights, over an earlier one; whole or not at all.

    Args:
      folder: made here; its parent exists.
      variables: nested dictionaries of arrays; an empty dictionary is left out.
      facts: JSON-serialisable.
    """
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    save_file(dict(_flat(variables)), part / ARRAYS)
    (part / SYSTEM).write_text(json.dumps({"format": FORMAT, **facts}, indent=2) + "\n")
    seal(part, {"format": FORMAT})
    replaced = folder.with_name(f".{folder.name}.replaced")
    shutil.rmtree(replaced, ignore_errors=True)
    if folder.exists():
        folder.rename(replaced)
    part.rename(folder)
    shutil.rmtree(replaced, ignore_errors=True)


def read_weights(folder: Path) -> Weights:
    """The weights of a folder.

    Raises:
      UserError: a file is missing or is not what was written, or has another format.
    """
    try:
        verify(folder)
        arrays = load_file(folder / ARRAYS)
    except (Damaged, OSError, SafetensorError) as error:
        raise UserError(
            folder,
            found=f"damaged weights: {error}",
            expected="what was written",
            remedy=_REMEDY,
        ) from error
    return Weights(_nested(arrays), read_facts(folder))


def read_facts(folder: Path) -> dict[str, Any]:
    """What the weights of a folder belong to, without a look at the arrays.

    Raises:
      UserError: the description is missing or damaged, or has another format.
    """
    facts = read_json(folder / SYSTEM, remedy=_REMEDY)
    if facts.get("format") != FORMAT:
        raise UserError(
            folder / SYSTEM,
            found=f"format {facts.get('format')!r}",
            expected=f"{FORMAT}",
            remedy="use the version of casgan_jax that wrote it, or a newer one",
        )
    return facts


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}/")
        else:
            yield prefix + name, np.ascontiguousarray(value)


def _nested(arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, array in arrays.items():
        *parents, leaf = name.split("/")
        owner = tree
        for parent in parents:
            owner = owner.setdefault(parent, {})
        owner[leaf] = array
    return tree
