"""Lesions of volumes: the marks of each, and the slices that they are on.

    for lesion in volume_lesions(annotations.annotations): ...

Marks of one group (`Annotation.group`) on one volume are one lesion; a mask of a volume whose slice
is not said is all that it marks. The volume is the series that a DICOM file belongs to, or the
NIfTI or MetaImage file.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from casgan_jax.annotations import Annotation
from casgan_jax.errors import UserError
from casgan_jax.files import unique_names
from casgan_jax.images.dicom import is_dicom
from casgan_jax.images.geometry import Geometry
from casgan_jax.images.scan import open_stack
from casgan_jax.images.series import Series, choose_series, find_series, open_series, read_contents
from casgan_jax.images.stack import Stack, choose_slice
from casgan_jax.labelling.expand import lesions_of
from casgan_jax.labelling.locate import locate
from casgan_jax.soft_mask.volume_marks import Correction


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


@dataclasses.dataclass(frozen=True, eq=False)
class VolumeLesion:
    """A lesion before its pixels are read.

    Attributes:
      key: its name, unique among all.
      marks: (index of the slice, the marks on it), by the slices.
      corrections: of slices, marked or not; strokes of marked slices are those of their marks.
      slices: of its volume; None where there is a fault.
      fault: why it has no place in a volume; or None.
    """

    key: str
    marks: tuple[tuple[int, Annotation], ...]
    corrections: tuple[Correction, ...] = ()
    slices: Slices | None = None
    fault: UserError | None = None

    @property
    def first(self) -> Annotation:
        """The first of its marks."""
        return self.marks[0][1]

    @property
    def files(self) -> tuple[Path, ...]:
        """All that the lesion is read from."""
        marks = [path for _, one in self.marks for path in one.files]
        return tuple(dict.fromkeys([*(self.slices.files if self.slices else ()), *marks]))


def volume_lesions(annotations: Sequence[Annotation]) -> list[VolumeLesion]:
    """The lesions that annotations are the marks of, in their order.

    A lesion that cannot be placed has a `fault`.
    """
    finder = _Finder()
    placed: dict[object, list[tuple[int, Annotation]]] = defaultdict(list)
    slices: dict[object, Slices] = {}
    names: dict[object, str] = {}
    faults: dict[object, UserError] = {}
    for number, annotation in enumerate(annotations):
        group = annotation.group
        lesion = number if group is None else group.id
        names[lesion] = annotation.key if group is None else group.name
        placed[lesion] += ()
        try:
            for one in _marks(annotation):
                found, index, located = finder.place(one)
                _check_same(annotation, slices.setdefault(lesion, found), found)
                placed[lesion].append((index, located))
        except UserError as error:
            faults[lesion] = error
            placed[lesion].append((annotation.slice_index or 0, annotation))
    keys = unique_names(list(names.values()))
    return [
        VolumeLesion(
            key,
            tuple(sorted(marks, key=lambda mark: mark[0])),
            slices=None if lesion in faults else slices[lesion],
            fault=faults.get(lesion),
        )
        for key, (lesion, marks) in zip(keys, placed.items(), strict=True)
    ]


def _marks(annotation: Annotation) -> Iterator[Annotation]:
    """An annotation as marks of one slice each."""
    whole = annotation.mask is not None and annotation.slice_index is None
    if whole and annotation.study is None and annotation.component is None:
        yield from lesions_of(annotation)
    else:
        yield annotation


def _check_same(annotation: Annotation, first: Slices, found: Slices) -> None:
    if found is not first:
        raise UserError(
            annotation.key,
            found=f"marks of one group on {first.path} and on {found.path}",
            expected="one volume",
            remedy="give each lesion a group of its own",
        )


class _Finder:
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
