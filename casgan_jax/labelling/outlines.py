"""Lines over a lesion: the given axes or outlines, where its soft mask crosses the threshold, and
the axes that are measured on that.

write_png("overlay.png", draw_overlay(label))  # given in blue, soft mask in orange
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from casgan_jax.grid import Box, binarise, normalise
from casgan_jax.report.sheet import BLUE, ORANGE, as_picture

if TYPE_CHECKING:  # so that a command that only shows its help needs no JAX
    from casgan_jax.labelling.label import LesionLabel

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
    traced = outlines_of(
        label.alpha, label.box, label.threshold, label.given_axes, label.measured_axes
    )
    height, width = label.image.shape
    size = (_FINER * width, _FINER * height)
    if label.masks is not None:
        for mask in np.moveaxis(label.masks, 2, 0):
            fine = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
            traced.given.extend(_trace(fine > 0))
    return traced


def outlines_of(
    alpha: np.ndarray,
    box: Box,
    threshold: float,
    given_axes: np.ndarray | None,
    measured_axes: np.ndarray | None,
) -> Outlines:
    """Traces a soft mask and its axes.

    Args:
      alpha: (r h, r w) float in [0, 1] of the crop.
      box: of the crop (h, w) in the image.
      threshold: of the outline, in (0, 1].
      given_axes, measured_axes: (8,) in pixels of the image; None: there are none.
    """
    height, width = box.shape
    fine = cv2.resize(alpha, (_FINER * width, _FINER * height), interpolation=cv2.INTER_LINEAR)
    found = _trace(binarise(fine, threshold))
    return Outlines(_axes(box, given_axes), found, _axes(box, measured_axes))


def draw_overlay(label: LesionLabel) -> np.ndarray:
    """Draws the outlines over the crop around a lesion, as `draw_outlines` does."""
    return draw_outlines(normalise(label.image, label.window), lesion_outlines(label))


def draw_outlines(image01: np.ndarray, outlines: Outlines, *, side: int = _SIDE) -> np.ndarray:
    """Draws outlines over a crop: what was given in blue, what was found in orange.

    Args:
      image01: (h, w) float in [0, 1], the crop.
      outlines: in pixels of it.
      side: pixels to which the longer side of the crop is enlarged.

    Returns:
      (k h, k w, 3) uint8; k is the whole number that brings the longer side nearest to `side`.
    """
    height, width = image01.shape
    enlarge = max(1, round(side / max(height, width)))
    size = (enlarge * width, enlarge * height)
    picture = as_picture(cv2.resize(image01, size, interpolation=cv2.INTER_NEAREST))
    layers = (
        (outlines.measured, ORANGE),
        (outlines.given, BLUE),  # above the axes that it may be the same as
        (outlines.found, ORANGE),
    )
    for lines, colour in layers:
        points = [np.rint((enlarge * line - 0.5) * 2**_SHIFT).astype(np.int32) for line in lines]
        cv2.polylines(picture, points, False, colour, 1, cv2.LINE_AA, _SHIFT)
    return picture


def _axes(box: Box, axes: np.ndarray | None) -> list[np.ndarray]:
    """Two lines in pixels of the crop, or none."""
    if axes is None:
        return []
    corner = np.asarray(box.corner, np.float32)
    return list(axes.reshape(2, 2, 2) - corner + 0.5)


def _trace(mask: np.ndarray) -> list[np.ndarray]:
    """Closed lines along the inner edge of a fine mask, in pixels of the crop."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    closed = [np.concatenate([contour[:, 0], contour[:1, 0]]) for contour in contours]
    return [(line.astype(np.float32) + 0.5) / _FINER for line in closed]
