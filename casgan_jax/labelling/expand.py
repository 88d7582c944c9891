"""Files of marks as lesions: one a slice, a segment, or a connected part.

annotation = Annotation(key="liver", patient="1", image=Path("series"), mask=Path("seg.dcm"))
lesions_of(annotation, every_segment=True)  # a lesion each slice and segment that is marked
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from casgan_jax.annotations import Annotation, Group
from casgan_jax.dicom.contours import Roi
from casgan_jax.errors import UserError
from casgan_jax.images.scan import open_stack
from casgan_jax.images.series import Series, find_series
from casgan_jax.images.series_choice import choose_series
from casgan_jax.images.stack import Scan, Segment, choose_slice
from casgan_jax.labelling.mark import Mark, OutsideError, count_parts
from casgan_jax.labelling.mark_files import blank_scan, is_placed, open_marks, slice_of
from casgan_jax.labelling.marks import read_mask, values_of


class Slice(NamedTuple):
    """A slice that marks may be on: its number from 0, or None where it is the only one, and its
    pixels or a blank in their place."""

    number: int | None
    scan: Scan


def lesions_of(
    annotation: Annotation, *, every_segment: bool = False, components: bool = False
) -> tuple[Annotation, ...]:
    """The lesions that the mask of an annotation marks.

    Args:
      annotation: with a `mask`. Without a slice_index, all slices of its image are looked at.
      every_segment: a lesion for each segment, region or value of the mask; else for `segment`, or
        for all that is marked.
      components: a lesion for each connected part.

    Returns:
      Annotations, by slices; the annotation itself where there is nothing to choose.

    Raises:
      UserError: a file cannot be read, does not fit, or nothing is marked.
    """
    assert annotation.mask is not None, "marks are a mask"
    slices = _slices(annotation)
    if len(slices) == 1 and not (every_segment or components):
        return (annotation,)
    found = [
        _named(annotation, one, segment, part, several=len(slices) > 1)
        for one, segment, part in marked(
            annotation.mask, slices, annotation.segment, every_segment, components
        )
    ]
    if not found:
        raise UserError(
            annotation.mask,
            found=f"no mark on {len(slices)} slices of {annotation.image}",
            expected="a marked lesion",
            remedy="use the mask of this image",
        )
    return tuple(found)


def marked(
    path: Path, slices: list[Slice], segment: str | None, every_segment: bool, components: bool
) -> Iterator[tuple[Slice, str | None, int | None]]:
    """(slice, segment or None, part or None) of all that a file marks on slices.

    Raises:
      UserError: it cannot be read, or does not fit the image.
    """
    for one in slices:
        for name in segments_on(path, one) if every_segment else [segment]:
            mark = _mark(path, one, name)
            if mark is None or not mark.mask.any():
                continue
            count = count_parts(mark) if components else 0
            for part in range(1, count + 1) if components else [None]:
                yield one, name, part


def segments_on(path: Path, one: Slice) -> list[str]:
    """What `segment` may be for a file of marks on a slice."""
    named = segments_of(path)
    if named:
        return [str(each.number) for each in named]
    return [f"{value:g}" for value in values_of(path, one.scan, one.number)]


def segments_of(path: Path) -> tuple[Segment, ...] | tuple[Roi, ...]:
    """Segments or regions of a file; none of a mask."""
    marks = open_marks(path)
    return marks if isinstance(marks, tuple) else marks.segments


def slices_of_series(series: Series) -> list[Slice]:
    """The slices of a series, without their pixels.

    Raises:
      UserError: its fault.
    """
    if series.fault is not None:
        raise series.fault
    places = zip(series.places, series.instances, strict=True)
    return [
        Slice(number, blank_scan(place, (uid, max(frame, 1))))
        for number, (place, (uid, frame)) in enumerate(places)
    ]


def _slices(annotation: Annotation) -> list[Slice]:
    """The slice of an annotation, or all of its image."""
    path, index = annotation.image, annotation.slice_index
    if os.path.isdir(path):
        found = slices_of_series(choose_series(path, find_series(path), annotation.series))
        return found if index is None else [found[choose_slice(path, index, len(found))]]
    stack = open_stack(path)
    if stack.count == 1:
        return [Slice(index, stack.read(0))]
    placed = is_placed(open_marks(annotation.mask or path))
    wanted = range(stack.count) if index is None else [choose_slice(path, index, stack.count)]
    return [Slice(each, slice_of(stack, each, placed)) for each in wanted]


def _mark(path: Path, one: Slice, segment: str | None) -> Mark | None:
    try:
        return read_mask(path, one.scan, slice_index=one.number, segment=segment)
    except OutsideError:
        return None


def _named(
    annotation: Annotation, one: Slice, segment: str | None, part: int | None, *, several: bool
) -> Annotation:
    key = annotation.key
    if segment is not None and segment != annotation.segment:
        key += f"_segment-{segment}"
    group = Group(key, key) if part is None else None  # a part's number is of its slice alone
    if several:
        key += f"_slice-{one.number}"
    if part is not None:
        key += f"_part-{part}"
    return dataclasses.replace(
        annotation,
        key=key,
        slice_index=one.number,
        segment=segment,
        component=part,
        group=group,
    )
