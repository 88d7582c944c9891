"""Readers' outlines -> masks."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from datasets.lidc.reading import Outline


def fill_outlines(outlines: Iterable[Outline], shape: tuple[int, int]) -> np.ndarray:
    """What one reader marked on one slice.

    The pixels of an outline are the first ones outside the nodule (LIDC XML file documentation), so
    that neither they nor, for the same reason, those around a hole belong to it. A nodule of one or
    two pixels, whose outline has no inside, leaves an empty mask.

    Args:
      outlines: of one reader and one slice.
      shape: (H, W) of the slice.

    Returns:
      (H, W) bool.
    """
    nodule, holes = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
    for outline in outlines:
        points = [outline.points.reshape(-1, 1, 2)]
        if outline.inclusion:
            inside = np.zeros(shape, np.uint8)
            cv2.fillPoly(inside, points, 1)
            cv2.polylines(inside, points, isClosed=True, color=0)
            nodule |= inside
        else:
            cv2.fillPoly(holes, points, 1)
    return (nodule > 0) & (holes == 0)
