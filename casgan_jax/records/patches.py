"""Windowing, and the patch around a record's mark."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.records.prepared import Record


def normalise(image: np.ndarray, window: Sequence[float]) -> np.ndarray:
    """Source values -> float32 in [0, 1]: `window` = (low, high) maps to (0, 1), the rest is
    clipped."""
    low, high = map(np.float32, window)
    return np.clip((image.astype(np.float32) - low) / (high - low), 0.0, 1.0)


def marked_region(
    mark: Sequence[float], patch: int, size: int, *, scale: int = 1
) -> tuple[slice, slice]:
    """Rows and columns of the patch around a mark, moved inside the crop where it would leave it.

    Args:
      mark: (x, y) in native pixels.
      patch: side of the patch in native pixels.
      size: side of the native crop.
      scale: fine pixels a native pixel, of the plane that is indexed.

    Raises:
      UserError: the patch is larger than the crop.
    """
    if not 0 < patch <= size:
        raise UserError(
            "data.patch",
            found=f"{patch} for records of {size} x {size} pixels",
            expected=f"1 to {size}",
            remedy=f"set `data.patch={size}`",
        )
    left, top = (
        int(np.clip(np.round(centre - (patch - 1) / 2), 0, size - patch)) for centre in mark
    )
    rows, columns = (slice(scale * start, scale * (start + patch)) for start in (top, left))
    return rows, columns


def marked_patch(record: Record, name: str, patch: int, *, scale: int = 1) -> np.ndarray:
    """A plane of a record, `scale` times as fine as its image, over the patch around the mark."""
    return record[name][marked_region(record["mark"], patch, len(record["image"]), scale=scale)]
