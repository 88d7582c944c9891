"""Small files and folders that a user names: what is wrong with them is told in one line."""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import json
import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from casgan_jax.errors import UserError, one_line

Row = dict[str | None, str]  # of a CSV file; None: the cells after the last column

_SEPARATORS = (",", ";", "\t")


def read_json(path: Path, *, remedy: str) -> dict[str, Any]:
    """The object that a JSON file holds.

    Args:
      path: of the file.
      remedy: what to do if it is missing or damaged.

    Raises:
      UserError: no such file, not JSON, or another value than an object.
    """
    try:
        found = json.loads(read_text(path, remedy=remedy))
    except json.JSONDecodeError as error:
        raise UserError(
            path,
            found=f"broken JSON ({one_line(error)})",
            expected="an object",
            remedy=f"{remedy}",
        ) from error
    if not isinstance(found, dict):
        raise UserError(
            path,
            found=f"a {type(found).__name__}",
            expected="an object",
            remedy=f"{remedy}",
        )
    return found


def read_rows(path: Path, columns: Collection[str], *, remedy: str) -> list[tuple[int, Row]]:
    """(line number, {column: text}) of every row of a CSV file: `read_table` without separator."""
    return read_table(path, columns, remedy=remedy)[1]


def read_table(
    path: Path, columns: Collection[str], *, remedy: str
) -> tuple[str, list[tuple[int, Row]]]:
    """What is between the cells of a CSV file, and its rows; a cell that lacks is "".

    Spreadsheets write commas, semicolons or tabs between the cells, and rows without any text,
    which are left out. Blanks around the names of columns do not count.

    Args:
      path: of the file, UTF-8.
      columns: that must be there; others may be.
      remedy: what to do about a missing file or column.

    Returns:
      The separator, and (line number, {column: text}) of every row.

    Raises:
      UserError: no such file, no CSV, or a column is missing.
    """
    text = read_text(path, remedy=remedy)
    reader = csv.DictReader([])
    try:
        readers = {each: _reader(text, each) for each in _SEPARATORS}
        separator = next((each for each in readers if len(readers[each].fieldnames or []) > 1), ",")
        reader = readers[separator]
        found = reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
        missing = [name for name in columns if name not in found]
        if missing:
            raise UserError(
                path,
                found=f"the columns {', '.join(found) or 'none'}",
                expected=f"{','.join(columns)}",
                remedy=f"add {', '.join(missing)}",
            )
        return separator, [(reader.line_num, row) for row in reader if _has_text(row)]
    except csv.Error as error:
        raise UserError(
            f"{path}:{reader.line_num}",
            found=f"no CSV ({error})",
            expected=f"the columns {','.join(columns)}",
            remedy=f"{remedy}",
        ) from error


def _reader(text: str, separator: str) -> csv.DictReader[str]:
    lines = io.StringIO(text, newline="")
    return csv.DictReader(lines, delimiter=separator, skipinitialspace=True, restval="")


def _has_text(row: dict[str | None, str | list[str]]) -> bool:
    return any("".join(cell).strip() for cell in row.values())


def read_text(path: Path, *, remedy: str) -> str:
    """The text of a UTF-8 file, with or without a byte order mark.

    Raises:
      UserError: no such file, or no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            path,
            found=f"the byte {error.object[error.start]:#04x} at {error.start}",
            expected="UTF-8 text",
            remedy=f"{remedy}",
        ) from error
    except OSError as error:
        found = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise UserError(
            path,
            found=f"{found}",
            expected="a readable file",
            remedy=f"{remedy}",
        ) from error


def expand_user(path: Path | str) -> Path:
    """The path with ~ or ~NAME replaced by that user's home.

    Raises:
      UserError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(
            path,
            found="no user of that name",
            expected="a path",
            remedy="write it out in full",
        ) from error


def make_folder(path: Path, *, field: str) -> Path:
    """The folder, made if it is not there.

    Args:
      path: of the folder.
      field: flag or config field that names it.

    Raises:
      UserError: it cannot be made or nothing can be written to it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        found = "a file" if path.is_file() else error.strerror
        raise UserError(
            field,
            found=f"{found} at {path}",
            expected="a folder that can be made",
            remedy="name another",
        ) from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise UserError(
            field,
            found=f"that nothing can be written to {path}",
            expected="a folder to write to",
            remedy="name another or change its permissions",
        )
    return path


def write_whole(path: Path, data: bytes) -> Path:
    """Writes a file that appears complete or not at all; returns its path.

    Raises:
      UserError: it cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):  # what went wrong is told below
            part.unlink(missing_ok=True)
        raise UserError(
            path,
            found=f"that it cannot be written ({error.strerror})",
            expected="a folder with room for it",
            remedy="free some or name another",
        ) from error
    return path


@contextlib.contextmanager
def only_process(lock: Path, doing: str, *, field: str) -> Iterator[None]:
    """Holds a lock, a file. The system frees it with its process, however that one ends.

    Args:
      lock: the file; made if it is not there.
      doing: what only one process may do, like "building phantom".
      field: flag that names the folder of the lock.

    Raises:
      UserError: another process holds it, or it cannot be made.
    """
    try:
        opened = lock.open("w")
    except OSError as error:
        raise UserError(
            field,
            found=f"that nothing can be written to {lock.parent} ({error.strerror})",
            expected="a folder to write to",
            remedy="name another",
        ) from error
    with opened as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                lock,
                found=f"another process {doing}",
                expected="none",
                remedy="wait for it to end",
            ) from None
        yield


def unique_names(stems: Sequence[str]) -> list[str]:
    """Names for outputs: the stem, or stem_1, stem_2 ... where several share it."""
    several = {stem for stem, n in Counter(stems).items() if n > 1}
    taken = set(stems)
    names = []
    for stem in stems:
        name = stem
        if stem in several:
            number = 1
            while (name := f"{stem}_{number}") in taken:
                number += 1
        taken.add(name)
        names.append(name)
    return names
