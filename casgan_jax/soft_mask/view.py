"""The piece of an image that a network sees of a lesion: turned and enlarged so that every lesion
lies alike.

    view = view_of_axes(recist, 64, share=0.4)  # the long axis on 0.4 x 64 pixels of a row
    patch = view.sample(image, 64)
    alpha = view.onto(fine_alpha, box, 64, scale)  # back on the image's own grid

What is left for a network to learn is what lesions look like, not how large they are and which way
they lie.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np

from casgan_jax.grid import Box, area_mean
from casgan_jax.soft_mask.recist import axis_lengths, centre

# Image pixels a patch pixel, at least and at most: beyond, an image has no more to show, or a patch
# of any size cannot hold it.
NEAREST, FARTHEST = 0.2, 3.0


class View(NamedTuple):
    """Where a square patch lies in an image.

    Attributes:
      matrix: (2, 2), from an offset (x, y) in patch pixels to one in image pixels: a turn, a
        factor, and perhaps a mirror.
      centre: (2,) x, y of the patch's centre in the image.
    """

    matrix: np.ndarray
    centre: np.ndarray

    @property
    def pixel(self) -> float:
        """Image pixels a patch pixel."""
        return math.sqrt(abs(np.linalg.det(self.matrix)))

    def positions(self, side: int) -> tuple[np.ndarray, np.ndarray]:
        """x and y in the image of every pixel of a patch of `side` pixels, (side, side) each."""
        pixel = np.arange(side)
        x, y = (
            row[0] * pixel + row[1] * pixel[:, None] + start
            for row, start in zip(self.matrix, self._first(side), strict=True)
        )
        return x, y

    def sample(self, plane: np.ndarray, side: int) -> np.ndarray:
        """A patch of `side` pixels of a plane (H, W), interpolated linearly; the plane's edge
        continues."""
        return cv2.warpAffine(
            plane,
            np.column_stack([self.matrix, self._first(side)]).astype(np.float32),
            (side, side),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )

    def extent(self, side: int) -> Box:
        """The smallest box of whole image pixels that holds a patch of `side` pixels."""
        reach = np.abs(self.matrix).sum(axis=1) * side / 2
        low, high = np.ceil(self.centre - reach), np.floor(self.centre + reach) + 1
        return Box(*(int(edge) for edge in (*low, *high)))

    def onto(self, alpha: np.ndarray, box: Box, side: int, scale: int) -> np.ndarray:
        """A soft mask of the patch on a grid of the image; 0 beyond the patch.

        Each pixel is the mean of what it covers, where the patch is the finer of the two.

        Args:
          alpha: (S, S) float32, the patch of `side` pixels, S / side times as fine.
          box: of image pixels.
          side: of the patch.
          scale: of the result to the image.

        Returns:
          (scale box.height, scale box.width) float32 in alpha's own range.
        """
        parts = max(1, math.ceil(len(alpha) / side / scale / self.pixel))
        fine, (height, width) = scale * parts, box.shape
        # Fine pixel j of the box -> image -> patch -> fine pixel of the patch.
        first = np.array(box.corner) - (fine - 1) / (2 * fine)
        inverse = np.linalg.inv(self.matrix) * (len(alpha) / side)
        offset = inverse @ (first - self.centre) + (len(alpha) - 1) / 2
        placed = cv2.warpAffine(
            alpha,
            np.column_stack([inverse / fine, offset]).astype(np.float32),
            (fine * width, fine * height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
        )
        return area_mean(placed, parts)

    def finer(self, scale: int) -> View:
        """The view of the same patch, `scale` times as fine, in a plane that is as much finer."""
        return View(self.matrix, scale * self.centre + (scale - 1) / 2)

    def _first(self, side: int) -> np.ndarray:
        """x and y in the image of the first pixel of a patch of `side` pixels."""
        first: np.ndarray = self.centre - self.matrix @ np.full(2, (side - 1) / 2)
        return first


def view_of_axes(recist: np.ndarray, side: int, *, share: float) -> View:
    """The view in which the long axis lies horizontally and takes a share of the patch.

    Args:
      recist: (8,) axes that are not parallel.
      side: of the patch in pixels.
      share: of the side, in (0, 1].
    """
    x1, y1, x2, y2 = np.asarray(recist, np.float64)[:4]
    pixel = np.clip(axis_lengths(recist)[0] / (share * side), NEAREST, FARTHEST)
    cosine, sine = np.array([x2 - x1, y2 - y1]) / np.hypot(x2 - x1, y2 - y1) * pixel
    return View(np.array([[cosine, -sine], [sine, cosine]]), centre(recist))


def view_of_box(box: Box) -> View:
    """The view of a square of image pixels as they are."""
    left, top, right, bottom = box
    return View(np.eye(2), np.array([(left + right - 1) / 2, (top + bottom - 1) / 2]))
