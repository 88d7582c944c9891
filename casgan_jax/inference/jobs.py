"""What to predict: files with a mark each, as they are typed, or a table of marks.

jobs = plan(["scans/*.png"], [], Path("marks.csv"))
for job in jobs: ...  # casgan_jax.inference.run.run_jobs takes them
"""

from __future__ import annotations

import glob
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.files import Row, read_rows, unique_names
from casgan_jax.soft_mask.recist import centre as middle_of_axes
from casgan_jax.soft_mask.recist import check_axes, longer_first

Point = tuple[float, float]  # x, y in pixels

_FORMS = {"center": "X,Y", "recist": "X1,Y1,...,X4,Y4"}


class Job(NamedTuple):
    """One lesion to predict.

    Attributes:
      file: the image.
      centre: the mark in it, of axes their middle.
      name: of the outputs.
      slice_index: from 0, of files of several.
      hu_offset: the file's own to Hounsfield units.
      recist: (8,) axes of the lesion that a system is shown in place of the mark, or None.
      spacing_mm: (row, column), where it is known better than the file says it.
      notes: what was done to the marks that is not the rule.
    """

    file: Path
    centre: Point
    name: str
    slice_index: int | None = None
    hu_offset: float = 0.0
    recist: np.ndarray | None = None
    spacing_mm: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()


def plan_axes(inputs: Sequence[str], axes: Sequence[np.ndarray]) -> list[Job]:
    """What to predict where the marks are RECIST axes; a patch is cut around their middle.

    Args:
      inputs: files and globs.
      axes: (8,) each, one for every input file, or a single one for all of them.

    Raises:
      UserError: no input, or axes that do not match the files or cannot be a lesion's.
    """
    for recist in axes:
        check_axes(longer_first(recist))
    middles = [(float(x), float(y)) for x, y in map(middle_of_axes, axes)]
    jobs = plan(inputs, middles, None, mark="recist")
    every = list(axes) * (len(jobs) if len(axes) == 1 else 1)
    return [job._replace(recist=recist) for job, recist in zip(jobs, every, strict=True)]


def plan(
    inputs: Sequence[str], centres: Sequence[Point], table: Path | None, *, mark: str = "center"
) -> list[Job]:
    """What to predict, from files or globs with marks, or from a table, or both.

    Args:
      inputs: files and globs.
      centres: one for every input file, or a single one for all of them. Not with a table.
      table: CSV with the columns file, x, y and a line for each lesion; files are relative to the
        table's folder. With inputs, only lines of those files count (by file name).
      mark: what errors call the marks that the centres are of.

    Raises:
      UserError: nothing to do, marks that do not match the files, or a bad table.
    """
    files = [path for pattern in inputs for path in _expand(pattern)]
    if table is not None:
        if centres:
            raise UserError(
                "center",
                found="beside `table`",
                expected="one of them",
                remedy="drop one",
            )
        marks = _marks_of(files, read_table(table)) if files else read_table(table)
    elif not files:
        raise UserError(
            "input",
            found="none",
            expected="an image file",
            remedy="or name a `table` of marks",
        )
    elif len(centres) not in (1, len(files)):
        raise UserError(
            mark,
            found=f"{len(centres)} for {len(files)} files",
            expected="one for each or one for all",
            remedy=f"give {_forms(mark)}, or a `table` with the columns file,x,y",
        )
    else:
        every = list(centres) * (len(files) if len(centres) == 1 else 1)
        marks = list(zip(files, every, strict=True))
    names = unique_names([file.stem for file, _ in marks])
    return [Job(file, centre, name) for (file, centre), name in zip(marks, names, strict=True)]


def _forms(mark: str) -> str:
    """How marks are given, those that were meant first."""
    names = [mark, *(name for name in _FORMS if name != mark)]
    return " or ".join(f"`{name}={_FORMS[name]}`" for name in names)


def read_table(table: Path) -> list[tuple[Path, Point]]:
    """Files and marks of a CSV with the columns file, x, y; other columns are ignored.

    Raises:
      UserError: no such file, a column is missing, a line is no mark, or there is no line.
    """
    rows = read_rows(table, ("file", "x", "y"), remedy="give a CSV with the columns file,x,y")
    marks = [
        (table.parent / _text(row, table, line), _point(row, table, line)) for line, row in rows
    ]
    if not marks:
        raise UserError(
            table,
            found="no line below the column names",
            expected="one a lesion",
        )
    return marks


def parse_pair(field: str, text: str, *, example: str = "212,305") -> tuple[float, float]:
    """Two finite numbers from "A,B"; `field` is named where they are not."""
    try:
        first, second = (float(part) for part in text.split(","))
    except ValueError:
        first = second = math.nan
    if not (math.isfinite(first) and math.isfinite(second)):
        raise UserError(
            field,
            found=f"{text!r}",
            expected=f"two numbers like {example}",
        )
    return first, second


def parse_window(text: str) -> tuple[float, float]:
    """(low, high) from "LOW,HIGH" with low < high, in the float32 of the images."""
    low, high = parse_pair("window", text, example="-1000,400")
    with np.errstate(over="ignore"):
        width = np.float32(high) - np.float32(low)
    if not 0 < width < np.inf:
        raise UserError(
            "window",
            found=f"{text!r}",
            expected="LOW,HIGH with LOW < HIGH, like -1000,400",
        )
    return low, high


def _expand(pattern: str) -> list[Path]:
    if os.path.exists(pattern) or not glob.has_magic(pattern):
        return [Path(pattern)]
    found = sorted(glob.glob(pattern, recursive=True))
    if not found:
        raise UserError(
            "input",
            found=f"no file like {pattern!r}",
            expected="at least one",
            remedy="check the folder and the quotes",
        )
    return [Path(path) for path in found]


def _marks_of(
    files: Sequence[Path], marks: Sequence[tuple[Path, Point]]
) -> list[tuple[Path, Point]]:
    found = [
        (file, centre) for file in files for marked, centre in marks if marked.name == file.name
    ]
    lacking = [file for file in files if file.name not in {marked.name for marked, _ in marks}]
    if lacking:
        raise UserError(
            "table",
            found=f"no line for {lacking[0]} ({len(lacking)} of {len(files)} files have none)",
            expected="its file name in the column file",
            remedy="add it",
        )
    return found


def _text(row: Row, table: Path, line: int) -> str:
    if not row["file"].strip():
        raise UserError(
            f"{table}:{line}",
            found="no file name",
            expected="one in the column file",
        )
    return row["file"].strip()


def _point(row: Row, table: Path, line: int) -> Point:
    return parse_pair(f"{table}:{line}", f"{row['x']},{row['y']}")
