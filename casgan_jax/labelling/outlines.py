"""Lines over a lesion: the given axes or outlines, and where its soft mask crosses the threshold.

write_png("overlay.png", draw_overlay(label))  # given in blue, soft mask in orange
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from casgan_jax.grid import binarise, normalise
from casgan_jax.labelling.label import LesionLabel
from casgan_jax.report.sheet import BLUE, ORANGE, as_picture

_SIDE = 288  # pixels at which a line of one pixel is thin beside a lesion
_FINER = 4  # lines are traced on a grid so much finer than the image's
_SHIFT = 4  # fractional bits of the points that are drawn


class Outlines(NamedTuple):
    """Lines in pixels of a crop, whose corner is (0, 0) and whose first pixel's centre (0.5, 0.5).

    Attributes:
      given: (N, 2) x, y of each line of the marks: two axes, or the closed outlines of the masks.
      found: the same of the soft mask at its threshold, closed.
      measured: the two axes of the soft mask.
    """

    given: list[np.ndarray]
    found: list[np.ndarray]
    measured: list[np.ndarray]


def lesion_outlines(label: LesionLabel) -> Outlines:
    """Traces the marks and the soft mask of a lesion."""
    height, width = label.image.shape
    size = (_FINER * width, _FINER * height)
    given = [] if label.given_axes is None else _axes(label, label.given_axes)
    if label.masks is not None:
        for mask in np.moveaxis(label.masks, 2, 0):
            fine = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
            given += _trace(fine > 0)
    alpha = cv2.resize(label.alpha, size, interpolation=cv2.INTER_LINEAR)
    found = _trace(binarise(alpha, label.threshold))
    return Outlines(given, found, _axes(label, label.measured_axes))


def draw_overlay(label: LesionLabel) -> np.ndarray:
    """Draws the outlines over the crop around a lesion.

    Returns:
      (k h, k w, 3) uint8; k is the whole number that brings the longer side nearest to 288 pixels.
    """
    height, width = label.image.shape
    enlarge = max(1, round(_SIDE / max(height, width)))
    size = (enlarge * width, enlarge * height)
    image = normalise(label.image, label.window)
    picture = as_picture(cv2.resize(image, size, interpolation=cv2.INTER_NEAREST))
    outlines = lesion_outlines(label)
    for lines, colour in ((outlines.given, BLUE), (outlines.found, ORANGE)):
        points = [np.rint((enlarge * line - 0.5) * 2**_SHIFT).astype(np.int32) for line in lines]
        cv2.polylines(picture, points, False, colour, 1, cv2.LINE_AA, _SHIFT)
    return picture


def _axes(label: LesionLabel, axes: np.ndarray) -> list[np.ndarray]:
    """Two lines in pixels of the crop."""
    corner = np.asarray(label.box.corner, np.float32)
    return list(axes.reshape(2, 2, 2) - corner + 0.5)


def _trace(mask: np.ndarray) -> list[np.ndarray]:
    """Closed lines along the inner edge of a fine mask, in pixels of the crop."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    closed = [np.concatenate([contour[:, 0], contour[:1, 0]]) for contour in contours]
    return [(line.astype(np.float32) + 0.5) / _FINER for line in closed]
