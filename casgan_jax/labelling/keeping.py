"""What a folder of labels keeps, so that the same labelling again does only what is missing.

A lesion is done when its record, FOLDER/KEY.json, is there, which is written after its files. It
holds a fingerprint of all that the label depends on, its row of the table, and its files.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

import casgan_jax
from casgan_jax.annotations import Annotations
from casgan_jax.errors import UserError
from casgan_jax.files import read_json, write_whole
from casgan_jax.images.metaimage import voxel_file

Row = Mapping[str, Any]
Lesion = TypeVar("Lesion")


def fingerprint(files: Sequence[Path], **parts: Any) -> str:
    """A name for dataclasses, and the names, sizes and times of files; "" where one cannot be read.

    Args:
      files: files and folders.
      **parts: dataclasses, or sequences of such.
    """
    try:
        states = [_state(path) for path in files]
    except (OSError, ValueError):  # a name with a null byte; what is wrong is told when it is read
        return ""
    found = {"version": casgan_jax.__version__, "files": states, **parts}
    return hashlib.sha256(json.dumps(found, default=_plain).encode()).hexdigest()


def record_file(folder: Path, records: str, key: str) -> Path:
    """Where the record of a lesion is."""
    return folder / records / f"{key}.json"


def read_record(folder: Path, records: str, key: str) -> dict[str, Any]:
    """The record of a lesion.

    Raises:
      UserError: there is none, or it is damaged.
    """
    return read_json(record_file(folder, records, key), remedy="label the lesion again")


def write_record(folder: Path, records: str, key: str, record: Mapping[str, Any]) -> None:
    """Writes the record of a lesion, with "fingerprint", "row" and "files" in it.

    Raises:
      UserError: it cannot be written.
    """
    write_whole(record_file(folder, records, key), json.dumps(record).encode())


def row_of(folder: Path, records: str, key: str, wanted: str) -> dict[str, Any] | None:
    """The row of a lesion that was labelled with a fingerprint and has all its files, or None."""
    try:
        record = read_record(folder, records, key)
        files = record["files"]
        if not wanted or record["fingerprint"] != wanted:
            return None
    except (UserError, KeyError):  # none, or one that was damaged: the lesion is labelled again
        return None
    row: dict[str, Any] = record["row"]
    return row if all((folder / name).is_file() for name in files) else None


def rows_of_failures(annotations: Annotations) -> list[dict[str, Any]]:
    """Rows of the lines of a table that are no lesion."""
    return [
        {"key": failure.key, "status": "failed", "reason": failure.reason}
        for failure in annotations.failures
    ]


def failures_of(table: Path) -> list[dict[str, str]]:
    """What a table says of lesions that failed; nothing where it is not there."""
    if not table.is_file():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row.get("status") == "failed"]


def recorded(folder: Path, records: str) -> set[str]:
    """The keys of the lesions that are labelled in a folder."""
    return {path.stem for path in (folder / records).glob("*.json")}


def without_leftovers(
    rows: Sequence[Row],
    lesions: Mapping[str, Lesion],
    labelled: Collection[str],
    failed: Callable[[Lesion, str], dict[str, Any]],
    forget: Callable[[str], None],
) -> list[dict[str, Any]]:
    """Rows in which a lesion that was labelled, and whose series then has no objects, is a failure
    like any other. Of what has failed no files are left, also none of before.

    Args:
      rows: of all lesions, and of lines of a table that are none. Such a line may have the name of
        a lesion, which stays.
      lesions: by their keys.
      labelled: keys of all that is labelled in the folder.
      failed: a lesion and a reason -> its row.
      forget: removes all that a lesion of a key has left.
    """
    found = []
    done = {row["key"] for row in rows if row["status"] != "failed"}
    for row in map(dict, rows):
        key = row["key"]
        if row["status"] == "failed" and key not in done:
            if key in labelled:
                forget(key)
            if key in lesions:
                row = failed(lesions[key], row["reason"])
        found.append(row)
    return found


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Writes rows as a CSV file; what a row lacks is empty.

    Raises:
      UserError: it cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    write_whole(path, text.getvalue().encode())


def _cell(value: str | float) -> str | int:
    return f"{value:.6g}" if isinstance(value, float) else value


def _state(path: Path) -> list[Any]:
    """Names, sizes and times of a file and of the one that its voxels are in, or of a folder's."""
    paths = [path]
    if path.is_dir():
        paths += sorted(one for one in path.rglob("*") if one.is_file())
    elif path.suffix.lower() == ".mhd":
        paths.append(voxel_file(path))
    found = [(one.absolute(), one.stat()) for one in paths]
    return [(str(one), state.st_size, state.st_mtime_ns) for one, state in found]


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)
