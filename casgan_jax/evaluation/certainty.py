"""Whether a network is sure of a soft mask, told of the mask and of the axes that it was shown."""

from __future__ import annotations

import numpy as np

from casgan_jax.evaluation.looking import axes_of_mask
from casgan_jax.grid import Box, binarise
from casgan_jax.soft_mask.recist import recist_agreement

# Below, a soft mask is to be looked at.
LEAST_CERTAINTY = 0.75
LEAST_AGREEMENT = 0.6  # with the axes


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


def doubt(certain: float, agreement: float | None) -> str:
    """Why a soft mask is to be looked at, in a line; "" where nothing is wrong.

    Args:
      certain: of `certainty`.
      agreement: of `agreement_with_axes`; None where no axes were shown.
    """
    told = []
    if agreement is not None and agreement < LEAST_AGREEMENT:
        told.append(f"agrees with its axes by only {agreement:.2f} (1 is the same)")
    if certain < LEAST_CERTAINTY:
        told.append(f"is certain by only {certain:.2f} (1 is all lesion)")
    if not told:
        return ""
    return f"the mask {' and '.join(told)}: the system may not know such lesions, look at it"


def agreement_with_axes(alpha: np.ndarray, box: Box, recist: np.ndarray, threshold: float) -> float:
    """How well a soft mask's own axes agree with those that the network was shown.

    Args:
      alpha: (r h, r w) float in [0, 1] of the box.
      box: in the image.
      recist: (8,) the axes in the image's pixels.
      threshold: that makes a binary mask of it.

    Returns:
      0 (no mask, or one that lies elsewhere) to 1, see `recist_agreement`.
    """
    measured = axes_of_mask(alpha, box, len(alpha) // box.shape[0], threshold)
    return 0.0 if measured is None else recist_agreement(recist, measured)
