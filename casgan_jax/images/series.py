"""A folder of DICOM files as the series that it holds, slices in the order of their place.

    (series,) = find_series("study")
    stack = open_series(series)  # slice 0 is the most inferior one
    read_contents("study").others  # reports, segmentations and the like beside it

Files are sorted by what they say of their place, never by their names or InstanceNumber: axial
slices from inferior to superior, coronal ones from anterior to posterior, sagittal ones from right
to left.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images import dicom_tags
from casgan_jax.images.checks import damaged, shown, telling_damage, unreadable
from casgan_jax.images.dicom import is_dicom, open_dicom, read_dataset
from casgan_jax.images.dicom_tags import Frame
from casgan_jax.images.frames import PlacedFrame, volumes_of
from casgan_jax.images.geometry import Geometry
from casgan_jax.images.segmentation import is_segmentation
from casgan_jax.images.stack import Scan, Stack

_TAGS = (
    "Columns",
    "FrameOfReferenceUID",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "Modality",
    "NumberOfFrames",
    "PatientID",
    "PerFrameFunctionalGroupsSequence",
    "PixelSpacing",
    "Rows",
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesDescription",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SharedFunctionalGroupsSequence",
    "SliceThickness",
    "SpacingBetweenSlices",
    "StudyDate",
)
_ALIKE = 1e-3  # difference of directions that passes for none
_TOLERANCE = 0.1  # of the distance of slices
_LEAST_TILT = 0.5  # degrees
_MOST_NAMED = 5  # distances, in the notes of a series
_MOST_FRAMES = 100_000
_DICOMDIR = "1.2.840.10008.1.3.10"  # whose data set does not say what it is


@dataclasses.dataclass(frozen=True, eq=False)
class Series:
    """The slices of one series, or the frames of one file.

    Attributes:
      uid: SeriesInstanceUID.
      number: SeriesNumber as written, or "".
      name: modality and SeriesDescription.
      files: of the slices, in their order.
      frames: of each slice, its index in a file of several frames, or None.
      instances: of each slice, SOPInstanceUID and frame from 1, or 0 where the file has but one.
      places: where each lies; none where there is a fault.
      notes: what is wrong but does no harm to a single slice: slices that are missing, a tilted
        gantry.
      patient: PatientID, or "".
      date: StudyDate, YYYYMMDD, or "".
      fault: why the slices are no series, which then are in the order of their names; or None.
    """

    uid: str
    number: str
    name: str
    files: tuple[Path, ...]
    frames: tuple[int | None, ...]
    instances: tuple[tuple[str, int], ...]
    places: tuple[Geometry, ...]
    notes: tuple[str, ...]
    patient: str = ""
    date: str = ""
    fault: UserError | None = None


@dataclasses.dataclass(frozen=True)
class Other:
    """A DICOM file that is no image: a report, a presentation state, a segmentation, contours."""

    path: Path
    kind: str  # SOPClassUID
    modality: str


@dataclasses.dataclass(frozen=True)
class Contents:
    """What a folder and those below it hold, every header read once.

    Attributes:
      series: of images.
      others: of the DICOM files.
      faults: of the DICOM files that cannot be read.
    """

    series: tuple[Series, ...]
    others: tuple[Other, ...]
    faults: tuple[UserError, ...]


def read_contents(folder: Path | str) -> Contents:
    """What a folder of DICOM files holds; files of other kinds do not matter.

    Raises:
      UserError: no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(
            folder,
            found="no such folder",
            expected="a folder of DICOM images",
            remedy="check the path",
        )
    groups: dict[str, list[Frame]] = defaultdict(list)
    others, faults = [], []
    for path in _files(folder):
        try:
            frames = _header(path)
        except UserError as error:
            faults.append(error)
            continue
        if isinstance(frames, Other):
            others.append(frames)
            continue
        uid = str(frames[0].get("SeriesInstanceUID"))  # "None" is one, too
        groups[uid if len(frames) == 1 else f"{uid} {path}"] += frames
    series = []
    for uid, frames in sorted(groups.items()):
        try:
            with telling_damage(frames[0].path, "DICOM"):
                series.append(_series(uid.split()[0], frames))
        except UserError as error:
            faults.append(error)
    return Contents(tuple(series), tuple(others), tuple(faults))


def find_series(folder: Path | str) -> tuple[Series, ...]:
    """The series of images in a folder and those below it; other files do not matter.

    Raises:
      UserError: no such folder, none in it, or a damaged DICOM file. A series whose slices do not
        say where they lie, lie in several directions or twice in one place has a `fault`.
    """
    folder = Path(folder)
    found = read_contents(folder)
    for fault in found.faults:
        raise fault
    if not found.series:
        raise UserError(
            folder,
            found="no DICOM image",
            expected="a folder of DICOM images",
            remedy="check the path",
        )
    return found.series


def open_series(series: Series) -> Stack:
    """The slices of a series, in its order.

    Raises:
      UserError: its fault.
    """
    if series.fault is not None:
        raise series.fault
    opened = functools.lru_cache(maxsize=1)(open_dicom)  # of a file of several frames

    def read(index: int) -> Scan:
        return opened(series.files[index]).read(series.frames[index] or 0)

    placed = [PlacedFrame(index, place) for index, place in enumerate(series.places)]
    volumes = volumes_of(placed, lambda index: read(index).values)
    return Stack(len(placed), read, volumes, place=lambda index: series.places[index])


def _files(folder: Path) -> list[Path]:
    found = [Path(root) / name for root, _, names in os.walk(folder) for name in names]
    return sorted(path for path in found if _begins_as_dicom(path))


def _begins_as_dicom(path: Path) -> bool:
    try:
        return path.is_file() and is_dicom(path)
    except OSError as error:
        raise unreadable(path, error) from error


def _header(path: Path) -> list[Frame] | Other:
    """The tags of every frame of an image, or what else a file is."""
    dataset: Any = read_dataset(path, stop_before_pixels=True, specific_tags=list(_TAGS))
    with telling_damage(path, "DICOM"):
        if dataset.get("Rows") is None or is_segmentation(dataset):
            kind, modality = dataset.get("SOPClassUID", ""), dataset.get("Modality", "")
            if not kind and dataset.file_meta.get("MediaStorageSOPClassUID") != _DICOMDIR:
                raise damaged(path, "DICOM", "a header that does not say of what")
            return Other(path, str(kind), shown(modality)[1:-1])
        count = int(dataset.get("NumberOfFrames") or 1)
        if not 1 <= count <= _MOST_FRAMES:
            raise damaged(path, "DICOM", f"NumberOfFrames {count}")
        found = [Frame(path, dataset, index) for index in range(count)]
        for name in _TAGS:  # decoded here, where it is known whose they are
            found[0].get(name)
        return found


def _series(uid: str, frames: list[Frame]) -> Series:
    try:
        places = [_place(frame) for frame in frames]
        _check_directions(frames, places)
        order, heights = _order(places)
        frames, places = [frames[k] for k in order], [places[k] for k in order]
        notes = _notes(frames, places, heights)
    except UserError as fault:
        return _told_series(uid, frames, (), (), fault)
    return _told_series(uid, frames, tuple(places), tuple(notes), None)


def _order(places: list[Geometry]) -> tuple[np.ndarray, np.ndarray]:
    """The order of slices along their normal, and how far along it each of them then lies."""
    across = places[0].direction[:, 2]
    across = across * np.sign(across[np.argmax(np.abs(across))])
    heights = np.array([place.origin @ across for place in places])
    order = np.argsort(heights, kind="stable")
    return order, heights[order]


def _told_series(
    uid: str,
    frames: list[Frame],
    places: tuple[Geometry, ...],
    notes: tuple[str, ...],
    fault: UserError | None,
) -> Series:
    first = frames[0]
    counts = [int(frame.dataset.get("NumberOfFrames") or 1) for frame in frames]
    several = [count > 1 for count in counts]
    uids = [str(frame.dataset.get("SOPInstanceUID", "")) for frame in frames]
    return Series(
        uid=uid,
        number=str(first.get("SeriesNumber") or ""),
        name=shown(f"{first.get('Modality')} {first.get('SeriesDescription') or ''}".strip())[1:-1],
        files=tuple(frame.path for frame in frames),
        frames=tuple(
            frame.index if more else None for frame, more in zip(frames, several, strict=True)
        ),
        instances=tuple(
            (one, frame.index + 1 if more else 0)
            for one, frame, more in zip(uids, frames, several, strict=True)
        ),
        places=places,
        notes=notes,
        patient=shown(first.dataset.get("PatientID") or "")[1:-1],
        date=shown(first.dataset.get("StudyDate") or "")[1:-1],
        fault=fault,
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
