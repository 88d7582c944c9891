"""A bar that tells the size of what a picture shows, of a round length.

with_scale_bar(crop, spacing_mm=0.7, tile=192)  # to be a tile of a sheet
scale_bar(300, spacing_mm=0.7)  # ScaleBar(length=71.4..., text="50 mm")
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from casgan_jax.report.sheet import as_picture, fitted

_SHARE = 1 / 3  # of the width, that a bar takes at most
_ROUND = (5, 2, 1)  # times a power of ten
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_FONT, _FONT_SIZE = cv2.FONT_HERSHEY_SIMPLEX, 0.4


class ScaleBar(NamedTuple):
    """A bar: its length in pixels, and what it says."""

    length: float
    text: str


def scale_bar(width: float, spacing_mm: float | None) -> ScaleBar:
    """The longest bar of a round length that takes a third of a picture or less.

    Args:
      width: of the picture in pixels.
      spacing_mm: between its pixels; None or 0: not known, and the bar is in pixels.
    """
    unit, spacing = ("mm", spacing_mm) if spacing_mm else ("px", 1.0)
    most = _SHARE * width * spacing
    power = 10.0 ** math.floor(math.log10(most))
    size = next(factor * power for factor in _ROUND if factor * power <= most * (1 + 1e-9))
    return ScaleBar(size / spacing, f"{size:g} {unit}")


def with_scale_bar(picture: np.ndarray, spacing_mm: float | None, *, tile: int) -> np.ndarray:
    """A picture fitted into a square, with a bar in its lower left corner.

    Args:
      picture: as for `casgan_jax.report.sheet.sheet`.
      spacing_mm: between its pixels; None or 0: not known.
      tile: side of the square.

    Returns:
      (tile, tile, 3) uint8.
    """
    square = fitted(as_picture(picture), tile).copy()
    height, width = picture.shape[:2]
    factor = tile / max(height, width)
    bar = scale_bar(width, spacing_mm)
    left, bottom = (tile - round(factor * width)) // 2 + 6, (tile + round(factor * height)) // 2 - 6
    right = left + round(factor * bar.length)
    (text_width, _), _ = cv2.getTextSize(bar.text, _FONT, _FONT_SIZE, 1)
    ground = (left - 4, bottom - 18), (max(right, left + text_width) + 4, bottom + 4)
    cv2.rectangle(square, *ground, _BLACK, cv2.FILLED)
    cv2.line(square, (left, bottom), (right, bottom), _WHITE, 2)
    place = (left, bottom - 5)
    cv2.putText(square, bar.text, place, _FONT, _FONT_SIZE, _WHITE, 1, cv2.LINE_AA)
    return square
