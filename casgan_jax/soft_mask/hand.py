"""RECIST axes as a hand draws them: not quite where the lesion ends, and at times wrong."""

from __future__ import annotations

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.soft_mask.recist import axis_lengths, check_recist

WRONG_BY = 0.3  # of the long axis
_TRIES = 20


def drawn_by_hand(
    recist: np.ndarray,
    shape: tuple[int, int],
    rng: np.random.Generator,
    *,
    noise: float,
    wrong: bool = False,
) -> np.ndarray:
    """Axes with noise, drawn again where no lesion could have them (`check_recist`).

    After 20 refusals, which a lesion of a few pixels may need, they stay as they are.

    Args:
      recist: (8,) axes that are right.
      shape: (H, W) of the image.
      rng: what the noise is drawn from.
      noise: standard deviation of each coordinate in pixels; 0 draws nothing.
      wrong: whether one end is off by 30% of the long axis, in any direction.

    Returns:
      (8,) float32, the long axis first.
    """
    if not noise and not wrong:
        return np.asarray(recist, np.float32)
    for _ in range(_TRIES):
        drawn = recist + rng.normal(0.0, noise, 8)
        if wrong:
            drawn = _one_end_moved(drawn, WRONG_BY * axis_lengths(recist)[0], rng)
        drawn = _long_first(drawn).astype(np.float32)
        try:
            check_recist(drawn, shape)
        except UserError:
            continue
        return drawn
    return np.asarray(recist, np.float32)


def _one_end_moved(recist: np.ndarray, by: float, rng: np.random.Generator) -> np.ndarray:
    ends, angle = recist.reshape(4, 2).copy(), rng.uniform(0, 2 * np.pi)
    ends[rng.integers(4)] += by * np.array([np.cos(angle), np.sin(angle)])
    return ends.reshape(8)


def _long_first(recist: np.ndarray) -> np.ndarray:
    long, short = axis_lengths(recist)
    return np.roll(recist, 4) if short > long else recist
