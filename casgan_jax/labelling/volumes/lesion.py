"""Lesions of volumes: the marks of each, and the slices that they are on.

    for lesion in volume_lesions(annotations.annotations): ...

Marks of one group (`Annotation.group`) on one volume are one lesion; a mask of a volume whose slice
is not said is all that it marks. The volume is the series that a DICOM file belongs to, or the
NIfTI or MetaImage file.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from casgan_jax.annotations import Annotation
from casgan_jax.errors import UserError
from casgan_jax.files import unique_names
from casgan_jax.labelling.expand import lesions_of
from casgan_jax.labelling.volumes.slices import SliceFinder, Slices
from casgan_jax.soft_mask.volume_marks import Correction


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
    finder = SliceFinder()
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
