"""A folder from a PACS: the series in it, and what was measured and marked on them.

    study = read_study(Path("study"))
    study.series, study.measurements, study.marks

Reports (SR), presentation states (GSPS) and files of viewers (JSON) hold measurements, and the
first two outlines, which are marks like those of segmentations (SEG) and contours (RTSTRUCT). Every
header is read once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from casgan_jax.dicom.contours import CLASS as CONTOURS
from casgan_jax.dicom.contours import Roi
from casgan_jax.dicom.measurements import Click, Found, Measurement, lesions
from casgan_jax.dicom.viewer_json import read_viewer_json
from casgan_jax.errors import UserError
from casgan_jax.images.segmentation import CLASSES as SEGMENTATIONS
from casgan_jax.images.series import Contents, Other, Series, read_contents
from casgan_jax.images.stack import Segment
from casgan_jax.labelling.expand import segments_of
from casgan_jax.labelling.mark_files import READERS


class Marks(NamedTuple):
    """A file of segments or regions."""

    path: Path
    segments: tuple[Segment, ...] | tuple[Roi, ...]


@dataclasses.dataclass(frozen=True)
class Study:
    """What a folder holds.

    Attributes:
      folder: it.
      series: of images.
      measurements: (file, lesion) of reports, presentation states and viewers.
      marks: files of segmentations, contours and outlines.
      skipped: what is left out, a line each.
      faults: of files that cannot be read.
    """

    folder: Path
    series: tuple[Series, ...]
    measurements: tuple[tuple[Path, Measurement | Click], ...]
    marks: tuple[Marks, ...]
    skipped: tuple[str, ...]
    faults: tuple[UserError, ...]


@dataclasses.dataclass
class _Reading:
    """A study while it is read."""

    measurements: list[tuple[Path, Measurement | Click]]
    marks: list[Marks]
    skipped: list[str]
    faults: list[UserError]

    def add(self, path: Path, read: Callable[[Path], Found]) -> None:
        """Adds the measurements and outlines of a file."""
        found = read(path)
        measured: tuple[Measurement | Click, ...] = (*lesions(found.lines), *found.clicks)
        self.measurements += [(path, one) for one in measured]
        if found.outlines:
            self.marks.append(Marks(path, found.outlines))
        self.skipped += [f"{path.name}: {line}" for line in found.skipped]


def read_study(folder: Path) -> Study:
    """What a folder and those below it hold.

    Raises:
      UserError: no such folder. Files that cannot be read are told in `faults`.
    """
    contents = read_contents(folder)
    reading = _Reading([], [], [], list(contents.faults))
    for other in contents.others:
        try:
            _read_other(reading, other)
        except UserError as error:
            reading.faults.append(error)
    for path in sorted(folder.rglob("*.json")):
        try:
            reading.add(path, read_viewer_json)
        except UserError as error:  # it may be of anything
            reading.skipped.append(str(error))
    return _study(folder, contents, reading)


def _read_other(reading: _Reading, other: Other) -> None:
    if other.modality in READERS:
        reading.add(other.path, READERS[other.modality])
    elif other.kind in SEGMENTATIONS or other.kind == CONTOURS:
        reading.marks.append(Marks(other.path, segments_of(other.path)))
    else:
        kind = other.modality or other.kind
        reading.skipped.append(f"{other.path.name}: a file of {kind}, which has no marks")


def _study(folder: Path, contents: Contents, reading: _Reading) -> Study:
    return Study(
        folder,
        contents.series,
        tuple(reading.measurements),
        tuple(reading.marks),
        tuple(reading.skipped),
        tuple(reading.faults),
    )
