"""Slices of a tilted gantry moved straight above each other, and back.

    straight = Straight(slab.values.shape, run.shift, marked[0] - slab.first)
    values = straight.moved(slab.values)
    alpha = straight.back(label_volume(values, ...).alpha)

Each slice is moved by whole pixels, so that no value is interpolated and what is found goes back to
the very pixels that it was found in: on the grid of the images, where soft masks are written. Half
a pixel is left at most, less than outlines move between slices.
"""

from __future__ import annotations

import numpy as np

from casgan_jax.soft_mask.volume_marks import Correction, VolumeMark


class Straight:
    """How slices are moved on a canvas that holds all of each.

    Attributes:
      moves: (S, 2) int, columns and rows that the slices lie at on the canvas.
    """

    def __init__(self, shape: tuple[int, ...], shift: np.ndarray, still: int) -> None:
        """
        Args:
          shape: (S, H, W).
          shift: (2,) columns and rows from slice to slice, `RegularRun.shift`.
          still: the slice whose neighbours are moved the least.
        """
        steps = np.arange(shape[0])[:, None] - still
        moves = np.rint(-steps * shift).astype(int)
        self.moves = moves - moves.min(axis=0)
        self._shape = shape
        self._right, self._down = (int(most) for most in self.moves.max(axis=0))

    def moved(self, stack: np.ndarray, *, empty: bool = False) -> np.ndarray:
        """(S, H, W) -> (S, H + down, W + right); beyond a slice its edge goes on, or 0 is."""
        return np.stack([self.slice(k, plane, empty=empty) for k, plane in enumerate(stack)])

    def slice(self, number: int, plane: np.ndarray, *, empty: bool = False) -> np.ndarray:
        """(H, W) of one slice, as `moved`."""
        left, top = self.moves[number]
        around = ((top, self._down - top), (left, self._right - left))
        return np.pad(plane, around) if empty else np.pad(plane, around, mode="edge")

    def mark(self, mark: VolumeMark) -> VolumeMark:
        """A mark of a slice, on the canvas."""
        move, mask = self.moves[mark.slice], mark.mask
        axes = mark.recist
        if axes is not None:
            axes = (axes + np.tile(move, 4)).astype(axes.dtype)
        if mask is not None:
            mask = self.slice(mark.slice, mask, empty=True)
        return VolumeMark(mark.slice, axes, mask)

    def correction(self, correction: Correction) -> Correction:
        """What is certain of a slice, on the canvas."""
        right, down = map(float, self.moves[correction.slice])
        strokes = tuple(stroke.shifted(right, down) for stroke in correction.strokes)
        return correction._replace(strokes=strokes)

    def back(self, stack: np.ndarray) -> np.ndarray:
        """(S, H + down, W + right) -> (S, H, W), each slice where it was."""
        _, height, width = self._shape
        return np.stack(
            [
                plane[top : top + height, left : left + width]
                for plane, (left, top) in zip(stack, self.moves, strict=True)
            ]
        )
