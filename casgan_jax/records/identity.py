"""Which data set it is, and whose: known by content, wherever it lies.

    digest("data/phantom")             # the same for a copy of the folder
    patients("data/phantom", "train")  # names
    hashed(patients(...))              # what may be kept beside a network: no names leave the data

The digest is of the records' files, split by split, of their features and of the metadata that say
what they mean. The same records in other splits are another data set. What a build tells of itself
does not count, notes, skips and sources: the same records can come of other files.

Names of patients are compared as they are: those of two data sets mean the same patient where they
are equal.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from casgan_jax.errors import UserError
from casgan_jax.files import read_json
from casgan_jax.records.checks import check_shards, stored_metadata
from casgan_jax.records.prepared import dataset_directory, load_split, open_prepared

_REMEDY = "build the data set again, with `overwrite`"
_LEFT_OUT = ("notes", "skipped", "sources")  # of the metadata

State = tuple[tuple[str, int, int], ...]


def digest(data_dir: str | Path) -> str:
    """SHA-256, in hex, of what a prepared data set holds; reads all of it, once a process.

    Args:
      data_dir: prepared data set, or the folder with the only one.

    Raises:
      UserError: no data set there, or one of its files is missing, damaged or cannot be read.
    """
    directory = dataset_directory(data_dir)
    return _digest(directory, _state(directory))


def patients(data_dir: str | Path, split: str) -> frozenset[str]:
    """The names of a split's patients; none for a split without records, or where records have no
    patient.

    Args:
      data_dir: prepared data set, or the folder with the only one.
      split: "train", "validation" or "test".

    Raises:
      UserError: no data set there, or a record is damaged.
    """
    directory = dataset_directory(data_dir)
    return _patients(directory, split, _state(directory))


def hashed(names: Iterable[str]) -> frozenset[str]:
    """SHA-256, in hex, of each name."""
    return frozenset(hashlib.sha256(name.encode()).hexdigest() for name in names)


def _state(directory: Path) -> State:
    """What changes when a file of the data set is written again."""
    files = sorted(path for path in directory.iterdir() if path.is_file())
    states = ((path.name, path.stat()) for path in files)
    return tuple((name, state.st_mtime_ns, state.st_size) for name, state in states)


@functools.lru_cache(maxsize=8)
def _digest(directory: Path, state: State) -> str:
    del state  # of another data set in the same folder
    splits = open_prepared(directory).info.splits
    metadata = stored_metadata(directory)
    content = {
        "features": read_json(directory / "features.json", remedy=_REMEDY),
        "metadata": {name: metadata[name] for name in metadata if name not in _LEFT_OUT},
        "splits": {split: _shards(directory, split) for split in splits},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _shards(directory: Path, split: str) -> list[str]:
    """The sums of a split's files, in the order of its records."""
    builder: Any = open_prepared(directory)
    check_shards(builder, split)
    return [_sum(Path(part.filename)) for part in builder.info.splits[split].file_instructions]


def _sum(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(
            path,
            found=f"that it cannot be read ({error.strerror})",
            expected="records of the data set",
            remedy=_REMEDY,
        ) from error


@functools.lru_cache(maxsize=32)
def _patients(directory: Path, split: str, state: State) -> frozenset[str]:
    del state
    info = open_prepared(directory).info
    if "patient" not in info.features or not _records(info, split):
        return frozenset()
    records = load_split(directory, split, features=("patient",))
    return frozenset(record["patient"].decode() for record in records)


def _records(info: Any, split: str) -> int:
    return info.splits[split].num_examples if split in info.splits else 0
