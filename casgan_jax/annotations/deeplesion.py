"""DeepLesion's files: 16-bit slices, and `DL_info.csv` with the RECIST axes of their lesions.

    DeepLesion/
      DL_info.csv                         File_name 000001_01_01_109.png, and so on
      Images_png/000001_01_01/109.png     PATIENT_STUDY_SERIES/SLICE.png, HU = value - 32768

Coordinates are taken as they are published, pixel centres at whole numbers from 0. Code of the data
set's authors subtracts 1; but on 12 lesions with published masks, what the axes enclose overlaps
the mask best when it is moved by 0.5 pixels to the right and 1.0 down (means), the other way.

Columns: `File_name` and `Measurement_coordinates` must be there; `Lesion_diameters_Pixel_` (which
the axes are checked with), `Spacing_mm_px_`, `DICOM_windows`,
`Coarse_lesion_type` and `Possibly_noisy` are read where they are. A window of more than 2,500 HU is
the scanner's whole range, in which a lesion's edge is a few grey levels: lesions of the lung and of
unknown place get the default, the lung's, instead, others that of soft tissue, -160 to 240 HU.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from casgan_jax.annotations import cells
from casgan_jax.annotations.annotation import Annotation, Annotations, Failure
from casgan_jax.errors import UserError
from casgan_jax.files import Row, read_rows, unique_names
from casgan_jax.soft_mask.recist import check_diameters

INFO_FILE = "DL_info.csv"
HU_OFFSET = -32768  # HU = stored value + HU_OFFSET
SERIES = re.compile(r"(?P<patient>\d{6})_\d{2}_\d{2}")
COLUMNS = ("File_name", "Measurement_coordinates")
DIAMETERS = "Lesion_diameters_Pixel_"
LUNG = 5  # of Coarse_lesion_type
SOFT_TISSUE_WINDOW = (-160.0, 240.0)  # HU
WIDEST_WINDOW = 2500.0  # HU

_FILE_NAME = re.compile(rf"(?P<series>{SERIES.pattern})_(?P<slice>\d{{3}})\.png")
_REMEDY = "use the file as published"


class Lesions(NamedTuple):
    """What `DL_info.csv` holds.

    Attributes:
      annotations: of the good lines, and failures.
      types: {key: Coarse_lesion_type}; -1 where it is not known.
      noisy: keys of the lesions whose axes their authors marked as possibly wrong.
    """

    annotations: Annotations
    types: dict[str, int]
    noisy: frozenset[str]


def is_table(columns: Collection[str]) -> bool:
    """Whether a table's columns are DeepLesion's."""
    return COLUMNS[0] in columns and "image" not in columns


def read_lesions(table: Path) -> Lesions:
    """The lesions of `DL_info.csv`; keys are file names without ".png", numbered where a slice has
    several lesions.

    Raises:
      UserError: no such file, no CSV, a missing column, or no images beside the table.
    """
    rows = read_rows(table, COLUMNS, remedy=_REMEDY)
    root = find_images(table.parent)
    names = unique_names([row["File_name"].strip().removesuffix(".png") for _, row in rows])
    good, failures, types, noisy = [], [], {}, set()
    for (line, row), key in zip(rows, names, strict=True):
        try:
            annotation = _annotation(root, row, key)
            types[key] = _whole(row, "Coarse_lesion_type", -1)
            if _whole(row, "Possibly_noisy", 0):
                noisy.add(key)
        except UserError as error:
            failures.append(Failure(line, key, f"{table}:{line}: {error}"))
            continue
        good.append(annotation)
    return Lesions(Annotations(tuple(good), tuple(failures)), types, frozenset(noisy))


def find_images(folder: Path) -> Path:
    """The folder that holds the series: `Images_png`, once or twice nested, or `folder` itself.

    Raises:
      UserError: there is none.
    """
    for root in (folder / "Images_png" / "Images_png", folder / "Images_png", folder):
        if root.is_dir() and any(SERIES.fullmatch(path.name) for path in root.iterdir()):
            return root
    raise UserError(
        folder,
        found="no Images_png/PATIENT_STUDY_SERIES folder (such as 000001_01_01)",
        expected="DeepLesion's layout",
        remedy="name the folder that holds Images_png",
    )


def _annotation(root: Path, row: Row, key: str) -> Annotation:
    name = _FILE_NAME.fullmatch(row["File_name"].strip())
    if not name:
        raise UserError(
            "File_name",
            found=f"{cells.shown(row['File_name'])}",
            expected="PATIENT_STUDY_SERIES_SLICE.png like 000001_01_01_109.png",
            remedy=f"{_REMEDY}",
        )
    recist = cells.recist_of("Measurement_coordinates", row["Measurement_coordinates"])
    diameters = cells.diameters_of(DIAMETERS, row.get(DIAMETERS, ""))
    if diameters:  # in pixels
        check_diameters(recist, diameters)
    return Annotation(
        key=key,
        patient=name["patient"],
        image=root / name["series"] / f"{name['slice']}.png",
        recist=recist,
        spacing_mm=_spacing(row.get("Spacing_mm_px_", "")),
        window=_window(row),
        hu_offset=HU_OFFSET,
    )


def _window(row: Row) -> tuple[float, float] | None:
    """The published window, or one that shows the lesion; None: the default for HU."""
    window = cells.window_of("DICOM_windows", row.get("DICOM_windows", ""))
    if window is None or window[1] - window[0] <= WIDEST_WINDOW:
        return window
    kind = _whole(row, "Coarse_lesion_type", -1)
    return None if kind in (LUNG, -1) else SOFT_TISSUE_WINDOW


def _spacing(text: str) -> tuple[float, float] | None:
    """(row, column) from "x, y, distance of slices"."""
    if not text.strip():
        return None
    found = cells.numbers(text)
    if len(found) != 3 or min(found[:2]) <= 0:
        raise UserError(
            "Spacing_mm_px_",
            found=f"{cells.shown(text)}",
            expected="'x, y, z' in mm",
            remedy=f"{_REMEDY}",
        )
    return found[1], found[0]


def _whole(row: Row, column: str, default: int) -> int:
    found = cells.numbers(row.get(column, "") or str(default))
    if len(found) != 1 or not found[0].is_integer():
        raise UserError(
            column,
            found=f"{cells.shown(row[column])}",
            expected="a whole number",
            remedy=f"{_REMEDY}",
        )
    return int(found[0])
