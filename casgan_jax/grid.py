"""An aligned piece of an image: which pixels it has, and what their values mean.

    box = Box.centred(mark, 64).inside(image.shape)
    patch = normalise(box.crop(image), window)  # (64, 64) float32 in [0, 1]
    fine = ...  # (256, 256) soft mask of the patch, 4 times as fine
    alpha = box.paste(area_mean(fine, 4), image.shape)  # on the image's own grid
    write_png(path, encode_alpha(alpha))
    mask = binarise(alpha, PAPER_THRESHOLD)

Pixel centres lie at whole numbers, x to the right and y down. A plane at scale r has r x r fine
pixels in each native one: fine pixels r k to r k + r - 1 are those of pixel k.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any, Self

import cv2
import numpy as np

from casgan_jax.errors import UserError

Array = Any  # np.ndarray or jax.Array

PAPER_THRESHOLD = 128.0 / 255.0  # "binarized with a threshold of 128", paper section 4.1


@dataclasses.dataclass(frozen=True)
class Box:
    """Whole pixels of an image between edges; right and bottom are exclusive. It may leave the
    image. Unpacks to its four edges.
    """

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def centred(cls, mark: Sequence[float] | np.ndarray, side: int) -> Self:
        """The square of `side` pixels around a mark (x, y).

        A box has its centre at whole pixels if its side is odd, half-way between two if it is even:
        a mark has a box of its own only there. From anywhere else the box's corner is rounded to
        the nearest pixel, and from half-way between two corners, which is where a whole mark lies
        for an even side, to the even one: marks 40, 41, 42, 43 have 64 pixels from 8, 10, 10, 12
        on. This is the one rule for patches of training and evaluation, of prediction, and for the
        crops of prepared data sets.
        """
        left, top = (round(float(centre) - (side - 1) / 2) for centre in mark)
        return cls(left, top, left + side, top + side)

    @classmethod
    def of(cls, shape: Sequence[int]) -> Self:
        """All of an image of that shape, (H, W, ...)."""
        return cls(0, 0, shape[1], shape[0])

    @classmethod
    def around(cls, mask: np.ndarray) -> Self:
        """The smallest box that holds all nonzero pixels of (H, W); there is at least one."""
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        return cls(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)

    def __iter__(self) -> Iterator[int]:
        return iter((self.left, self.top, self.right, self.bottom))

    @property
    def corner(self) -> tuple[int, int]:
        """(left, top): its first pixel."""
        return self.left, self.top

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.bottom - self.top, self.right - self.left

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y) of its middle, half-way between two pixels of an even side."""
        return (self.left + self.right - 1) / 2, (self.top + self.bottom - 1) / 2

    def contains(self, other: Box) -> bool:
        """Whether every pixel of the other box is one of this."""
        return (
            self.left <= other.left
            and self.top <= other.top
            and other.right <= self.right
            and other.bottom <= self.bottom
        )

    def shifted(self, x: int, y: int) -> Box:
        """The box moved by whole pixels."""
        return Box(self.left + x, self.top + y, self.right + x, self.bottom + y)

    def within(self, other: Box) -> Box:
        """The same pixels, counted from the other box's first one."""
        return self.shifted(-other.left, -other.top)

    def grown(self, margin: int) -> Box:
        """The box with a margin on every side."""
        left, top, right, bottom = self
        return Box(left - margin, top - margin, right + margin, bottom + margin)

    def joined(self, other: Box) -> Box:
        """The smallest box that holds both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def scaled(self, scale: int) -> Box:
        """The same piece of a plane `scale` times as fine."""
        return Box(*(scale * edge for edge in self))

    def inside(self, shape: Sequence[int]) -> Box:
        """Moved inside an image (H, W, ...) as little as need be; begins with the image where that
        is the smaller one."""
        height, width = self.shape
        left = min(max(self.left, 0), max(shape[1] - width, 0))
        top = min(max(self.top, 0), max(shape[0] - height, 0))
        return Box(left, top, left + width, top + height)

    def clipped(self, shape: Sequence[int]) -> Box:
        """Cut at the border of an image (H, W, ...)."""
        left, top = max(self.left, 0), max(self.top, 0)
        return Box(left, top, min(self.right, shape[1]), min(self.bottom, shape[0]))

    def crop(self, plane: np.ndarray, *, padded: bool = False) -> np.ndarray:
        """This piece of a plane (H, W, ...).

        Args:
          plane: at the box's scale.
          padded: continue the plane's edge where the box leaves it.

        Returns:
          (height, width, ...), a view where the box lies in the plane.

        Raises:
          ValueError: the box leaves the plane, and `padded` is not set.
        """
        if Box.of(plane.shape).contains(self):
            return plane[self.top : self.bottom, self.left : self.right]
        if not padded:
            raise ValueError(
                f"box: found {tuple(self)} (left, top, right, bottom) in a plane of shape "
                f"{plane.shape}, expected one that does not leave it; move it inside, or pad"
            )
        rows = np.arange(self.top, self.bottom).clip(0, plane.shape[0] - 1)
        columns = np.arange(self.left, self.right).clip(0, plane.shape[1] - 1)
        return plane[rows[:, None], columns]

    def paste(self, part: np.ndarray, shape: Sequence[int]) -> np.ndarray:
        """A plane of zeros with this piece of it; what leaves it is cut off.

        Args:
          part: (height, width, ...) of the box.
          shape: (H, W) of the plane at the box's scale.

        Returns:
          (H, W, ...) of the part's type.

        Raises:
          ValueError: the part is not as large as the box.
        """
        if part.shape[:2] != self.shape:
            raise ValueError(f"part: found shape {part.shape}, expected the box's {self.shape}")
        plane = np.zeros((*shape[:2], *part.shape[2:]), part.dtype)
        kept = self.clipped(shape)
        if min(kept.shape) > 0:
            kept.crop(plane)[:] = kept.within(self).crop(part)
        return plane


def normalise(image: np.ndarray, window: Sequence[float]) -> np.ndarray:
    """Source values -> [0, 1]; what lies outside of the window becomes 0 or 1.

    Args:
      image: of any shape and real type.
      window: (low, high) in the units of `image`, low < high, that maps to (0, 1).

    Returns:
      float32 of the same shape.

    Raises:
      UserError: the window is not finite or not rising.
    """
    low, high = (float(bound) for bound in window)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UserError(
            "window",
            found=f"({low:g}, {high:g})",
            expected="finite low < high",
            remedy="correct it",
        )
    return np.clip((image.astype(np.float32) - low) / (high - low), 0.0, 1.0, dtype=np.float32)


def area_mean(plane: np.ndarray, scale: int) -> np.ndarray:
    """A plane on a grid `scale` times as coarse: the mean of each pixel's scale x scale parts.

    Args:
      plane: (scale H, scale W) floats, or uint8 codes, whose means are rounded to codes.

    Returns:
      (H, W) of the same type, within the plane's own range.

    Raises:
      ValueError: a side is no multiple of `scale`.
    """
    height, width = plane.shape
    if height % scale or width % scale:
        raise ValueError(
            f"plane: found shape {plane.shape}, expected sides that are multiples of {scale}"
        )
    if scale == 1:
        return plane
    size = (width // scale, height // scale)
    mean = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    # OpenCV multiplies sums by 1 / scale^2, which is inexact unless scale is a power of two.
    return mean if scale & (scale - 1) == 0 else mean.clip(plane.min(), plane.max())


def encode_alpha(alpha: np.ndarray) -> np.ndarray:
    """Soft mask in [0, 1] -> uint8 `round(255 * alpha)`.

    Raises:
      UserError: a value is not finite or lies outside [0, 1].
    """
    if not np.isfinite(alpha).all() or alpha.min() < 0.0 or alpha.max() > 1.0:
        raise UserError(
            "alpha",
            found=f"values in [{np.nanmin(alpha)}, {np.nanmax(alpha)}]",
            expected="finite values in [0, 1]",
            remedy="clip or correct the soft mask before encoding it",
        )
    return np.round(255.0 * alpha).astype(np.uint8)


def decode_alpha(coded: Array) -> Array:
    """uint8 coding, NumPy's or JAX's -> float32 soft mask in [0, 1].

    NumPy's is the nearest float32, which thresholds of k / 255 rely on; XLA's may be the next one.
    """
    return coded.astype(np.float32) / np.float32(255.0)


def as_stored(alpha: np.ndarray) -> np.ndarray:
    """A soft mask in whole steps of 1/255, as 8 bits hold it, float32 of the same shape.

    What is measured and made binary is what is stored: whoever reads the file finds the same mask.

    Raises:
      UserError: a value is not finite or lies outside [0, 1].
    """
    coded: np.ndarray = decode_alpha(encode_alpha(alpha))
    return coded


def binarise(alpha: Array, threshold: float) -> Array:
    """Soft mask -> bool: alpha >= threshold, also within `jax.jit`.

    The threshold is compared in alpha's own precision, so that k / 255 means "a uint8 code >= k": a
    float64 128/255 would leave out a float32 one.

    Args:
      alpha: floats in [0, 1], any shape, NumPy's or JAX's.
      threshold: in (0, 1]; the paper's is `PAPER_THRESHOLD`.

    Raises:
      UserError: the threshold would mark everything or nothing, or alpha is coded in integers.
    """
    check_threshold(threshold)
    if alpha.dtype.kind in "biu":
        raise UserError(
            "alpha",
            found=f"{alpha.dtype}",
            expected="floats in [0, 1]",
            remedy="decode it with casgan_jax.grid.decode_alpha",
        )
    return alpha >= alpha.dtype.type(threshold)


def check_threshold(threshold: float) -> None:
    """Raises a UserError unless a threshold is in (0, 1]."""
    if not 0 < threshold <= 1:
        raise UserError(
            "threshold",
            found=f"{threshold:g}",
            expected="a number in (0, 1]",
            remedy="the paper's is 128/255",
        )
