"""Tubes of the lung (vessels, airways, fissures seen edge on) as shares of a slice's pixels."""

from __future__ import annotations

import cv2
import numpy as np

_SHIFT = 4  # fractional bits of coordinates
_FULL = 255
# OpenCV's smoothed lines are as wide as 1.3 pixels plus twice a whole number.
_NARROWEST = 1.3
_WIDE = 4.0  # pixels: the width of wider tubes is rounded
_FAINTEST = 5  # of 255: paler strokes are left out


class Canvas:
    """Share of each pixel that is tube; where tubes cross, the fuller one counts.

    Args:
      side: pixels.
      pixel_mm: pixel size.
    """

    def __init__(self, side: int, pixel_mm: float):
        self.side = side
        self.pixel_mm = pixel_mm
        self._strokes: list[np.ndarray] = []

    def add(self, points: np.ndarray, radius_mm: np.ndarray, share: np.ndarray) -> None:
        """Adds n polylines of k points.

        Args:
          points: (n, k, 2) pixels.
          radius_mm: (n, k).
          share: (n, k) of the slice's thickness that the tube fills, 0 to 1.
        """
        fixed = np.round(points * (1 << _SHIFT))
        width = 2 * radius_mm / self.pixel_mm
        # Thin tubes are drawn wider and paler, so that what they add to the slice is right.
        steps = 0.5 * (width - _NARROWEST)
        steps = np.maximum(np.where(width < _WIDE, np.ceil(steps), np.round(steps)), 0.0)
        paler = np.minimum(width / (2 * steps + _NARROWEST), 1.0)
        value = np.clip(np.round(_FULL * share * paler), 0, _FULL)
        width = np.maximum(2 * steps, 1)
        columns = value[:, :-1, None], width[:, :-1, None], fixed[:, :-1], fixed[:, 1:]
        strokes = np.concatenate(columns, axis=-1).reshape(-1, 6).astype(int)
        self._strokes.append(strokes[strokes[:, 0] > _FAINTEST])

    def fractions(self) -> np.ndarray:
        """(side, side) float32 in [0, 1]."""
        plane = np.zeros((self.side, self.side), np.uint8)
        strokes = np.concatenate([np.zeros((0, 6), int), *self._strokes])
        order = np.argsort(strokes[:, 0], kind="stable")
        for value, width, x0, y0, x1, y1 in strokes[order].tolist():
            cv2.line(plane, (x0, y0), (x1, y1), value, width, cv2.LINE_AA, _SHIFT)
        return plane.astype(np.float32) / np.float32(_FULL)
