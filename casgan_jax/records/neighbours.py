"""The slices beside a record's slice: which ones, and in which order they are stored.

    slices_beside(7, 0, 9, 1)  # (6, 8)
    slices_beside(0, 0, 9, 1)  # (0, 1): there is none before the first, which stands in for it

The nearest come first, of each pair the one before: planes of two to either side begin with those
of one. Where slices end the last one is repeated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import normalise

FEATURE = "neighbours"


def slices_beside(index: int, first: int, last: int, count: int) -> tuple[int, ...]:
    """The slices beside one, in the order of their planes.

    Args:
      index: of the slice, `first` to `last`.
      first, last: slices that there are, without a gap.
      count: how many to either side.

    Returns:
      2 count indices.
    """
    offsets = (sign * step for step in range(1, count + 1) for sign in (-1, 1))
    return tuple(min(max(index + offset, first), last) for offset in offsets)


def shown_neighbours(record: Mapping[str, Any], window: Sequence[float], count: int) -> np.ndarray:
    """The slices beside a record's as a network sees them.

    Args:
      record: with the feature `neighbours`.
      window: source values that map to 0 and 1.
      count: how many to either side.

    Returns:
      (H, W, 2 count) float32 in [0, 1].

    Raises:
      KeyError: the record has none.
    """
    return normalise(record[FEATURE][..., : 2 * count], window)


def check_neighbours(metadata: Mapping[str, Any], count: int, *, field: str) -> None:
    """Checks that a data set has the slices that a network sees.

    Args:
      metadata: of the data set.
      count: how many to either side.
      field: that says so.

    Raises:
      UserError: it has fewer.
    """
    stored = int(metadata.get(FEATURE, 0))
    if stored < count:
        raise UserError(
            field,
            found=f"{count} for a data set with {stored} slices to either side",
            expected=f"at most {stored}",
            remedy="build one with neighbours, such as `dataset=lidc/x4-25d` or "
            "`dataset=folder/128-25d`",
        )
