"""A user's marks as planes beside the image: what a network is shown of them.

    marks = Marks(click=(31.5, 30.0), recist=None)
    planes = mark_planes(("click", "axes"), marks, np.arange(64), np.arange(64)[:, None])

Both planes are distances, cut off and divided so that they lie in [0, 1]. A mark that is not there
is infinitely far: its plane is 1 everywhere. So a network needs no other sign of what it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from casgan_jax.soft_mask.recist import relative_distance_at

KINDS = ("click", "axes")
CLICK_REACH = 16.0  # native pixels, beyond which all is equally far
AXES_REACH = 3.0  # times as far out as the axes' outline


class Marks(NamedTuple):
    """What a user marked of one lesion, in one image's pixels.

    Attributes:
      click: (x, y) of a point in the lesion, or None.
      recist: (8,) axes as `casgan_jax.soft_mask.recist` has them, or None.
    """

    click: Sequence[float] | np.ndarray | None = None
    recist: np.ndarray | None = None


def mark_planes(kinds: Sequence[str], marks: Marks, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The planes of some kinds of marks.

    Args:
      kinds: of KINDS, in the order of the planes.
      marks: of the lesion; those of other kinds are not looked at.
      x, y: of the points that are shown, in the marks' pixels, of shapes that broadcast to (H, W).

    Returns:
      (H, W, kinds) float32 in [0, 1]: the distance from the click over 16 pixels, the relative
      distance of the axes over 3.
    """
    far = np.ones(np.broadcast_shapes(np.shape(x), np.shape(y)), np.float32)
    planes = {"click": far, "axes": far}
    if marks.click is not None:
        distance = np.hypot(x - marks.click[0], y - marks.click[1])
        planes["click"] = np.minimum(distance / CLICK_REACH, 1.0).astype(np.float32)
    if marks.recist is not None:
        distance = relative_distance_at(marks.recist, x, y)
        planes["axes"] = np.minimum(distance / np.float32(AXES_REACH), np.float32(1.0))
    return np.stack([planes[kind] for kind in kinds], axis=-1)
