"""Which marks of a record a network is shown where it is measured.

    evaluate(cascade, records, metadata, show=functools.partial(by_axes, noise=0.5))

What is shown of one lesion depends on its record and a seed alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from casgan_jax.evaluation.planes import plain_value
from casgan_jax.records.marks import measured_axes
from casgan_jax.soft_mask.hand import drawn_by_hand
from casgan_jax.soft_mask.mark_planes import Marks

Record = Mapping[str, Any]
Show = Callable[[Record], Marks]


def by_click(record: Record) -> Marks:
    """The record's mark."""
    return Marks(click=record["mark"])


def by_axes(record: Record, *, noise: float = 0.0, seed: int = 0) -> Marks:
    """RECIST axes of the consensus, or where there is none the record's mark.

    Args:
      record: with the features of `casgan_jax.records.marks.NEEDED`.
      noise: standard deviation of each coordinate in native pixels.
      seed: of the noise.
    """
    axes = measured_axes(record)[0]
    if np.isnan(axes).any():
        return by_click(record)
    rng = lesion_rng(record, seed)
    return Marks(recist=drawn_by_hand(axes, record["image"].shape, rng, noise=noise))


def lesion_rng(record: Record, seed: int) -> np.random.Generator:
    """Random numbers of one lesion, by its key."""
    return np.random.default_rng([seed, zlib.crc32(plain_value(record["key"]).encode())])
