"""Splits by chance that are the same everywhere and for ever, for protocols that fix the numbers.

    >>> deal(["a", "b", "c", "d"], validation=1, test=1)
    {'c': 'test', 'b': 'validation', 'd': 'train', 'a': 'train'}

Where a data set has its own choice, patients are split by `casgan_jax.splits.split_of`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def shuffled(names: Iterable[str], *, seed: int = 0) -> list[str]:
    """The names in an order that looks random, by SHA-256 of seed and name."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())


def deal(names: Iterable[str], *, validation: int, test: int, seed: int = 0) -> dict[str, str]:
    """Deals names out to the splits: so many to test, so many to validation, the rest to train.

    Args:
      names: of what is split, unique.
      validation, test: how many of them.
      seed: another one gives another deal.

    Returns:
      {name: split}, in the order of the deal.
    """
    splits = {}
    for position, name in enumerate(shuffled(names, seed=seed)):
        if position < test:
            splits[name] = "test"
        else:
            splits[name] = "validation" if position < test + validation else "train"
    return splits
