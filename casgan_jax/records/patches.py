"""The patch around a record's mark."""

from __future__ import annotations

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import Box
from casgan_jax.records.prepared import Record


def marked_box(record: Record, patch: int) -> Box:
    """The square of `patch` native pixels around a record's mark, moved inside its image where it
    would leave it.

    Raises:
      UserError: the patch is larger than the image.
    """
    shape = record["image"].shape
    if not 0 < patch <= min(shape):
        raise UserError(
            "data.patch",
            found=f"{patch} for records of {shape[0]} x {shape[1]} pixels",
            expected=f"1 to {min(shape)}",
            remedy=f"set `data.patch={min(shape)}`",
        )
    return Box.centred(record["mark"], patch).inside(shape)


def marked_patch(record: Record, name: str, patch: int, *, scale: int = 1) -> np.ndarray:
    """A plane of a record, `scale` times as fine as its image, over the patch around the mark."""
    return marked_box(record, patch).scaled(scale).crop(record[name])
