"""Where a crop of fixed size lies around a lesion."""

from __future__ import annotations

import numpy as np


def crop_around(
    centre: tuple[float, float], size: int, shape: tuple[int, int]
) -> tuple[slice, slice]:
    """Rows and columns of the square around a point, moved inside the image where it would leave.

    Args:
      centre: (x, y), pixel centres at integers.
      size: side of the square, at most that of the image.
      shape: (H, W) of the image.
    """
    left, top = (
        int(np.clip(round(c - (size - 1) / 2), 0, side - size))
        for c, side in zip(centre, shape[::-1], strict=True)
    )
    return slice(top, top + size), slice(left, left + size)
