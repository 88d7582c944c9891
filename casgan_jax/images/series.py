"""A folder of DICOM files as the series that it holds, slices in the order of their place.

    (series,) = find_series("study")
    stack = open_series(series)  # slice 0 is the most inferior one

Files are sorted by what they say of their place, never by their names or InstanceNumber: axial
slices from inferior to superior, coronal ones from anterior to posterior, sagittal ones from right
to left.
"""

from __future__ import annotations

import dataclasses
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images import dicom_tags
from casgan_jax.images.checks import shown, telling_damage, unreadable
from casgan_jax.images.dicom import is_dicom, open_dicom, read_dataset
from casgan_jax.images.dicom_tags import Frame
from casgan_jax.images.frames import PlacedFrame, volumes_of
from casgan_jax.images.geometry import Geometry
from casgan_jax.images.stack import Scan, Stack

_TAGS = (
    "Columns",
    "FrameOfReferenceUID",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "Modality",
    "NumberOfFrames",
    "PixelSpacing",
    "Rows",
    "SeriesDescription",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SliceThickness",
    "SpacingBetweenSlices",
)
_ALIKE = 1e-3  # difference of directions that passes for none
_TOLERANCE = 0.1  # of the distance of slices
_LEAST_TILT = 0.5  # degrees
_MOST_NAMED = 5  # in a line


@dataclasses.dataclass(frozen=True, eq=False)
class Series:
    """The slices of one series.

    Attributes:
      uid: SeriesInstanceUID.
      number: SeriesNumber as written, or "".
      name: modality and SeriesDescription.
      files: of the slices, in their order.
      places: where each lies.
      notes: what is wrong but does no harm to a single slice: slices that are missing, a tilted
        gantry.
    """

    uid: str
    number: str
    name: str
    files: tuple[Path, ...]
    places: tuple[Geometry, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        count = "1 slice" if len(self.files) == 1 else f"{len(self.files)} slices"
        return f"{self.number or self.uid} ({self.name}, {count})"


def find_series(folder: Path | str) -> tuple[Series, ...]:
    """The series of images in a folder and those below it; other files do not matter.

    Raises:
      UserError: no such folder, none in it, a damaged DICOM file, or a series whose slices do not
        say where they lie, lie in several directions or twice in one place.
    """
    folder = Path(folder)
    groups = defaultdict(list)
    for path in _files(folder):
        frame = _header(path)
        if frame is not None:
            groups[str(frame.get("SeriesInstanceUID"))].append(frame)
    if not groups:
        raise UserError(
            folder,
            found="no DICOM image" if folder.is_dir() else "no such folder",
            expected="a folder of DICOM images",
            remedy="check the path",
        )
    return tuple(_series(uid, frames) for uid, frames in sorted(groups.items()))


def choose_series(folder: Path, found: tuple[Series, ...], wanted: str | None) -> Series:
    """The series of that number or UID; where there is only one it need not be named.

    Raises:
      UserError: none or several are meant.
    """
    meant = [one for one in found if wanted is None or wanted in (one.number, one.uid)]
    if len(meant) == 1:
        return meant[0]
    names = ", ".join(map(str, found[:_MOST_NAMED])) + ", ..." * (len(found) > _MOST_NAMED)
    raise UserError(
        folder,
        found=f"{len(meant)} series" + (f" of the name {shown(wanted)}" if wanted else ""),
        expected=f"one of {names}",
        remedy="put one into a folder of its own, or name the file of a slice",
    )


def open_series(series: Series) -> Stack:
    """The slices of a series, in its order."""

    def read(index: int) -> Scan:
        return open_dicom(series.files[index]).read(0)

    placed = [PlacedFrame(index, place) for index, place in enumerate(series.places)]
    return Stack(len(placed), read, volumes_of(placed, lambda index: read(index).values))


def _files(folder: Path) -> list[Path]:
    found = [Path(root) / name for root, _, names in os.walk(folder) for name in names]
    return sorted(path for path in found if _begins_as_dicom(path))


def _begins_as_dicom(path: Path) -> bool:
    try:
        return path.is_file() and is_dicom(path)
    except OSError as error:
        raise unreadable(path, error) from error


def _header(path: Path) -> Frame | None:
    """The tags of a file of one image; None of others, such as reports and tables of content."""
    dataset: Any = read_dataset(path, stop_before_pixels=True, specific_tags=list(_TAGS))
    with telling_damage(path, "DICOM"):
        if dataset.get("Rows") is None or int(dataset.get("NumberOfFrames") or 1) > 1:
            return None
        return Frame(path, dataset, 0)


def _series(uid: str, frames: list[Frame]) -> Series:
    places = [_place(frame) for frame in frames]
    _check_directions(frames, places)
    across = places[0].direction[:, 2]
    across = across * np.sign(across[np.argmax(np.abs(across))])
    heights = np.array([place.origin @ across for place in places])
    order = np.argsort(heights, kind="stable")
    frames, places = [frames[k] for k in order], [places[k] for k in order]
    notes = _notes(frames, places, heights[order])
    first = frames[0]
    return Series(
        uid=uid,
        number=str(first.get("SeriesNumber") or ""),
        name=shown(f"{first.get('Modality')} {first.get('SeriesDescription') or ''}".strip())[1:-1],
        files=tuple(frame.path for frame in frames),
        places=tuple(places),
        notes=tuple(notes),
    )


def _place(frame: Frame) -> Geometry:
    found = dicom_tags.geometry(frame, dicom_tags.spacing(frame))
    if found is None:
        raise UserError(
            frame.path,
            found="a slice of a series that does not say where it lies",
            expected="ImagePositionPatient, ImageOrientationPatient and PixelSpacing",
            remedy="name the file itself, or take it out of the folder",
        )
    return found


def _check_directions(frames: list[Frame], places: list[Geometry]) -> None:
    """Refuses a series of several directions or grids: a localizer among axial slices."""
    first = places[0]
    for frame, place in zip(frames, places, strict=True):
        alike = (
            (place.size, place.frame) == (first.size, first.frame)
            and np.allclose(place.direction, first.direction, atol=_ALIKE)
            and np.allclose(place.spacing[:2], first.spacing[:2], rtol=_ALIKE)
        )
        if not alike:
            raise UserError(
                frame.path,
                found=f"{place}",
                expected=f"as {frames[0].path.name} of the same series: {first}",
                remedy="put them into folders of their own",
            )


def _notes(frames: list[Frame], places: list[Geometry], heights: np.ndarray) -> list[str]:
    """What is to be said of slices in order.

    Raises:
      UserError: two are in one place.
    """
    if len(frames) < 2:
        return []
    gaps = np.diff(heights)
    step = float(np.median(gaps))
    if gaps.min() <= _TOLERANCE * max(step, 1e-3):
        twice = int(np.argmin(gaps))
        raise UserError(
            frames[twice + 1].path,
            found=f"the place of {frames[twice].path.name} again",
            expected="one slice in each place",
            remedy="take one out of the folder",
        )
    wide = np.flatnonzero(np.abs(gaps - step) > _TOLERANCE * step)
    notes = [
        f"{gaps[k]:.4g} mm instead of {step:.4g} between {frames[k].path.name} and "
        f"{frames[k + 1].path.name}"
        for k in wide[:_MOST_NAMED]
    ]
    if len(wide) > _MOST_NAMED:
        notes.append(f"{len(wide) - _MOST_NAMED} more such distances")
    tilt = _tilt(places)
    if tilt >= _LEAST_TILT:
        notes.append(f"a gantry tilted by {tilt:.3g} degrees")
    return notes


def _tilt(places: list[Geometry]) -> float:
    """Degrees between the line through the slices' corners and their normal."""
    line = places[-1].origin - places[0].origin
    along = np.abs(line @ places[0].direction[:, 2]) / np.linalg.norm(line)
    return float(np.degrees(np.arccos(np.clip(along, 0, 1))))
