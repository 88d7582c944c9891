"""The matting Laplacian of a volume, as box sums instead of a matrix.

Inside every window alpha is an affine function of the image (`casgan_jax.soft_mask.laplacian`):
strictly so in windows of 3x3 pixels of a slice, and as strictly as slices hold on to each other in
windows of 3x3x3 voxels. Of a window of n

    a = (mean(I p) - mean(I) mean(p)) / (var(I) + epsilon / n),  b = mean(p) - a mean(I)
    (L p)_i = sum over windows that hold i of p_i - a I_i - b

so that a product is some box sums, most of which windows of both sizes share. They are of products
that nearly cancel where the image is flat: all of it is float64.

    laplacian = VolumeLaplacian(image, inside, 1e-7, 0.5)
    laplacian.product(alpha), laplacian.diagonal
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class VolumeLaplacian:
    """The Laplacian of one volume.

    Attributes:
      diagonal: (S, H, W) float64.
    """

    def __init__(
        self,
        image: np.ndarray,
        inside: np.ndarray,
        epsilon: float,
        hold: float,
        apart: np.ndarray | None = None,
    ) -> None:
        """Looks at the windows.

        Args:
          image: (S, H, W) in [0, 1].
          inside: (S, H, W) bool; a window that holds a voxel outside, or leaves the volume, does
            not count.
          epsilon: regularisation of a window's variance, in squared grey values times n.
          hold: weight of windows of 3x3x3 voxels against those of 3x3.
          apart: (S, H, W) bool, voxels that say nothing of other slices: a window of 3x3x3 that
            holds one does not count. None: none are.
        """
        image = image.astype(np.float64)
        joined = inside if apart is None else inside & ~apart
        counts = [in_slice(each.astype(np.float64)) for each in (inside, joined)]
        sums = [in_slice(each) for each in (image, image**2)]
        self._image = image
        self._within = _Windows(9, (counts[0], *sums), epsilon, 1.0)
        stacked = [across_slices(each) for each in (counts[1], *sums)]
        self._across = _Windows(27, stacked, epsilon, hold)
        self._windows = self._spread(self._within.counted, self._across.counted)
        # Of one window: 1 - (1 + (I_i - mean)^2 / (var + epsilon / n)) / n.
        own = [each.own() for each in (self._within, self._across)]
        kept, constant, linear, square = (self._spread(*pair) for pair in zip(*own, strict=True))
        self.diagonal = kept - constant + 2 * image * linear - image**2 * square

    def product(self, alpha: np.ndarray) -> np.ndarray:
        """L alpha, (S, H, W) float64."""
        alpha = np.asarray(alpha, np.float64)
        sums = [in_slice(alpha), in_slice(self._image * alpha)]
        within = self._within.fit(*sums)
        across = self._across.fit(*(across_slices(each) for each in sums))
        slope, offset = (self._spread(*pair) for pair in zip(within, across, strict=True))
        return np.asarray(self._windows * alpha - self._image * slope - offset)

    @staticmethod
    def _spread(within: np.ndarray, across: np.ndarray) -> np.ndarray:
        """What the windows of both sizes around each voxel say, given at their middles."""
        return in_slice(within + across_slices(across))


class _Windows:
    """The windows of one size, by their middles.

    Attributes:
      counted: (S, H, W) float64, the weight of a window, 0 of those that do not count.
    """

    def __init__(
        self, size: int, sums: Sequence[np.ndarray], epsilon: float, weight: float
    ) -> None:
        """From the number of voxels inside each window, and the sums of I and I^2 over it."""
        count, total, squares = sums
        self._size = size
        self._mean = total / size
        variance = np.maximum(squares / size - self._mean**2, 0)
        self.counted = weight * (count == size)
        self._steepness = self.counted / (variance + epsilon / size)

    def fit(self, total: np.ndarray, products: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weighted slope a and offset b of p in the image, from the sums of p and of I p."""
        mean = total / self._size
        slope = products / self._size
        slope -= self._mean * mean
        slope *= self._steepness
        mean *= self.counted
        mean -= slope * self._mean
        return slope, mean

    def own(self) -> tuple[np.ndarray, ...]:
        """1 - 1/n, and the parts of (I - mean)^2 / (var + epsilon / n) / n by powers of I."""
        part = self._steepness / self._size
        kept = self.counted * (1 - 1 / self._size)
        return kept, part * self._mean**2, part * self._mean, part


def in_slice(values: np.ndarray) -> np.ndarray:
    """The sum over 3x3 pixels around each of (S, H, W), of what is in the slice."""
    return _along(_along(values, 1), 2)


def across_slices(values: np.ndarray) -> np.ndarray:
    """The sum over each of (S, H, W) and those above and below it."""
    return _along(values, 0)


def _along(values: np.ndarray, axis: int) -> np.ndarray:
    total = values.copy()
    sums, beside = np.moveaxis(total, axis, 0), np.moveaxis(values, axis, 0)
    sums[1:] += beside[:-1]
    sums[:-1] += beside[1:]
    return total
