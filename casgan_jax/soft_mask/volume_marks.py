"""Marks of one lesion on slices of a volume."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.soft_mask.recist import check_recist
from casgan_jax.soft_mask.strokes import Stroke


class VolumeMark(NamedTuple):
    """What says where a lesion is in one slice: axes or a mask, exactly one of them.

    Attributes:
      slice: number of the slice in the volume, from 0.
      recist: (8,) axes in pixels of the slice.
      mask: (H, W) bool, or a soft mask in [0, 1].
    """

    slice: int
    recist: np.ndarray | None = None
    mask: np.ndarray | None = None


class Correction(NamedTuple):
    """What is certain of one slice, whether it is marked or not.

    Attributes:
      slice: number of the slice in the volume, from 0.
      strokes: of a brush, in pixels of the slice; one of lesion says that the lesion goes as far.
      absent: the lesion is not in this slice: it ends before it, as seen from the marks.
    """

    slice: int
    strokes: tuple[Stroke, ...] = ()
    absent: bool = False


def check_volume(
    volume: np.ndarray,
    spacing_mm: tuple[float, float, float],
    marks: Sequence[VolumeMark],
    corrections: Sequence[Correction] = (),
) -> None:
    """Raises a UserError unless a volume and marks on it can be those of a lesion."""
    if volume.ndim != 3 or not len(volume) or not np.issubdtype(volume.dtype, np.number):
        raise UserError(
            "volume",
            found=f"{volume.dtype} of shape {volume.shape}",
            expected="numbers (slices, rows, columns)",
            remedy="stack its slices",
        )
    if len(spacing_mm) != 3 or not all(0 < each < np.inf for each in spacing_mm):
        raise UserError(
            "spacing_mm",
            found=f"{spacing_mm}",
            expected="three positive numbers, between slices, rows and columns",
            remedy="give them in mm",
        )
    if not marks:
        raise UserError(
            "marks",
            found="none",
            expected="a mark on one slice at least",
            remedy="measure the lesion where it is largest",
        )
    numbers = [mark.slice for mark in marks]
    for mark in marks:
        _check_mark(mark, volume.shape, spacing_mm)
        if numbers.count(mark.slice) > 1:
            raise UserError(
                "marks",
                found=f"{numbers.count(mark.slice)} on slice {mark.slice}",
                expected="one a slice",
                remedy="keep the better one",
            )
    for one in corrections:
        if not 0 <= one.slice < len(volume) or (one.absent and one.slice in numbers):
            raise UserError(
                f"correction of slice {one.slice}",
                found="a mark of the lesion there" if one.slice in numbers else "no such slice",
                expected=f"another slice from 0 to {len(volume) - 1}",
                remedy="take one of them back" if one.slice in numbers else "count from 0",
            )


def _check_mark(
    mark: VolumeMark, shape: tuple[int, ...], spacing_mm: tuple[float, float, float]
) -> None:
    place = f"mark on slice {mark.slice}"
    if not 0 <= mark.slice < shape[0]:
        raise UserError(
            place,
            found="no such slice",
            expected=f"one from 0 to {shape[0] - 1}",
            remedy="count slices from 0",
        )
    if (mark.recist is None) == (mark.mask is None):
        found = "neither axes nor a mask" if mark.mask is None else "axes and a mask"
        raise UserError(
            place, found=found, expected="exactly one of them", remedy="give axes, or a mask"
        )
    if mark.recist is not None:
        try:
            check_recist(mark.recist, (shape[1], shape[2]), spacing_mm[1:])
        except UserError as error:
            raise error.within(place) from error
        return
    mask = np.asarray(mark.mask)
    if mask.shape != shape[1:] or not mask.any():
        raise UserError(
            place,
            found=f"its mask of shape {mask.shape}" if mask.shape != shape[1:] else "an empty mask",
            expected=f"a marked lesion, {shape[1:]}",
            remedy="give the slice's mask",
        )
