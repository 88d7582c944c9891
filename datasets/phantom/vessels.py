"""Lung vessels and airways as a slice of some thickness shows them.

A tube that crosses the slice steeply is a dot, one that runs along it a line that fades where it
leaves the slice. Directions in space are random, so most are dots and short strokes; trees that
happen to lie in the slice branch and taper from the hilum outwards.
"""

from __future__ import annotations

import cv2
import numpy as np

_SHIFT = 4
_FULL = 255


class Canvas:
    """Share of each pixel that is vessel, uint8 0..255; where tubes cross, the fuller one counts.

    Args:
      side: pixels.
      pixel_mm: pixel size.
    """

    def __init__(self, side: int, pixel_mm: float):
        self.side = side
        self.pixel_mm = pixel_mm
        self._strokes: list[tuple[int, tuple[int, int], tuple[int, int], int]] = []

    def tube(self, points: np.ndarray, radius_mm: np.ndarray, share: np.ndarray) -> None:
        """Adds a polyline (n, 2) in pixels with a radius (mm) and a share (0..1) at each point."""
        fixed = np.round(points * (1 << _SHIFT)).astype(int)
        width = np.maximum(np.round(2 * radius_mm / self.pixel_mm), 1).astype(int)
        # Thinner than one pixel: paler instead.
        thin = np.minimum(2 * radius_mm / self.pixel_mm, 1.0)
        value = np.clip(np.round(_FULL * share * thin), 0, _FULL).astype(int)
        for k in range(len(points) - 1):
            ends = tuple(fixed[k].tolist()), tuple(fixed[k + 1].tolist())
            self._strokes.append((int(value[k]), *ends, int(width[k])))

    def fractions(self) -> np.ndarray:
        """(side, side) float32 in [0, 1]."""
        plane = np.zeros((self.side, self.side), np.uint8)
        for value, start, stop, width in sorted(self._strokes):
            if value > 5:
                cv2.line(plane, start, stop, value, width, cv2.LINE_AA, _SHIFT)
        return plane.astype(np.float32) / np.float32(_FULL)


def scatter(
    rng: np.random.Generator,
    canvas: Canvas,
    places: np.ndarray,
    wall_mm: np.ndarray,
    hilum: np.ndarray,
    thickness_mm: float,
) -> None:
    """Tubes crossing the slice in random directions.

    Args:
      rng: source of randomness.
      canvas: to draw on.
      places: (n, 2) where they cross, pixels.
      wall_mm: (n,) distance of each from the lung's border: vessels are thin near the pleura.
      hilum: (2,) pixels; vessels prefer to run away from it.
      thickness_mm: of the slice.
    """
    count = len(places)
    smallest, largest = 0.20, 0.50 + np.minimum(0.06 * wall_mm, 2.2)
    # The density of radii falls as radius^-2.7: thinner generations are more numerous.
    share = rng.random(count)
    radius = (smallest**-1.7 + share * (largest**-1.7 - smallest**-1.7)) ** (-1 / 1.7)
    # Tubes of isotropic direction cross a plane with density cos * sin of the angle to its normal.
    slope = np.sqrt(rng.random(count) * 0.995)
    slope = slope / np.sqrt(1 - slope**2)
    length = np.minimum(thickness_mm * slope, 26.0) / canvas.pixel_mm
    outward = np.arctan2(*(places - hilum).T[::-1])
    direction = outward + rng.normal(0, 0.75, count)
    crossing = np.sqrt(1 + 1 / np.maximum(slope, 0.05) ** 2)
    fill = np.clip(2.2 * radius / thickness_mm * crossing, 0, 1) * rng.uniform(0.35, 1.0, count)
    for k in range(count):
        _stroke(rng, canvas, places[k], direction[k], length[k], radius[k], fill[k])


def tree(
    rng: np.random.Generator,
    canvas: Canvas,
    start: np.ndarray,
    direction: float,
    radius_mm: float,
    reach_mm: float,
    thickness_mm: float,
    generations: int = 4,
    first: float = 0.1,
) -> None:
    """A vessel that runs in the slice, tapers, wanders and branches (Murray's law for the radii).

    Args:
      rng: source of randomness.
      canvas: to draw on.
      start: (2,) pixels.
      direction: angle.
      radius_mm: at the start.
      reach_mm: length of the longest path.
      thickness_mm: of the slice.
      generations: of branches at most.
      first: share of the vessel that lies in the slice at the start.
    """
    length = reach_mm * rng.uniform(0.35, 0.6)
    points = _wander(rng, start, direction, length / canvas.pixel_mm, 12)
    last = generations <= 1 or radius_mm < 0.28
    taper = np.linspace(1.0, 0.5 if last else 0.8, len(points))
    drift = np.linspace(first, 0.05 if last else rng.uniform(0.4, 0.9), len(points))
    phase = np.linspace(0, rng.uniform(1, 6), len(points)) + rng.uniform(0, 6)
    waves = 0.85 - 0.15 * np.sin(phase)
    fill = np.clip(3.0 * radius_mm / thickness_mm, 0.0, 1.0) * np.sqrt(drift) * waves
    canvas.tube(points, radius_mm * taper, fill)
    if last:
        return
    heading = np.arctan2(*(points[-1] - points[-3])[::-1])
    share = rng.uniform(0.3, 0.7)
    turn = rng.choice([-1, 1]) * rng.uniform(0.25, 0.8)
    for part, angle in ((share, turn), (1 - share, -turn * share / (1 - share) * 0.7)):
        if rng.random() < 0.88:
            tree(
                rng,
                canvas,
                points[-1],
                heading + angle,
                0.9 * radius_mm * part ** (1 / 3),
                reach_mm - length,
                thickness_mm,
                generations - 1,
                first=float(drift[-1]),
            )


def airway(rng: np.random.Generator, canvas: Canvas, place: np.ndarray) -> np.ndarray:
    """An airway seen end on, its vessel beside it: draws both, returns the outline of the air."""
    radius = rng.uniform(1.0, 2.6)
    angle = np.linspace(0, 2 * np.pi, 24)
    semi = np.array([radius, radius * rng.uniform(0.6, 1.0)]) / canvas.pixel_mm
    turn = rng.uniform(0, np.pi)
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    lumen = np.stack([np.cos(angle), np.sin(angle)], 1) * semi @ rotation + place
    canvas.tube(lumen, np.full(24, rng.uniform(0.35, 0.6)), np.full(24, 0.8))
    beside = rng.uniform(0, 2 * np.pi)
    step = (radius + 1.6) / canvas.pixel_mm
    partner = place + step * np.array([np.cos(beside), np.sin(beside)])
    _stroke(rng, canvas, partner, beside, 2.0, radius * rng.uniform(0.7, 1.1), 1.0)
    return lumen


def _stroke(
    rng: np.random.Generator,
    canvas: Canvas,
    middle: np.ndarray,
    direction: float,
    length: float,
    radius_mm: float,
    fill: float,
) -> None:
    """A dot, or a slightly bent line that fades at both ends."""
    if length < 3:
        ends = middle + np.outer([-0.5, 0.5], [np.cos(direction), np.sin(direction)]) * length
        canvas.tube(ends, np.full(2, radius_mm), np.full(2, fill))
        return
    count = int(np.clip(length / 6, 4, 14))
    step = np.array([np.cos(direction), np.sin(direction)])
    points = _wander(rng, middle - step * length / 2, direction, length, count)
    fade = np.sin(np.linspace(0.08, np.pi - 0.08, count))
    canvas.tube(points, radius_mm * np.linspace(1.1, 0.8, count), fill * fade)


def _wander(
    rng: np.random.Generator, start: np.ndarray, direction: float, length: float, count: int
) -> np.ndarray:
    bend = rng.normal(0, 0.02) * np.arange(count - 1)
    heading = direction + np.cumsum(rng.normal(0, 0.05, count - 1)) + bend
    steps = np.stack([np.cos(heading), np.sin(heading)], 1) * (length / (count - 1))
    return np.concatenate([[start], start + np.cumsum(steps, 0)])
