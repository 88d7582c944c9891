"""The weights that a trained system is used by, apart from the checkpoints of its training.

    write_weights(folder, generator, frozen, {"step": 1000, "threshold": 0.4})
    weights = read_weights(folder)  # a UserError where anything is damaged
    weights.generator, weights.frozen, weights.facts["threshold"]

A stage's are in WORKDIR/STAGE/weights. The folder holds `weights.safetensors`, arrays named by
their path in the tree, `system.json`, which describes the system that they belong to (its config,
threshold and step), and `manifest.json`, which seals both (`casgan_jax.workdir.seal`). It appears
whole or not at all, may be copied anywhere, and needs nothing else to be used.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from casgan_jax.errors import Step, UserError
from casgan_jax.files import read_json
from casgan_jax.workdir.layout import ARRAYS, SYSTEM, result_file, weights_folder
from casgan_jax.workdir.seal import Damaged, seal, verify

FORMAT = 1  # of these files; another one is refused

_REMEDY = "bring the folder back from a copy, or remove it and export the weights again"


@dataclasses.dataclass(frozen=True)
class Weights:
    """What a folder of weights holds.

    Attributes:
      generator: params and batch_stats of the averaged network, NumPy arrays.
      frozen: variables of what it builds on, see `casgan_jax.systems.networks`.
      facts: what `system.json` says.
    """

    generator: dict[str, Any]
    frozen: dict[str, Any]
    facts: dict[str, Any]


def write_weights(
    folder: Path,
    generator: Mapping[str, Any],
    frozen: Mapping[str, Any],
    facts: Mapping[str, Any],
    *,
    dtype: type[np.floating] = np.float32,
) -> None:
    """Writes a folder of weights, over an earlier one; whole or not at all.

    Args:
      folder: made here; its parent exists.
      generator, frozen: see `Weights`.
      facts: JSON-serialisable.
      dtype: that floats are stored in; float16 halves the file.

    Raises:
      UserError: a value is not finite in that type.
    """
    variables = {"generator": generator, "frozen": frozen}
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    leaves = {name: _stored(name, leaf, dtype) for name, leaf in _flat(variables)}
    stored = {name: leaf for name, leaf in leaves.items() if leaf is not None}
    # safetensors' own `save_file` lets nobody else read the file, whatever the umask.
    (part / ARRAYS).write_bytes(save(stored))
    empty = [name for name, leaf in leaves.items() if leaf is None]
    told = {"format": FORMAT, **facts, "empty": empty}
    (part / SYSTEM).write_text(json.dumps(told, indent=2) + "\n")
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
        arrays = {name: _used(array) for name, array in load_file(folder / ARRAYS).items()}
    except (Damaged, OSError, SafetensorError) as error:
        raise UserError(
            folder,
            found=f"damaged weights: {error}",
            expected="what was written",
            remedy=_REMEDY,
        ) from error
    facts = read_facts(folder)
    tree = _nested(arrays, facts.pop("empty"))
    return Weights(tree["generator"], tree["frozen"], facts)


def stage_weights(workdir: Path, stage: str) -> Weights:
    """The weights of a run's finished stage.

    Raises:
      UserError: the stage is not finished, is of a version that kept no weights, or they are
        damaged.
    """
    folder = weights_folder(workdir, stage)
    if folder.is_dir():
        return read_weights(folder)
    if result_file(workdir, stage).is_file():
        raise UserError(
            "workdir",
            found=f"a finished training and no weights in {workdir / stage}",
            expected=f"the folder {folder.name}, which earlier versions did not write",
            remedy="export them from the run's checkpoints",
            step=Step("export", {"workdir": str(workdir)}),
        )
    raise UserError(
        "workdir",
        found=f"no finished training in {workdir}",
        expected=f"{stage}/{folder.name}",
        remedy="finish it by the command that began it",
        step=Step("train", {"workdir": str(workdir)}),
    )


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


def _stored(name: str, leaf: np.ndarray | None, dtype: type[np.floating]) -> np.ndarray | None:
    if leaf is None or leaf.dtype != np.float32 or dtype is np.float32:
        return leaf
    with np.errstate(over="ignore"):  # found below
        stored = leaf.astype(dtype)
    if not np.isfinite(stored).all():
        raise UserError(
            f"weights {name}",
            found=f"values up to {np.abs(leaf).max():g}",
            expected=f"finite ones in {np.dtype(dtype).name}",
            remedy="store them in float32",
        )
    return stored


def _used(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, np.ndarray | None]]:
    """(path, array) of every leaf; None for an empty dictionary, which is part of the tree."""
    for name, value in tree.items():
        if not isinstance(value, Mapping):
            yield prefix + name, np.asarray(value, order="C")
        elif value:
            yield from _flat(value, f"{prefix}{name}/")
        else:
            yield prefix + name, None


def _nested(arrays: Mapping[str, np.ndarray], empty: Sequence[str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in [*arrays.items(), *((name, {}) for name in empty)]:
        *parents, leaf = name.split("/")
        owner = tree
        for parent in parents:
            owner = owner.setdefault(parent, {})
        owner[leaf] = value
    return tree
