"""A soft mask that a trained network gave of a lesion, small enough to be kept with its marks.

    proposal = proposed(alpha, box, image.shape)
    proposal.label(box, scale=4).alpha

What was proposed stays what it was, whatever weights the network gets later.
"""

from __future__ import annotations

import dataclasses
import zlib

import cv2
import numpy as np

from casgan_jax.grid import Box, area_mean, decode_alpha, encode_alpha
from casgan_jax.soft_mask.label import DEFAULT_PRIOR_WEIGHT, Label
from casgan_jax.soft_mask.trimap import BACKGROUND, LESION, UNKNOWN

_CERTAIN = 0.95  # share of the lesion from which on strokes leave a pixel as it is


@dataclasses.dataclass(frozen=True)
class Proposal:
    """A soft mask of a piece of an image.

    Attributes:
      box: the piece, within the image.
      scale: r of the soft mask.
      packed: zlib of its (r h, r w) bytes, round(255 * alpha).
      window: (low, high) of the image's values that the network saw as 0 and 1; None: not known.
    """

    box: Box
    scale: int
    packed: bytes
    window: tuple[float, float] | None = None

    @property
    def alpha(self) -> np.ndarray:
        """(r h, r w) float32 in [0, 1]."""
        height, width = (self.scale * side for side in self.box.shape)
        coded = np.frombuffer(zlib.decompress(self.packed), np.uint8)
        return decode_alpha(coded.reshape(height, width))

    def label(self, box: Box, scale: int) -> Label:
        """The soft mask in a box that holds its own; strokes upon it are drawn to it.

        Args:
          box: in pixels of the image.
          scale: r of the label.
        """
        fine = _rescaled(self.alpha, self.box.shape, self.scale, scale)
        alpha = (
            self.box.within(box).scaled(scale).paste(fine, Box.of(box.shape).scaled(scale).shape)
        )
        trimap = np.full(alpha.shape, UNKNOWN, np.uint8)
        trimap[alpha >= _CERTAIN] = LESION
        trimap[alpha <= 1 - _CERTAIN] = BACKGROUND
        return Label(alpha, trimap, prior=alpha, prior_weight=DEFAULT_PRIOR_WEIGHT)


def proposed(
    alpha: np.ndarray,
    box: Box,
    shape: tuple[int, int],
    window: tuple[float, float] | None = None,
) -> Proposal:
    """Keeps a soft mask.

    Args:
      alpha: (r h, r w) float in [0, 1] of the box.
      box: may leave the image, what does is cut off.
      shape: (H, W) of the image.
      window: see `Proposal`.
    """
    scale = len(alpha) // box.shape[0]
    kept = box.clipped(shape)
    coded = kept.within(box).scaled(scale).crop(encode_alpha(alpha))
    return Proposal(kept, scale, zlib.compress(np.ascontiguousarray(coded).tobytes(), 6), window)


def _rescaled(alpha: np.ndarray, shape: tuple[int, int], scale: int, wanted: int) -> np.ndarray:
    if scale == wanted:
        return alpha
    if scale % wanted == 0:
        return area_mean(alpha, scale // wanted)
    size = (wanted * shape[1], wanted * shape[0])
    return cv2.resize(alpha, size, interpolation=cv2.INTER_LINEAR)
