"""CT series of a download from The Cancer Imaging Archive: one folder of DICOM files each."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from casgan_jax.errors import UserError
from casgan_jax.images.checks import import_extra, telling_damage

_TAGS = (
    "Modality",
    "PatientID",
    "PixelSpacing",
    "SeriesInstanceUID",
    "SliceThickness",
)
_TOLERANCE = 1e-3  # relative difference of row and column spacing that passes for none


class Series(NamedTuple):
    """One CT series.

    Attributes:
      folder: that holds its files and no other series.
      uid: SeriesInstanceUID.
      patient: PatientID, e.g. "LIDC-IDRI-0001".
      spacing_mm: side of a pixel.
      thickness_mm: of a slice.
    """

    folder: str
    uid: str
    patient: str
    spacing_mm: float
    thickness_mm: float


def find_folders(root: Path) -> list[Path]:
    """The folders that hold .dcm files, sorted."""
    return sorted(
        Path(folder)
        for folder, _, names in os.walk(root)
        if any(name.lower().endswith(".dcm") for name in names)
    )


def read_series(folder: Path) -> Series | None:
    """What the first file of a folder says about its series; None if it is not CT.

    Raises:
      UserError: a damaged file, no patient, or no spacing that could be used.
    """
    path = _dicom_files(folder)[0]
    header = _header(path, _TAGS)
    if header.get("Modality") != "CT":
        return None
    with telling_damage(path, "DICOM"):
        spacing = [float(value) for value in header.get("PixelSpacing") or ()]
        thickness = float(header.get("SliceThickness") or math.nan)
    if len(spacing) != 2 or not math.isclose(*spacing, rel_tol=_TOLERANCE):
        raise _unusable(path, "PixelSpacing", header, "two equal numbers")
    if not (0 < spacing[0] < math.inf and 0 < thickness < math.inf):
        field = "SliceThickness" if 0 < spacing[0] < math.inf else "PixelSpacing"
        raise _unusable(path, field, header, "a positive number of mm")
    for field in ("PatientID", "SeriesInstanceUID"):
        if not header.get(field):
            raise _unusable(path, field, header, "one")
    return Series(
        folder=str(folder),
        uid=str(header.SeriesInstanceUID),
        patient=str(header.PatientID),
        spacing_mm=spacing[0],
        thickness_mm=thickness,
    )


class SliceFiles(NamedTuple):
    """The files of a series.

    Attributes:
      by_uid: path by SOPInstanceUID.
      unreadable: the line of each file that cannot be read.
    """

    by_uid: dict[str, Path]
    unreadable: tuple[str, ...]


def slice_files(folder: str) -> SliceFiles:
    """Reads the header of each file of a series; a damaged one does not hide the others."""
    by_uid, unreadable = {}, []
    for path in _dicom_files(Path(folder)):
        try:
            header = _header(path, ("SOPInstanceUID",))
        except UserError as error:
            unreadable.append(str(error))
            continue
        by_uid[str(header.get("SOPInstanceUID"))] = path
    return SliceFiles(by_uid, tuple(unreadable))


def _dicom_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".dcm")


def _header(path: Path, tags: Sequence[str]) -> Any:
    pydicom = import_extra("pydicom", path, "DICOM")
    with telling_damage(path, "DICOM"):
        return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(tags))


def _unusable(path: Path, field: str, header: Any, expected: str) -> UserError:
    return UserError(
        path,
        found=f"{field} {header.get(field)}",
        expected=f"{expected}",
        remedy="leave the series out",
    )
