"""Whether a network is sure of a soft mask, told of the mask alone."""

from __future__ import annotations

import numpy as np

from casgan_jax.grid import binarise


def certainty(alpha: np.ndarray, threshold: float) -> float:
    """The mean of a soft mask where it reaches its threshold.

    Of a lesion that a network knows the inside is near 1; where it finds none, or cannot tell which
    of two bodies was meant, what reaches the threshold hardly does. docs/results.md has how well
    that finds failures.

    Args:
      alpha: (H, W) float in [0, 1].
      threshold: that makes a binary mask of it.

    Returns:
      0 (nothing reaches the threshold) to 1.
    """
    mask = binarise(alpha, threshold)
    return float(alpha[mask].mean()) if mask.any() else 0.0
