"""The mask of a lesion, joined to its image.

A mask is put upon its image by what both files say of their place, whatever their formats and the
order of their axes: taken pixel by pixel on one grid, else resampled, which a note tells. Files of
formats without a place (PNG, TIFF, NPY) are taken as they are, slice by slice, and must have the
image's size. Segments and contours: `casgan_jax.labelling.mark_segments`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images.geometry import Geometry
from casgan_jax.images.placing import place
from casgan_jax.images.stack import Scan, Stack, choose_slice
from casgan_jax.labelling.locate import distance_to
from casgan_jax.labelling.mark import Mark, OutsideError, check_size, joined
from casgan_jax.labelling.mark_files import open_marks
from casgan_jax.labelling.mark_segments import mark_of_roi, mark_of_segment, mark_of_segments

_USUAL = (1, 255)  # values of a binary mask
_REACH = 0.5  # slices between a mask's slice and the image


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
        return mark_of_segments(path, stack, scan, segment, mark_of_roi)
    if stack.segments:
        return mark_of_segments(path, stack.segments, scan, segment, mark_of_segment)
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
    return joined(path, mark, placed, scan)


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
    check_size(path, found.values, scan)
    return found.values


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
