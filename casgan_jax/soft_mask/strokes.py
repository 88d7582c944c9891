"""Strokes of a brush that correct a trimap: what certainly is lesion, background, or not known.

    trimap = with_strokes(label.trimap, [Stroke("lesion", 1.5, ((40.0, 31.5), (44.0, 30.0)))], 4)

A stroke of lesion upon background, or of background upon lesion, leaves an unknown rim around it,
in which the image decides; without one its border would be hard wherever it was drawn.
"""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Sequence
from typing import Literal, get_args

import cv2
import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import Box
from casgan_jax.soft_mask.trimap import BACKGROUND, LESION, UNKNOWN

Value = Literal["lesion", "background", "unknown"]

_VALUES = {"lesion": LESION, "background": BACKGROUND, "unknown": UNKNOWN}
_OPPOSITE = {"lesion": BACKGROUND, "background": LESION}
_RIM, _LEAST_RIM = 0.5, 1.0  # of the unknown rim: in radii, and at least in pixels of the image
LARGEST_RADIUS = 100.0
_SHIFT = 4  # fractional bits of the points that are drawn


@dataclasses.dataclass(frozen=True)
class Stroke:
    """A line of a round brush.

    Attributes:
      value: what the pixels under it certainly are, or "unknown".
      radius: of the brush, in pixels of the image.
      points: x, y of the line, in pixels of the image, pixel centres at whole numbers; one is a
        dot.
    """

    value: Value
    radius: float
    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if self.value not in get_args(Value):
            raise UserError(
                "value", found=f"{self.value!r}", expected=f"one of {', '.join(get_args(Value))}"
            )
        if not 0 < self.radius <= LARGEST_RADIUS:
            raise UserError(
                "radius", found=f"{self.radius}", expected=f"above 0, at most {LARGEST_RADIUS:g}"
            )
        points = np.asarray(self.points, np.float64)
        if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
            raise UserError(
                "points",
                found=reprlib.repr(self.points),
                expected="finite x, y, at least one",
            )

    @property
    def extent(self) -> Box:
        """The pixels that the stroke and its rim can reach; may leave the image."""
        points = np.asarray(self.points, np.float64)
        reach = self.radius + _rim(self.radius) + 1
        low, high = np.floor(points.min(axis=0) - reach), np.ceil(points.max(axis=0) + reach) + 1
        return Box(*(int(edge) for edge in (*low, *high)))

    def shifted(self, x: float, y: float) -> Stroke:
        """The stroke moved, in pixels."""
        return dataclasses.replace(self, points=tuple((a + x, b + y) for a, b in self.points))


def with_strokes(trimap: np.ndarray, strokes: Sequence[Stroke], scale: int) -> np.ndarray:
    """A trimap with strokes upon it, the last one uppermost.

    Args:
      trimap: (r * H, r * W) uint8: 0 background, 128 unknown, 255 lesion.
      strokes: in pixels of the image (H, W).
      scale: r.

    Returns:
      Another trimap; certain pixels of strokes do not become unknown by the rim of a later one.
    """
    trimap = trimap.copy()
    painted = np.zeros(trimap.shape, bool)
    for stroke in strokes:
        away = _away(stroke, trimap.shape, scale)
        under = away <= stroke.radius
        if stroke.value in _OPPOSITE:
            reached = away <= stroke.radius + _rim(stroke.radius)
            trimap[reached & ~painted & (trimap == _OPPOSITE[stroke.value])] = UNKNOWN
        trimap[under] = _VALUES[stroke.value]
        painted |= under
    return trimap


def _rim(radius: float) -> float:
    return max(_LEAST_RIM, _RIM * radius)


def _away(stroke: Stroke, shape: tuple[int, int], scale: int) -> np.ndarray:
    """Distance of fine pixels from the line, in pixels of the image."""
    off = np.ones(shape, np.uint8)
    points = (np.asarray(stroke.points, np.float64) + 0.5) * scale - 0.5
    fixed = np.rint(points * 2**_SHIFT).astype(np.int32)
    line = np.repeat(fixed, 2, axis=0) if len(fixed) == 1 else fixed  # OpenCV draws no dots
    cv2.polylines(off, [line], False, 0, 1, cv2.LINE_8, _SHIFT)
    if off.all():  # outside of the plane
        return np.full(shape, np.inf, np.float32)
    return cv2.distanceTransform(off, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / np.float32(scale)
