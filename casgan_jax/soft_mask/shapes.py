"""Shapes that are drawn on a lesion in place of axes: its outline, or a box around it.

    mask = Outline(((40.0, 31.5), (52.0, 30.0), (47.0, 44.0))).mask(image)
    mask = Rectangle(38.0, 28.0, 54.0, 46.0).mask(image)

An outline is one reader's mask. Of a box nothing inside is certain, all outside is background:
GrabCut finds the lesion (`casgan_jax.soft_mask.grabcut.grabcut_box`).
"""

from __future__ import annotations

import dataclasses
from typing import Protocol

import cv2
import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import Box, area_mean
from casgan_jax.soft_mask.grabcut import grabcut_box

_FINER = 8  # parts of a pixel that an outline is filled by
_SHIFT = 4  # fractional bits of the points that are drawn
_LEAST_SIDE = 2.0  # pixels of a box


class Shape(Protocol):
    """Something that makes a mask of an image."""

    def mask(self, image: np.ndarray) -> np.ndarray:
        """(H, W) bool of an image (H, W) in [0, 1]."""


@dataclasses.dataclass(frozen=True)
class Outline:
    """A closed line around a lesion.

    Attributes:
      points: x, y of its corners in pixels, pixel centres at whole numbers; three at least.
    """

    points: tuple[tuple[float, float], ...]

    def mask(self, image: np.ndarray) -> np.ndarray:
        """(H, W) bool: the pixels of which at least half lies inside.

        Raises:
          UserError: fewer than three points, or no pixel is inside.
        """
        if len(self.points) < 3:
            raise UserError("outline", found=f"{len(self.points)} points", expected="3 at least")
        points = np.asarray(self.points, np.float64)
        low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0)) + 1
        box = Box(*(int(edge) for edge in (*low, *high))).clipped(image.shape)
        mask = np.zeros((0, 0), bool)
        if min(box.shape) > 0:
            mask = box.paste(_filled(points - box.corner, box.shape), image.shape)
        if not mask.any():
            raise UserError(
                "outline",
                found="no pixel of the image inside",
                expected="a line around the lesion",
                remedy="draw it again",
            )
        return mask


@dataclasses.dataclass(frozen=True)
class Rectangle:
    """A box around a lesion, in pixels, pixel centres at whole numbers."""

    left: float
    top: float
    right: float
    bottom: float

    def mask(self, image: np.ndarray) -> np.ndarray:
        """(H, W) bool: what GrabCut finds within.

        Raises:
          UserError: the box leaves the image, is smaller than two pixels, or nothing is found.
        """
        height, width = image.shape
        leaves = min(self.left, self.top) < -0.5
        leaves = leaves or self.right > width - 0.5 or self.bottom > height - 0.5
        if leaves or min(self.right - self.left, self.bottom - self.top) < _LEAST_SIDE:
            raise UserError(
                "box",
                found=f"{self.left:g}, {self.top:g} to {self.right:g}, {self.bottom:g}",
                expected=f"{_LEAST_SIDE:g} pixels or more on each side, within the image",
                remedy="draw it again",
            )
        mask = grabcut_box(image, (self.left, self.top, self.right, self.bottom))
        if not mask.any():
            raise UserError(
                "box",
                found="nothing in it that differs from its surroundings",
                expected="a lesion",
                remedy="draw it closer, or draw axes or an outline",
            )
        return mask


def mask_between(first: np.ndarray, second: np.ndarray, share: float) -> np.ndarray:
    """A mask between two, by how far pixels are from their outlines.

    Args:
      first, second: (H, W) bool.
      share: 0 is the first, 1 the second.
    """
    return (1 - share) * _signed_distance(first) + share * _signed_distance(second) > 0


def _signed_distance(mask: np.ndarray) -> np.ndarray:
    """Positive inside of a mask, negative outside, in pixels."""
    inside, outside = (
        cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        for part in (mask, ~mask)
    )
    distance: np.ndarray = inside - outside
    return distance


def _filled(points: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(h, w) bool of points that are counted from the first pixel's centre."""
    fine = np.zeros((_FINER * shape[0], _FINER * shape[1]), np.uint8)
    corners = (points + 0.5) * _FINER - 0.5
    fixed = np.rint(corners * 2**_SHIFT).astype(np.int32)
    cv2.fillPoly(fine, [fixed], 1, cv2.LINE_8, _SHIFT)
    return area_mean(fine.astype(np.float32), _FINER) >= 0.5
