"""A lesion with its outline: the given marks in blue, the soft mask at its threshold in orange."""

from __future__ import annotations

import cv2
import numpy as np

from casgan_jax.images import to_unit
from casgan_jax.lesion_label import LesionLabel
from casgan_jax.report.sheet import BLUE, ORANGE, as_picture, overlay_contour
from casgan_jax.soft_mask.labelling import binarise

_SIDE = 288  # pixels at which a line of one pixel is thin beside a lesion
_SHIFT = 4  # fractional bits of the ends of lines


def draw_overlay(label: LesionLabel) -> np.ndarray:
    """Draws outlines over the crop around a lesion.

    Returns:
      (k h, k w, 3) uint8; k is the whole number that brings the longer side nearest to 288 pixels.
    """
    height, width = label.image.shape
    enlarge = max(1, round(_SIDE / max(height, width)))
    size = (enlarge * width, enlarge * height)
    image = to_unit(label.image, label.window)
    picture = as_picture(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR))
    if label.masks is not None:
        for mask in np.moveaxis(label.masks, 2, 0):
            whole = cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
            picture = overlay_contour(picture, whole > 0, BLUE)
    if label.given_axes is not None:
        _draw_axes(picture, label.given_axes, label.box, enlarge)
    alpha = cv2.resize(label.alpha, size, interpolation=cv2.INTER_LINEAR)
    return overlay_contour(picture, binarise(alpha, label.threshold), ORANGE)


def _draw_axes(
    picture: np.ndarray, recist: np.ndarray, box: tuple[int, int, int, int], enlarge: int
) -> None:
    ends = recist.reshape(2, 2, 2) - np.float32(box[:2])
    ends = np.rint(((ends + 0.5) * enlarge - 0.5) * 2**_SHIFT).astype(int)
    for start, stop in ends:
        cv2.line(picture, start.tolist(), stop.tolist(), BLUE, 1, cv2.LINE_AA, _SHIFT)
