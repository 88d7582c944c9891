"""Discs, the lesions of these tests."""

import numpy as np


def disc(size, radius, middle=None):
    """(S, S) bool around (x, y), by default the middle of the plane."""
    x, y = np.full(2, (size - 1) / 2) if middle is None else middle
    rows, columns = np.ogrid[:size, :size]
    return np.hypot(columns - x, rows - y) <= radius


def noisy(mask, *, inside=0.7, outside=0.3, noise=0.05):
    """Two intensities and Gaussian noise, (H, W) in [0, 1]."""
    plane = np.where(mask, inside, outside)
    return np.clip(plane + np.random.default_rng(0).normal(0, noise, mask.shape), 0, 1)
