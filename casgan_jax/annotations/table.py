"""The project's own table of lesions: a CSV file with one line for each.

| column | content |
|---|---|
| image | file of the image, relative to the table's folder |
| slice | index from 0, for volumes and files of several pages |
| series | number or UID of the series, for folders of several |
| recist | "x1,y1,x2,y2,x3,y3,x4,y4": both ends of the long axis, then of the short one |
| x1, y1, ..., x4, y4 | the same in eight columns |
| recist_units | pixel (the default), mm, or lps or ras, x,y,z of each end in the patient |
| mask | file of a binary mask |
| reader_masks | files of several readers' binary masks, with ";" between them, or one of all |
| segment | of a mask with several: the lesion's value, or number or name in SEG, RTSTRUCT or SR |
| component | which connected part of the mask on the slice, from 1, by rows; by default all of it |
| group | what lines of one lesion on several slices have in common (labelled as a volume) |
| key | name of the lesion and of its output files; by default the image's and the slice's |
| patient | name of the patient; by default the image's, so that each image is one patient |
| spacing_mm | side of a pixel, or "row,column"; by default what the image says |
| diameters_mm | "long,short": of the axes, to check them with |
| window | "low,high": the values that are black and white |
| hu_offset | added to the stored values it gives Hounsfield units (DeepLesion's PNG: -32768) |
| split | train, validation or test, for data sets; by default by the patient's name |

`image` and one of `recist`, `x1` to `y4`, `mask`, `reader_masks` must be there, and each line has
marks of one kind. Half of the numbers of `recist` are the long axis alone, and a circle on it the
lesion. Pixels are counted from 0, x (column) before y (row), centres at whole numbers.
A `segment` of `reader_masks` is one for all of them, or one a reader with ";" between them, and
then one file may have all readers. Other columns are ignored.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from casgan_jax.annotations import cells
from casgan_jax.annotations.annotation import Annotation, Annotations, Failure, Group
from casgan_jax.annotations.axes import axes_of, units_of
from casgan_jax.annotations.readers import readers_of
from casgan_jax.errors import UserError
from casgan_jax.files import Row, unique_names
from casgan_jax.records.splits import SPLITS

ENDS = ("x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4")
MARKS = ("recist", "mask", "reader_masks")

_DRIVE = re.compile(r"[A-Za-z]:/")
_LONGEST_KEY = 200  # bytes; file systems allow 255, extensions and suffixes need some


def check_columns(table: Path, columns: Collection[str]) -> None:
    """Raises UserError, naming them, where columns are missing."""
    some_ends = [name for name in ENDS if name in columns]
    missing = [] if "image" in columns else ["image"]
    if not any(name in columns for name in MARKS):
        missing += [name for name in ENDS if name not in columns] if some_ends else [MARKS[0]]
    if missing:
        raise UserError(
            table,
            found=f"the columns {', '.join(columns)}",
            expected=(
                f"image and one of recist, {ENDS[0]} to {ENDS[-1]}, mask, reader_masks (or "
                "DeepLesion's DL_info.csv)"
            ),
            remedy=f"add {', '.join(missing)}",
        )


def plain_row(row: Row, separator: str) -> Row:
    """A row as spreadsheets in all countries may write it, as this module reads it.

    Names of columns in small letters, slashes in paths, and decimal points: where the separator is
    no comma, "0,7" is one number and "0,7,0,8" are two.

    Args:
      row: {column: text}; cells without a column under None.
      separator: between the cells of the file.
    """
    plain = {name if name is None else name.casefold(): cell for name, cell in row.items()}
    for name in {"image", "mask", "reader_masks"} & plain.keys():
        plain[name] = plain[name].replace("\\", "/")
    counts = dict.fromkeys((*ENDS, "slice", "component", "hu_offset"), 1)
    if separator != ",":
        spatial = plain.get("recist_units", "").strip().casefold() in ("lps", "ras")
        counts |= {"recist": 12 if spatial else 8, "spacing_mm": 2, "diameters_mm": 2, "window": 2}
        if "spacing_mm" in plain:  # of one number, too: sides of 0 or whole mm are none
            plain["spacing_mm"] = cells.with_points(plain["spacing_mm"], 1)
    for name in counts.keys() & plain.keys():
        plain[name] = cells.with_points(plain[name], counts[name])
    return plain


def parse_rows(table: Path, rows: Sequence[tuple[int, Row]]) -> Annotations:
    """The annotations of a table whose columns are those of this module.

    Args:
      table: its path.
      rows: (line number, {column: text}).
    """
    good, failures = [], []
    taken: dict[str, int] = {}
    for (line, row), name in zip(rows, _names(rows), strict=True):
        key = row.get("key", "").strip() or name
        try:
            annotation = _annotation(table.parent, row, key)
            if key in taken:
                raise UserError(
                    "key",
                    found=f"{key!r} as in line {taken[key]}",
                    expected="another for each lesion",
                    remedy="rename one",
                )
        except UserError as error:
            failures.append(Failure(line, key, f"{table}:{line}: {error}"))
            continue
        taken[key] = line
        good.append(annotation)
    return Annotations(tuple(good), tuple(failures))


def check_key(key: str) -> str:
    """The key, which must do as the name of a file.

    Raises:
      UserError: it cannot.
    """
    fits = key.isprintable() and len(key.encode()) <= _LONGEST_KEY
    if not fits or key.startswith(".") or "/" in key or "\\" in key:
        raise UserError(
            "key",
            found=f"{cells.shown(key)}",
            expected=(
                "a name for files, of at most 200 bytes, without slashes and not beginning "
                "with a dot"
            ),
            remedy="rename the lesion",
        )
    return key


def default_key(image: str, index: str) -> str:
    """The name of a lesion that is given none: its image's without the extension, and its slice."""
    stem = Path(image.strip()).name
    stem = stem.removesuffix(".gz").rpartition(".")[0] or stem
    index = index.strip().removesuffix(".0")
    return f"{stem}_slice-{index}" if stem and index else stem


def _names(rows: Sequence[tuple[int, Row]]) -> list[str]:
    """A name for each line, of its image and its slice."""
    return unique_names(
        [default_key(row.get("image", ""), row.get("slice", "")) for _, row in rows]
    )


def _annotation(folder: Path, row: Row, key: str) -> Annotation:
    if None in row:
        raise UserError(
            "cells",
            found=f"{len(row[None])} more than columns",
            expected="one a column",
            remedy='put cells that hold the separator in quotes, like "1,2,3,4,5,6,7,8"',
        )
    image = row["image"].strip()
    return Annotation(
        image=_file(folder, "image", image),
        key=check_key(key),
        patient=row.get("patient", "").strip() or os.path.splitext(image)[0],
        slice_index=cells.index_of("slice", row.get("slice", "")),
        series=row.get("series", "").strip().removesuffix(".0") or None,
        component=cells.number_of("component", row.get("component", "")),
        spacing_mm=cells.spacing_of("spacing_mm", row.get("spacing_mm", "")),
        diameters_mm=cells.diameters_of("diameters_mm", row.get("diameters_mm", "")),
        window=cells.window_of("window", row.get("window", "")),
        hu_offset=cells.offset_of("hu_offset", row.get("hu_offset", "")),
        split=_split(row.get("split", "").strip()),
        group=_group(image, row.get("group", "").strip()),
        **{"segment": row.get("segment", "").strip() or None, **_marks(folder, row)},
    )


def _marks(folder: Path, row: Row) -> dict[str, Any]:
    """The one kind of marks that a line has, as the field of `Annotation`."""
    marks: dict[str, dict[str, Any]] = {}
    units = units_of("recist_units", row.get("recist_units", ""))
    ends = [row.get(name, "").strip() for name in ENDS]
    if any(ends):
        given = ends if any(ends[4:]) else ends[:4]
        marks["x1 to y4"] = axes_of("x1 to y4", ",".join(given), units)
    if row.get("recist", "").strip():
        marks["recist"] = axes_of("recist", row["recist"], units)
    if mask := row.get("mask", "").strip():
        marks["mask"] = {"mask": _file(folder, "mask", mask)}
    readers = [name.strip() for name in row.get("reader_masks", "").split(";") if name.strip()]
    if readers:
        files = tuple(_file(folder, "reader_masks", name) for name in readers)
        named = [name.strip() for name in row.get("segment", "").split(";") if name.strip()]
        marks["reader_masks"] = readers_of(files, named)
    if len(marks) != 1:
        raise UserError(
            "marks",
            found=f"{' and '.join(marks) or 'none'}",
            expected="one of recist, x1 to y4, mask, reader_masks",
            remedy="fill one of them",
        )
    return marks.popitem()[1]


def _file(folder: Path, column: str, name: str) -> Path:
    if not name or not name.isprintable():
        raise UserError(
            column,
            found=f"{cells.shown(name)}",
            expected="the name of a file",
            remedy="correct the line",
        )
    if _DRIVE.match(name):
        raise UserError(
            column,
            found=f"{cells.shown(name)}, a path of Windows",
            expected="one of this computer",
            remedy="write it relative to the table's folder",
        )
    return folder / name


def _group(image: str, name: str) -> Group | None:
    return Group(f"{image} {name}", check_key(name)) if name else None


def _split(text: str) -> str | None:
    if text and text not in SPLITS:
        raise UserError(
            "split",
            found=f"{cells.shown(text)}",
            expected=f"one of {', '.join(SPLITS)}",
            remedy="correct it or leave it empty",
        )
    return text or None
