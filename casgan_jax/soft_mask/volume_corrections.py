"""What a reader says of single slices of a volume, kept to whatever is found there.

    said = Said([Correction(33, absent=True), Correction(31, (stroke,))], box)
    said.kept(31, soft), said.trimap(31, trimap)

A brush tells what certainly is lesion and what is not; a slice may not have the lesion at all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import Box
from casgan_jax.soft_mask.strokes import with_strokes
from casgan_jax.soft_mask.trimap import BACKGROUND, LESION, UNKNOWN
from casgan_jax.soft_mask.volume_marks import Correction


class Said:
    """Corrections of the slices of a volume, in the part of them around a lesion.

    Attributes:
      absent: slices that the lesion is not in.
      shown: slices that it is in, by a stroke of lesion.
    """

    def __init__(self, corrections: Sequence[Correction], box: Box) -> None:
        """
        Args:
          corrections: at most one of each slice.
          box: the part.
        """
        left, top = box.corner
        self.absent = {one.slice for one in corrections if one.absent}
        self._strokes = {
            one.slice: [stroke.shifted(-left, -top) for stroke in one.strokes]
            for one in corrections
            if one.strokes and not one.absent
        }
        self.shown = {
            each
            for each, strokes in self._strokes.items()
            if any(stroke.value == "lesion" for stroke in strokes)
        }

    def kept(self, each: int, soft: np.ndarray) -> np.ndarray:
        """(H, W) float32: a soft mask of a slice's part, and what is certain there."""
        if each not in self._strokes:
            return soft
        certain = self.trimap(each, np.full(soft.shape, UNKNOWN, np.uint8))
        found = np.where(certain == LESION, np.float32(1), soft)
        return np.where(certain == BACKGROUND, np.float32(0), found).astype(np.float32)

    def trimap(self, each: int, trimap: np.ndarray) -> np.ndarray:
        """(H, W) uint8: a trimap of a slice's part, and what is certain there."""
        if each in self.absent:
            return np.full_like(trimap, BACKGROUND)
        strokes = self._strokes.get(each)
        return trimap if strokes is None else with_strokes(trimap, strokes, 1)

    def before_absent(self, slices: range) -> range:
        """The first of slices, until one that the lesion is not in."""
        stop = next((k for k, each in enumerate(slices) if each in self.absent), len(slices))
        return slices[:stop]

    def least(self, slices: range) -> int:
        """How many of slices the lesion is in at least, by strokes."""
        return max((k + 1 for k, each in enumerate(slices) if each in self.shown), default=0)

    def check_reached(self, found: Sequence[int]) -> None:
        """Refuses strokes of lesion that no slice between them and the marks lets be reached.

        Raises:
          UserError: there are such.
        """
        beyond = sorted(self.shown - set(found))
        if beyond:
            raise UserError(
                f"strokes on slice {beyond[0]}",
                found="lesion beyond a slice that has none",
                expected="slices one after the other",
                remedy="take back what is said of the slices between",
            )
