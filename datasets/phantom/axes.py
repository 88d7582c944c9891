"""The two RECIST axes of a shape: its longest diameter and the longest one perpendicular to it."""

from __future__ import annotations

import cv2
import numpy as np


def recist_axes(mask: np.ndarray, scale: int) -> np.ndarray:
    """Measures the axes of a mask between the outer borders of its pixels.

    Args:
      mask: (scale * H, scale * W) bool, not empty.
      scale: pixels of the mask a native pixel.

    Returns:
      (8,) float32: long axis x1, y1, x2, y2, short axis x3, y3, x4, y4 in native pixels.
    """
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    border = max(contours, key=len)[:, 0].astype(np.float32)
    corners = np.concatenate([border + np.asarray(c, np.float32) for c in _CORNERS])
    hull = cv2.convexHull(corners)[:, 0]
    apart = np.linalg.norm(hull[:, None] - hull[None], axis=-1)
    first, second = np.unravel_index(np.argmax(apart), apart.shape)
    start, stop = hull[first], hull[second]
    short = _longest_across(corners, start, stop)
    ends = np.concatenate([start[None], stop[None], short])
    return ((ends - (scale - 1) / 2) / scale).astype(np.float32).reshape(8)


_CORNERS = ((-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5))


def _longest_across(points: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """(2, 2) ends of the longest extent across start-stop, among strips one pixel wide."""
    along = (stop - start) / max(float(np.linalg.norm(stop - start)), 1e-6)
    across = np.array([-along[1], along[0]], np.float32)
    position, height = (points - start) @ along, (points - start) @ across
    strip = np.floor(position).astype(int)
    strip -= strip.min()
    top, bottom = np.full(strip.max() + 1, -np.inf), np.full(strip.max() + 1, np.inf)
    np.maximum.at(top, strip, height)
    np.minimum.at(bottom, strip, height)
    best = int(np.argmax(top - bottom))
    middle = float(np.mean(position[strip == best]))
    return np.stack([start + middle * along + h * across for h in (top[best], bottom[best])])
