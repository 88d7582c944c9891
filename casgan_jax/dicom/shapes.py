"""Shapes that reports and presentation states draw: lines, outlines and points."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

_TURN = np.linspace(0, 2 * np.pi, 180, endpoint=False)  # an ellipse as a polygon: 0.02% too small
_OPEN = 4  # points that a line which is no outline may have
_LEAST_CLOSED = 3  # points that enclose something


class Shape(NamedTuple):
    """A shape.

    Attributes:
      kind: a line of two ends, an outline, whose last point is joined to its first, or points that
        stand alone.
      points: (N, D).
    """

    kind: Literal["line", "outline", "points"]
    points: np.ndarray


def shape_of(kind: str, data: Any, dimensions: int) -> Shape | str:
    """What a shape is.

    A line that ends where it begins, or has more than four points, is an outline, and so is what a
    circle or an ellipse encloses.

    Args:
      kind: GraphicType.
      data: GraphicData, numbers; or None.
      dimensions: D, 2 or 3.

    Returns:
      The shape; or why it is none. Source: DICOM PS3.3, C.18.6.1.2, C.18.9.1.2 and C.10.5.1.2.
    """
    numbers = np.ravel(np.asarray([] if data is None else data, np.float64))
    if not numbers.size or numbers.size % dimensions:
        return f"{kind or 'a shape'} of {numbers.size} numbers"
    points = numbers.reshape(-1, dimensions)
    if kind in ("POINT", "MULTIPOINT"):
        return Shape("points", points)
    if kind in ("POLYLINE", "RULER", "LINE") and len(points) == 2:
        return Shape("line", points)
    if kind in ("POLYLINE", "INTERPOLATED", "POLYGON"):
        closed = len(points) > _LEAST_CLOSED and np.array_equal(points[0], points[-1])
        points = points[:-1] if closed else points
        if closed or len(points) > _OPEN or (kind == "POLYGON" and len(points) >= _LEAST_CLOSED):
            return Shape("outline", points)
    if kind == "ELLIPSE" and len(points) == 4:
        centre = points.mean(axis=0)
        long, short = (points[1] - points[0]) / 2, (points[3] - points[2]) / 2
        return Shape("outline", centre + _around(long, short))
    if kind == "CIRCLE" and len(points) == 2 and dimensions == 2:
        centre, radius = points[0], points[1] - points[0]
        return Shape("outline", centre + _around(radius, np.array([-radius[1], radius[0]])))
    return f"{kind or 'a shape'} of {len(points)} points, which is no line and no outline"


def _around(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.cos(_TURN)[:, None] * one + np.sin(_TURN)[:, None] * other
