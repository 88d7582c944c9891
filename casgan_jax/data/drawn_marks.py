"""Marks drawn as a user makes them: which there are, whose they are, and how far off."""

from __future__ import annotations

import numpy as np

from casgan_jax.configs.schema.softgan import DrawnMarks
from casgan_jax.soft_mask.hand import drawn_by_hand
from casgan_jax.soft_mask.mark_planes import Marks


def draw_marks(
    mark: np.ndarray,
    axes: np.ndarray,
    shape: tuple[int, int],
    rng: np.random.Generator,
    *,
    drawn: DrawnMarks,
) -> Marks:
    """The marks that one example shows.

    Args:
      mark: (2,) x, y of the record's.
      axes: (n, 8) of the consensus, then of readers, see `casgan_jax.records.marks`.
      shape: (H, W) of the record's image.
      rng: what all is drawn from.
      drawn: how often and how exactly.
    """
    shows_click, shows_axes = rng.random(2) < (drawn.click, drawn.axes)
    noise = rng.uniform(0.0, drawn.noise)
    click = mark + rng.normal(0.0, noise, 2) if shows_click else None
    recist = _whose(axes, rng, drawn.reader) if shows_axes else None
    if recist is not None:
        wrong = rng.random() < drawn.wrong
        recist = drawn_by_hand(recist, shape, rng, noise=noise, wrong=wrong)
    return Marks(click, recist)


def _whose(axes: np.ndarray, rng: np.random.Generator, reader: float) -> np.ndarray | None:
    """The consensus's axes or, with the chance `reader`, those of one reader."""
    there = np.flatnonzero(~np.isnan(axes).any(axis=1))
    readers = there[there > 0]
    if rng.random() < reader and len(readers):
        return axes[rng.choice(readers)]
    return axes[there[0]] if len(there) else None
