"""The mask of a lesion, joined to its image.

A mask is put upon its image by what both files say of their place, whatever their formats and the
order of their axes: taken pixel by pixel on one grid, else resampled, which a note tells. Files of
formats without a place (PNG, TIFF, NPY) are taken as they are, slice by slice, and must have the
image's size. Frames of a DICOM segmentation that have no place are those drawn on the image.
Contours of an RTSTRUCT are filled on the image's own grid (`casgan_jax.dicom.contours`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from casgan_jax.dicom.contours import Roi
from casgan_jax.errors import UserError
from casgan_jax.grid import PAPER_THRESHOLD, binarise
from casgan_jax.images.checks import shown
from casgan_jax.images.geometry import Geometry
from casgan_jax.images.placing import Placed, place
from casgan_jax.images.scan import open_stack
from casgan_jax.images.stack import Scan, Segment, Stack, choose_slice
from casgan_jax.labelling.locate import distance_to
from casgan_jax.labelling.mark_files import is_placed, open_marks, slice_of

_USUAL = (1, 255)  # values of a binary mask
_MOST_NAMED = 20  # segments in a line
_NEIGHBOURS = np.ones((3, 3))  # pixels that touch at a corner are connected
_REACH = 0.5  # slices between a mask's slice and the image


class Mark(NamedTuple):
    """What a file marks on an image.

    Attributes:
      mask: (H, W) bool.
      note: what was done to join both; "" where nothing is to be said.
      place: where both lie, for the line of an empty mask; "" where that is not known.
    """

    mask: np.ndarray
    note: str = ""
    place: str = ""


class OutsideError(UserError):
    """A mask does not reach the slice of the image."""


def read_mask(
    path: Path,
    scan: Scan,
    *,
    slice_index: int | None,
    segment: str | None,
    own_index: bool = False,
) -> Mark:
    """What a file marks on a slice of an image.

    Args:
      path: of the mask.
      scan: the slice.
      slice_index: of masks that have no place but several slices.
      segment: which mark is meant where the file has several: the value in a mask, or number or
        name of a segment of a DICOM segmentation or of a region of an RTSTRUCT.
      own_index: the index was given for the mask, as the image has but one slice: a mask that has a
        place must have that slice there.

    Raises:
      UserError: the file cannot be read, does not fit the image, or has several marks.
    """
    stack = open_marks(path)
    if isinstance(stack, tuple):
        return _of_segments(path, stack, scan, segment, _of_roi)
    if stack.segments:
        return _of_segments(path, stack.segments, scan, segment, _of_segment)
    if scan.geometry is None or not stack.volumes:
        return _only(path, _by_index(path, stack, scan, slice_index), segment)
    if own_index and slice_index is not None:
        _check_place(path, stack, scan.geometry, slice_index)
    placed = place(path, stack.volumes, scan.geometry)
    if placed is None:
        raise OutsideError(
            path,
            found=f"no mask where the image lies: {stack.volumes[0].geometry}",
            expected=f"one that reaches the image: {scan.geometry}",
            remedy="use the mask of this image",
        )
    mark = _only(path, placed.values, segment)
    return _told(path, mark, placed, scan)


def values_of(path: Path, scan: Scan, slice_index: int | None) -> list[float]:
    """The values but 0 of a mask on a slice of an image; none where it does not reach there."""
    stack = open_marks(path)
    if isinstance(stack, tuple) or stack.segments:
        return []
    if scan.geometry is None or not stack.volumes:
        values = _by_index(path, stack, scan, slice_index)
    elif (placed := place(path, stack.volumes, scan.geometry)) is not None:
        values = placed.values
    else:
        return []
    return np.unique(values[values != 0]).tolist()


def count_parts(mark: Mark) -> int:
    """How many connected parts a mark has."""
    return int(ndimage.label(mark.mask, _NEIGHBOURS)[1])


def part_of(mark: Mark, component: int, path: Path) -> Mark:
    """One of the connected parts of a mark, counted from 1 by the rows that they begin in.

    Raises:
      UserError: it has fewer.
    """
    parts, count = ndimage.label(mark.mask, _NEIGHBOURS)
    if not 1 <= component <= count:
        raise UserError(
            "component",
            found=f"{component} of {count} parts that {path} marks here",
            expected=f"1 to {count}" if count else "a marked slice",
            remedy="correct it",
        )
    return mark._replace(mask=parts == component)


def marked_slices(image: Path, files: Sequence[Path]) -> list[int] | None:
    """The slices of an image on which any of the masks has marks.

    Returns:
      Their indices; None where the image has one slice, or the masks have and do not say where.

    Raises:
      UserError: a file cannot be read, or a mask does not fit.
    """
    stack, masks = open_stack(image), [open_marks(path) for path in files]
    lone = all(
        isinstance(mask, Stack) and mask.count == 1 and not (mask.volumes or mask.segments)
        for mask in masks
    )
    if stack.count == 1 or lone:
        return None
    placed = all(map(is_placed, masks))
    return [
        index
        for index in range(stack.count)
        if any(_has_marks(path, slice_of(stack, index, placed), index) for path in files)
    ]


def _has_marks(path: Path, scan: Scan, index: int) -> bool:
    try:
        return bool(read_mask(path, scan, slice_index=index, segment=None).mask.any())
    except OutsideError:
        return False


def _check_place(path: Path, stack: Stack, target: Geometry, index: int) -> None:
    """Refuses a slice of a mask that is named, but is not where the image is."""
    where = stack.place(choose_slice(path, index, stack.count))
    if where is None or distance_to(target, where.origin[None]) <= _REACH:
        return
    raise UserError(
        path,
        found=f"slice {index} of the mask at {where}",
        expected=f"it where the image lies: {target}",
        remedy="leave `slice` out, as both files say where they lie, or name the right one",
    )


def _told(path: Path, mark: Mark, placed: Placed, scan: Scan) -> Mark:
    """The mark with what is to be said of where its file lies."""
    notes = [mark.note] if mark.note else []
    if not placed.exact:
        sides = " x ".join(f"{side:.4g}" for side in placed.geometry.spacing)
        notes.append(f"{path.name} resampled onto the image from a grid of {sides} mm")
    where = f"the mask has {placed.geometry}, the image {scan.geometry}"
    return Mark(mark.mask, "; ".join(notes), where)


def _by_index(path: Path, stack: Stack, scan: Scan, slice_index: int | None) -> np.ndarray:
    """The mask of a slice that is the same pixels as the image, as one of both has no place."""
    index = 0 if stack.count == 1 else choose_slice(path, slice_index, stack.count)
    found = stack.read(index)
    if fault := found.faults.get("finite"):
        raise fault
    lacking = scan.placeless or found.placeless
    if lacking and (scan.geometry is None) != (found.geometry is None):
        raise UserError(
            path,
            found=f"{lacking} in the {'image' if scan.placeless else 'mask'} alone",
            expected="both or none of them to say where they lie",
            remedy="save it with its place, or as PNG, TIFF or NPY",
        )
    _check_size(path, found.values, scan)
    return found.values


def _check_size(path: Path, mask: np.ndarray, scan: Scan) -> None:
    shape = scan.values.shape
    if mask.shape != shape:
        raise UserError(
            path,
            found=f"{mask.shape[1]} x {mask.shape[0]} pixels",
            expected=f"the image's {shape[1]} x {shape[0]}",
            remedy="draw or export the mask on the image's own grid",
        )


def _only(path: Path, values: np.ndarray, segment: str | None) -> Mark:
    """The pixels of the value that is meant, or of the only one that is not 0."""
    if segment is not None:
        return Mark(values == _value(path, segment))
    levels = np.unique(values[values != 0])
    if len(levels) > 1:
        raise UserError(
            path,
            found=f"{len(levels) + 1} values from {values.min():g} to {values.max():g}",
            expected="0 and one other",
            remedy="say which is the lesion's by `segment`, or save a binary mask of it alone",
        )
    strange = len(levels) and levels[0] not in _USUAL
    note = f"{path.name} has the value {levels[0]:g} here" if strange else ""
    return Mark(values != 0, note)


def _value(path: Path, segment: str) -> float:
    try:
        value = float(segment)
    except ValueError:
        value = 0.0
    if not (value and np.isfinite(value)):
        raise UserError(
            "segment",
            found=f"{segment!r} for {path}",
            expected="the value of the lesion in the mask, a number that is not 0",
            remedy="correct it",
        )
    return value


def _of_segments(
    path: Path,
    segments: tuple[Segment, ...] | tuple[Roi, ...],
    scan: Scan,
    segment: str | None,
    read: Callable[[Path, Any, Scan], Mark],
) -> Mark:
    """What a DICOM segmentation or an RTSTRUCT marks: the segment or region that is meant, or the
    only one marked here."""
    meant = [one for one in segments if segment is None or _is_named(one, segment)]
    if not meant:
        raise UserError(
            "segment",
            found=f"{segment!r} for {path}",
            expected=f"one of {_names(segments)}",
            remedy="correct it",
        )
    marks = [(one, read(path, one, scan)) for one in meant]
    marked = [(one, mark) for one, mark in marks if mark.mask.any()]
    if len(marked) > 1:
        raise UserError(
            path,
            found=f"{len(marked)} segments here: {_names([one for one, _ in marked])}",
            expected="one",
            remedy="say which is the lesion's by `segment`, its number or its name",
        )
    if not marked:
        return marks[0][1]
    one, mark = marked[0]
    if segment is not None or len(segments) == 1:
        return mark
    alone = f"{path.name}: segment {one}, the only one of {len(segments)} that is marked here"
    return mark._replace(note="; ".join(filter(None, [alone, mark.note])))


def _is_named(one: Segment | Roi, segment: str) -> bool:
    text = segment.strip().casefold()
    # Spreadsheets write 2 as 2.0.
    return text.removesuffix(".0") == str(one.number) or text == one.name.strip().casefold()


def _names(segments: Sequence[Segment | Roi]) -> str:
    told = ", ".join(map(str, segments[:_MOST_NAMED]))
    return told + ", ..." * (len(segments) > _MOST_NAMED)


def _of_segment(path: Path, segment: Segment, scan: Scan) -> Mark:
    if scan.geometry is not None and segment.volumes:
        placed = place(path, segment.volumes, scan.geometry, linear=segment.soft)
        if placed is not None:
            return _told(path, _cut(path, placed.values, segment), placed, scan)
        # Slices without marks have no frames.
        where = f"the mask has {segment.volumes[0].geometry}, the image {scan.geometry}"
        return Mark(np.zeros(scan.values.shape, bool), place=where)
    values = _drawn_on(path, segment, scan)
    return _cut(path, values, segment)


def _of_roi(path: Path, roi: Roi, scan: Scan) -> Mark:
    place_of = scan.geometry
    if place_of is None:
        raise UserError(
            path,
            found="contours, and an image that does not say where it lies",
            expected="both to say it",
            remedy="use the DICOM image that they were drawn on",
        )
    frames = {roi.frame_of_reference, place_of.frame} - {None}
    if len(frames) > 1:
        raise UserError(
            path,
            found=f"contours in the frame of reference {shown(roi.frame_of_reference)[1:-1]}",
            expected=f"the image's: {place_of}",
            remedy="use contours that were drawn on this image, or register them first",
        )
    mask = roi.mask(place_of, scan.instance)
    note = f"{path.name}: {roi.left_out} contours left out that are not closed" * bool(roi.left_out)
    if mask is None:
        empty = np.zeros(place_of.size[1::-1], bool)
        return Mark(empty, note, f"no contour of region {roi} is on the image: {place_of}")
    return Mark(mask, note)


def _cut(path: Path, values: np.ndarray, segment: Segment) -> Mark:
    """A binary mask, also of a segment that has shares of a pixel."""
    if not segment.soft:
        return Mark(values != 0)
    note = f"{path.name}: shares of a pixel counted from {PAPER_THRESHOLD:.4g}"
    return Mark(binarise(values.astype(np.float32), PAPER_THRESHOLD), note)


def _drawn_on(path: Path, segment: Segment, scan: Scan) -> np.ndarray:
    """The frames of a segment that were drawn on the image."""
    if scan.instance is None or not segment.frames:
        raise UserError(
            path,
            found="frames whose place cannot be told",
            expected="a place in both files, or the image that the mask was drawn on",
            remedy="use the DICOM image that it was drawn on",
        )
    uid, frame = scan.instance
    drawn = [*segment.frames.get((uid, frame), ()), *segment.frames.get((uid, 0), ())]
    values = np.zeros(scan.values.shape, np.float32)
    for index in drawn:
        mask = segment.read(index)
        _check_size(path, mask, scan)
        values = np.maximum(values, mask)
    return values
