"""The slices of a labelled volume beside each other, with its outline and the given marks."""

from __future__ import annotations

import cv2
import numpy as np

from casgan_jax.grid import Box, binarise, normalise
from casgan_jax.labelling.lesion import Lesion
from casgan_jax.labelling.volumes.labelled import LabelledVolume
from casgan_jax.report.sheet import BLUE, ORANGE, overlay_contour, sheet

_COLUMNS = 6
_MOST = 36  # slices; of more some are left out
_TILE = 192  # pixels
_LEAST_MARGIN = 8  # pixels around the lesion
_MARGIN = 0.5  # the same in sizes of the lesion
_SHIFT = 4  # fractional bits of points that are drawn


def draw_sheet(label: LabelledVolume) -> np.ndarray:
    """Draws the slices of the lesion, or `_MOST` of them, and the slices before and after it.

    Returns:
      (H, W, 3) uint8, tiles with the slice's number beneath.
    """
    count = len(label.alpha)
    chosen = np.linspace(0, count - 1, min(count, _MOST)).round().astype(int).tolist()
    before, after = label.beside
    numbers = [*[-1] * (before is not None), *chosen, *[count] * (after is not None)]
    box = crop_of(label)
    marks = dict(zip(label.marked, label.marks, strict=True))
    tiles = [_tile(label, k, box, marks.get(label.first + k)) for k in numbers]
    names = [_caption(label, k, label.first + k in marks) for k in numbers]
    starts = range(0, len(tiles), _COLUMNS)
    return sheet(
        [tiles[start : start + _COLUMNS] for start in starts],
        captions=[names[start : start + _COLUMNS] for start in starts],
        tile=_TILE,
    )


def crop_of(label: LabelledVolume) -> Box:
    """Around all of the lesion, a square where the image lets it be one."""
    extent = Box.around(label.alpha.max(axis=0))
    for mark in label.marks:
        extent = extent.joined(mark.extent)
    side = max(extent.shape)
    size = side + 2 * max(_LEAST_MARGIN, int(_MARGIN * side))
    left, top, right, bottom = extent
    centre = np.array([(left + right - 1) / 2, (top + bottom - 1) / 2])
    shape = label.alpha.shape[1], label.alpha.shape[2]
    return Box.centred(centre, size).inside(shape).clipped(shape)


def _tile(label: LabelledVolume, number: int, box: Box, mark: Lesion | None) -> np.ndarray:
    values, alpha = label.plane(number)
    image = normalise(box.crop(values), label.window)
    mask = binarise(box.crop(alpha), label.threshold)
    enlarge = max(1, _TILE // max(box.shape))
    picture = overlay_contour(image, mask, ORANGE, enlarge=enlarge)
    if mark is not None and mark.masks is not None:
        given = np.kron(box.crop(mark.masks.max(axis=2)), np.ones((enlarge, enlarge), bool))
        picture = overlay_contour(picture, given, BLUE)
    elif mark is not None and mark.recist is not None:
        ends = enlarge * (mark.recist.reshape(2, 2, 2) - box.corner + 0.5) - 0.5
        points = [np.rint(axis * 2**_SHIFT).astype(np.int32) for axis in ends]
        cv2.polylines(picture, points, False, BLUE, 1, cv2.LINE_AA, _SHIFT)
    return picture


def _caption(label: LabelledVolume, number: int, is_marked: bool) -> str:
    slice_number = label.run.first + label.first + number
    longest = number == label.measures.diameters.slice
    told = [f"slice {slice_number}", *["marked"] * is_marked, *["longest"] * longest]
    return ", ".join(told)
