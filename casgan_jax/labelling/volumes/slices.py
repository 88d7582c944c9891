"""The slices of the volume that a mark is on, and which of them it marks.

    slices, index, located = SliceFinder().place(annotation)

The volume is the series that a DICOM file belongs to, or the NIfTI, MetaImage or NRRD file.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from pathlib import Path

from casgan_jax.annotations import Annotation
from casgan_jax.errors import UserError
from casgan_jax.images.dicom import is_dicom
from casgan_jax.images.geometry import Geometry
from casgan_jax.images.scan import open_stack
from casgan_jax.images.series import Series, find_series, open_series, read_contents
from casgan_jax.images.series_choice import choose_series
from casgan_jax.images.stack import Stack, choose_slice
from casgan_jax.labelling.locate import locate


@dataclasses.dataclass(frozen=True, eq=False)
class Slices:
    """All slices of a volume.

    Attributes:
      path: of the series' folder or of the file.
      stack: reads them.
      places: where each lies.
      names: of each, for errors.
      uid: of the series; "" of a file that is none.
      date: of the study, YYYYMMDD; "" where it is not known.
      files: that they are read from.
    """

    path: Path
    stack: Stack
    places: tuple[Geometry, ...]
    names: tuple[str, ...]
    uid: str
    date: str
    files: tuple[Path, ...]


class SliceFinder:
    """Finds the slices of annotations; every folder and file is opened once."""

    def __init__(self) -> None:
        self._series = functools.lru_cache(maxsize=None)(_series_of_folder)
        self._contents = functools.lru_cache(maxsize=None)(_series_below)
        self._of_series = functools.lru_cache(maxsize=None)(_opened_series)
        self._of_file = functools.lru_cache(maxsize=None)(_opened_file)

    def place(self, annotation: Annotation) -> tuple[Slices, int, Annotation]:
        """The slices of an annotation's volume, which one it marks, and the annotation with it.

        Raises:
          UserError: no or several series are meant, no or a wrong slice, no volume.
        """
        path = annotation.image
        if os.path.isdir(path):
            located = locate(annotation, self._series)
            series = choose_series(path, self._series(path), annotation.series)
            return self._of_series(path, series), located.slice_index or 0, located
        if _is_dicom_file(path):
            folder = annotation.study or path.absolute().parent
            for series in self._contents(folder):
                index = _index_of(series, path, annotation.slice_index)
                if index is not None:
                    return self._of_series(folder, series), index, annotation
        located = locate(annotation)
        slices = self._of_file(path)
        index = choose_slice(path, located.slice_index, slices.stack.count)
        return slices, index, located


def _index_of(series: Series, path: Path, frame: int | None) -> int | None:
    """Which slice of a series a file, or a frame of it, is; None: none."""
    for index, (file, own) in enumerate(zip(series.files, series.frames, strict=True)):
        if file.absolute() == path.absolute() and own in (None, frame):
            return index
    return None


def _is_dicom_file(path: Path) -> bool:
    return path.is_file() and is_dicom(path)


def _series_of_folder(folder: Path) -> tuple[Series, ...]:
    return find_series(folder)


def _series_below(folder: Path) -> tuple[Series, ...]:
    return read_contents(folder).series


def _opened_series(folder: Path, series: Series) -> Slices:
    return slices_of_series(folder, series, open_series(series))


def _opened_file(path: Path) -> Slices:
    return slices_of_file(path, open_stack(path))


def slices_of_series(folder: Path, series: Series, stack: Stack) -> Slices:
    """The slices of a DICOM series that lies in a folder, read by a stack."""
    names = [
        path.name if frame is None else f"frame {frame + 1} of {path.name}"
        for path, frame in zip(series.files, series.frames, strict=True)
    ]
    files = tuple(dict.fromkeys(series.files))
    return Slices(folder, stack, series.places, tuple(names), series.uid, series.date, files)


def slices_of_file(path: Path, stack: Stack) -> Slices:
    """The slices of a file, read by a stack.

    Raises:
      UserError: it does not say where they lie.
    """
    places = [place for k in range(stack.count) if (place := stack.place(k)) is not None]
    if len(places) < stack.count:
        raise UserError(
            path,
            found="an image that does not say where its slices lie",
            expected="a DICOM series, or a NIfTI or MetaImage volume with its place",
            remedy="save it as one, or label its slices without `volume`",
        )
    names = tuple(f"slice {k}" for k in range(stack.count))
    return Slices(path, stack, tuple(places), names, "", "", (path,))
