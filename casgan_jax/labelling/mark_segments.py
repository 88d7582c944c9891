"""What a DICOM segmentation or an RTSTRUCT marks on a slice.

Frames of a segmentation that have no place are those drawn on the image. Contours are filled on the
image's own grid (`casgan_jax.dicom.contours`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.dicom.contours import Roi
from casgan_jax.errors import UserError
from casgan_jax.grid import PAPER_THRESHOLD, binarise
from casgan_jax.images.checks import shown
from casgan_jax.images.placing import place
from casgan_jax.images.stack import Scan, Segment
from casgan_jax.labelling.mark import Mark, check_size, joined

_MOST_NAMED = 20  # segments in a line


def mark_of_segments(
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


def mark_of_segment(path: Path, segment: Segment, scan: Scan) -> Mark:
    if scan.geometry is not None and segment.volumes:
        placed = place(path, segment.volumes, scan.geometry, linear=segment.soft)
        if placed is not None:
            return joined(path, _cut(path, placed.values, segment), placed, scan)
        # Slices without marks have no frames.
        where = f"the mask has {segment.volumes[0].geometry}, the image {scan.geometry}"
        return Mark(np.zeros(scan.values.shape, bool), place=where)
    values = _drawn_on(path, segment, scan)
    return _cut(path, values, segment)


def mark_of_roi(path: Path, roi: Roi, scan: Scan) -> Mark:
    """What a region of an RTSTRUCT, or an outline of a report, marks on a slice.

    Raises:
      UserError: it cannot be told where both lie, or they lie in two frames of reference.
    """
    place_of = scan.geometry
    in_pixels = [one.in_pixels for one in roi.contours]
    if (scan.instance is None and any(in_pixels)) or (place_of is None and not all(in_pixels)):
        raise UserError(
            path,
            found="contours, and an image that does not say "
            + ("where it lies" if place_of is None else "which one it is"),
            expected="both to say it",
            remedy="use the DICOM image that they were drawn on",
        )
    frames = {roi.frame_of_reference, place_of and place_of.frame} - {None}
    if len(frames) > 1:
        raise UserError(
            path,
            found=f"contours in the frame of reference {shown(roi.frame_of_reference)[1:-1]}",
            expected=f"the image's: {place_of}",
            remedy="use contours that were drawn on this image, or register them first",
        )
    mask = roi.mask(scan)
    left_out = f"{roi.left_out} contours left out that are not closed" * bool(roi.left_out)
    note = "; ".join(f"{path.name}: {one}" for one in (left_out, roi.note) if one)
    if mask is None:
        where = place_of or f"the image {scan.instance}"
        empty = np.zeros(scan.values.shape, bool)
        return Mark(empty, note, f"no contour of region {roi} is on the image: {where}")
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
        check_size(path, mask, scan)
        values = np.maximum(values, mask)
    return values
