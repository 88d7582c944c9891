"""How likely an intensity is in a region, by a smoothed histogram of the region's pixels."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

_BINS = 256
_FLOOR = 1e-2  # density of what was never seen; 1 is uniform


def log_likelihood(image: np.ndarray, weight: np.ndarray, bandwidth: float) -> np.ndarray:
    """The log density of every pixel's intensity in a region (Parzen's estimate).

    Args:
      image: (H, W) in [0, 1].
      weight: (H, W) >= 0: how much a pixel belongs to the region. Where it is 0 everywhere, every
        intensity is equally likely.
      bandwidth: standard deviation of the Gaussian around each sample, in intensities.

    Returns:
      (H, W) log density on [0, 1]; 0 is uniform.
    """
    histogram, edges = np.histogram(image, bins=_BINS, range=(0.0, 1.0), weights=weight)
    density = gaussian_filter1d(histogram.astype(float), bandwidth * _BINS, mode="reflect")
    total = density.sum()
    density = density * (_BINS / total) if total > 0 else np.ones(_BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    return np.interp(image, centres, np.log((1 - _FLOOR) * density + _FLOOR))
