"""Axes of the shapes that reports and presentation states draw."""

from __future__ import annotations

from typing import Any

import numpy as np


def axes_of(kind: str, data: Any, dimensions: int) -> list[np.ndarray] | str:
    """The axes of a shape, (2, D) ends each: one of a line, two of a circle or an ellipse.

    Args:
      kind: GraphicType.
      data: GraphicData, numbers; or None.
      dimensions: D, 2 or 3.

    Returns:
      Axes, the longer first; or why there are none. Source: DICOM PS3.3, C.18.6.1.2, C.18.9.1.2 and
      C.10.5.1.2.
    """
    numbers = np.ravel(np.asarray([] if data is None else data, np.float64))
    if not numbers.size or numbers.size % dimensions:
        return f"{kind or 'a shape'} of {numbers.size} numbers"
    points = numbers.reshape(-1, dimensions)
    if kind in ("POLYLINE", "RULER", "LINE", "MULTIPOINT") and len(points) == 2:
        return [points]
    if kind == "ELLIPSE" and len(points) == 4:
        axes = [points[:2], points[2:]]
        return sorted(axes, key=lambda ends: -np.linalg.norm(ends[1] - ends[0]))
    if kind == "CIRCLE" and len(points) == 2 and dimensions == 2:
        centre, radius = points[0], points[1] - points[0]
        across = np.array([-radius[1], radius[0]])
        return [np.stack([centre - each, centre + each]) for each in (radius, across)]
    return f"{kind or 'a shape'} of {len(points)} points, which has no axes"
