"""An axial slice through a chest: which tissue lies where.

A patient is a set of closed curves in millimetres, painted one over the other: body, fat, muscle,
ribs, mediastinum, lungs. x runs from the patient's right (image left) to the left, y from front
to back, the origin is the middle of the chest. The same curves are painted twice: coarsely and
whole, to find a place for the lesion, and finely around that place.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

# Tissues, painted as labels.
AIR, SKIN, FAT, MUSCLE, LUNG, ORGAN, BLOOD, CORTEX, MARROW, LIVER = range(10)

_POINTS = 180  # of each closed curve
_SHIFT = 4  # fractional bits of polygon corners


@dataclasses.dataclass(frozen=True)
class Region:
    """A closed polygon (n, 2) in mm, filled with a tissue."""

    polygon: np.ndarray
    tissue: int


@dataclasses.dataclass(frozen=True)
class Thorax:
    """A patient's slice.

    Attributes:
      regions: painted in order.
      width, depth: semi-axes of the inside of the rib cage, mm.
      body: semi-axis of the whole body from side to side, mm.
      enhanced: whether the patient got contrast agent.
      hilum: ((x, y), (x, y)) where the vessels enter the right and the left lung, mm.
    """

    regions: tuple[Region, ...]
    width: float
    depth: float
    body: float
    enhanced: bool
    hilum: tuple[tuple[float, float], tuple[float, float]]


@dataclasses.dataclass(frozen=True)
class View:
    """A square window on the patient: `side` pixels of `pixel_mm`, its middle at `centre` mm."""

    centre: tuple[float, float]
    pixel_mm: float
    side: int

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """(..., 2) mm -> pixel coordinates (x, y), centres at integers."""
        return (points - np.array(self.centre)) / self.pixel_mm + (self.side - 1) / 2

    def to_mm(self, points: np.ndarray) -> np.ndarray:
        """Inverse of `to_pixels`."""
        return (points - (self.side - 1) / 2) * self.pixel_mm + np.array(self.centre)


def paint(thorax: Thorax, view: View) -> np.ndarray:
    """(side, side) uint8 tissue labels."""
    labels = np.full((view.side, view.side), AIR, np.uint8)
    for region in thorax.regions:
        corners = view.to_pixels(region.polygon)
        low, high = corners.min(0), corners.max(0)
        if (high >= 0).all() and (low < view.side).all():
            fixed = np.round(corners * (1 << _SHIFT)).astype(np.int32)
            cv2.fillPoly(labels, [fixed], region.tissue, cv2.LINE_8, _SHIFT)
    return labels


def random_thorax(rng: np.random.Generator) -> Thorax:
    """A patient at a random level between the lungs' apices (0) and the diaphragm (1)."""
    level = rng.uniform(0.05, 1.0)
    grown = min(1.0, 0.55 + 1.1 * level)  # the rib cage narrows towards the neck
    width = rng.uniform(112, 140) * grown
    depth = rng.uniform(78, 100) * grown
    cage = _Ring(rng, width, depth)
    muscle = rng.uniform(7, 16) + 14 * max(0.0, 0.35 - level)
    fat = rng.choice([rng.uniform(3, 12), rng.uniform(10, 34)])
    regions = [
        Region(cage.curve(9 + muscle + fat + 2, 0.06, rng), SKIN),
        Region(cage.curve(9 + muscle + fat, 0.06, rng), FAT),
        Region(cage.curve(9 + muscle, 0.05, rng), MUSCLE),
        *_fat_planes(rng, cage, muscle),
        *_shoulder_blade(rng, cage, muscle, level),
        *_spine(rng, depth),
        *_ribs(rng, cage),
        Region(cage.curve(0.0, 0.0, rng), LUNG),
    ]
    enhanced = bool(rng.random() < 0.45)
    regions += _mediastinum(rng, width, depth, level)
    regions += _diaphragm(rng, width, depth, level)
    regions += _spine(rng, depth, inner=True)
    side = 0.25 * width + 8
    return Thorax(
        tuple(regions),
        width,
        depth,
        width + 11 + muscle + fat,
        enhanced,
        ((-side, rng.uniform(-5, 15)), (side, rng.uniform(-5, 15))),
    )


class _Ring:
    """The inside of the rib cage and the curves around it."""

    def __init__(self, rng: np.random.Generator, width: float, depth: float):
        self.angle = np.arange(_POINTS) * (2 * np.pi / _POINTS)
        power = rng.uniform(2.1, 2.6)
        norm = np.abs(np.cos(self.angle) / width) ** power
        norm += np.abs(np.sin(self.angle) / depth) ** power
        self.radius = norm ** (-1 / power) * _wobble(rng, self.angle, 0.02, 2, 7)
        # The spine bulges into the back of the chest.
        self.radius -= rng.uniform(6, 14) * np.exp(-(((self.angle - np.pi / 2) / 0.22) ** 2))

    def curve(self, outside: float, wobble: float, rng: np.random.Generator) -> np.ndarray:
        """The closed curve `outside` mm around the lungs, its distance varying by `wobble`."""
        away = outside * _wobble(rng, self.angle, 4 * wobble, 1, 5) if wobble else outside
        return _polar((0, 0), self.angle, self.radius + away)

    def band(self, start: float, stop: float, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
        """Polygon between two distances from the lungs, for angles from start to stop."""
        angle = np.linspace(start, stop, len(inner))
        radius = np.interp(angle, self.angle, self.radius, period=2 * np.pi)
        return np.concatenate(
            [_polar((0, 0), angle, radius + outer), _polar((0, 0), angle, radius + inner)[::-1]]
        )


def _polar(centre: tuple[float, float], angle: np.ndarray, radius: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angle), np.sin(angle)], -1) * np.asarray(radius)[..., None] + centre


def _wobble(
    rng: np.random.Generator, angle: np.ndarray, size: float, low: int, high: int
) -> np.ndarray:
    """Random positive factor around 1 that varies smoothly with the angle."""
    waves = np.arange(low, high)
    amplitude = size * rng.normal(size=len(waves)) * low / waves
    phase = rng.uniform(0, 2 * np.pi, len(waves))
    return np.maximum(1 + amplitude @ np.cos(np.outer(waves, angle) + phase[:, None]), 0.2)


def _blob(
    rng: np.random.Generator,
    centre: tuple[float, float],
    semi: tuple[float, float],
    wobble: float = 0.05,
    tilt: float = 0.0,
) -> np.ndarray:
    """An ellipse with a wavy border."""
    angle = np.arange(_POINTS // 2) * (4 * np.pi / _POINTS)
    factor = _wobble(rng, angle, wobble, 2, 7)
    points = np.stack([semi[0] * np.cos(angle) * factor, semi[1] * np.sin(angle) * factor], -1)
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    return points @ turn + centre


def _ribs(rng: np.random.Generator, cage: _Ring) -> list[Region]:
    """Ribs cut obliquely: bright shells with darker marrow, tapering, one end nearer the lung."""
    regions = []
    angle = rng.uniform(0, 0.8)
    end = angle + 2 * np.pi - 0.3
    while angle < end:
        length = rng.uniform(14, 58) / cage.radius.mean()
        middle = angle + length / 2
        if abs((middle % (2 * np.pi)) - np.pi / 2) > 0.3:  # not inside the spine
            along = np.linspace(-1, 1, 25)
            half = rng.uniform(1.8, 4.4) * (1 - np.abs(along) ** rng.uniform(2.0, 4.0)) ** 0.6
            tilt = rng.uniform(-2.5, 2.5)
            away = 5.2 + max(0.0, rng.normal(0, 1.0)) + abs(tilt) * 0.4 + tilt * along
            shell = rng.uniform(0.8, 2.2)
            marrow = np.maximum(half - shell, 0)
            regions.append(
                Region(cage.band(angle, angle + length, away - half, away + half), CORTEX)
            )
            if marrow.max() > 0.5:
                start, stop = angle + 0.05 * length, angle + 0.95 * length
                inner = cage.band(start, stop, away - marrow, away + marrow)
                regions.append(Region(inner, MARROW))
        angle += length + rng.uniform(9, 44) / cage.radius.mean()
    return regions


def _fat_planes(rng: np.random.Generator, cage: _Ring, muscle: float) -> list[Region]:
    """Thin layers of fat between the muscles."""
    regions = []
    for _ in range(rng.integers(5, 16)):
        start, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 1.1)
        depth = 9 + rng.uniform(-0.5, 0.9) * muscle * np.ones(20)
        depth = depth + np.linspace(0, rng.uniform(-4, 4), 20)
        half = rng.uniform(0.3, 1.6) * np.sin(np.linspace(0, np.pi, 20))
        regions.append(Region(cage.band(start, start + length, depth - half, depth + half), FAT))
    return regions


def _shoulder_blade(
    rng: np.random.Generator, cage: _Ring, muscle: float, level: float
) -> list[Region]:
    """Scapulae: thin curved plates of bone behind the upper ribs."""
    regions = []
    for side in (0.18 * np.pi, 0.82 * np.pi):
        if rng.random() > 1.3 - level:
            continue
        start = side + rng.uniform(-0.25, 0.1)
        length = rng.uniform(0.25, 0.7)
        away = 10 + muscle * rng.uniform(0.3, 0.6) + np.linspace(0, rng.uniform(-6, 12), 30)
        away = away + 2 * np.sin(np.linspace(0, rng.uniform(2, 7), 30))
        half = rng.uniform(1.4, 3.5) * (0.5 + np.linspace(0, 1, 30) ** 3 * rng.uniform(0.3, 1.8))
        half = half * (1 - np.linspace(-1, 1, 30) ** 4) ** 0.5
        shell = rng.uniform(0.7, 1.2)
        regions.append(Region(cage.band(start, start + length, away - half, away + half), CORTEX))
        inner = np.maximum(half - shell, 0.05)
        stop = start + 0.97 * length
        marrow = cage.band(start + 0.03 * length, stop, away - inner, away + inner)
        regions.append(Region(marrow, MARROW))
    return regions


def _spine(rng: np.random.Generator, depth: float, inner: bool = False) -> list[Region]:
    """The vertebral body (`inner`), painted over the mediastinum, or the arch behind it."""
    y = depth * 0.80
    if inner:
        semi = rng.uniform(15, 19), rng.uniform(12, 15)
        tilt = rng.uniform(-0.05, 0.05)
        return [
            Region(_blob(rng, (0, y), (semi[0] + 3.5, semi[1] + 2.5), 0.03), ORGAN),
            Region(_blob(rng, (0, y), semi, 0.02, tilt), CORTEX),
            Region(_blob(rng, (0, y), (semi[0] - 0.8, semi[1] - 0.8), 0.02, tilt), MARROW),
            Region(_blob(rng, (0, y + semi[1] + 9), (11, 9), 0.05), CORTEX),
            Region(_blob(rng, (0, y + semi[1] + 8), (9, 7.5), 0.03), ORGAN),
        ]
    back = y + 26
    arch = [
        Region(_blob(rng, (side * 18, back - 8), (14, 4.5), 0.1, -side * 0.35), tissue)
        for side in (-1, 1)
        for tissue in (CORTEX,)
    ]
    arch += [
        Region(_blob(rng, (side * 18, back - 8), (12.5, 3), 0.1, -side * 0.35), MARROW)
        for side in (-1, 1)
    ]
    arch.append(Region(_blob(rng, (0, back + 8), (3.2, 13), 0.05), CORTEX))
    arch.append(Region(_blob(rng, (0, back + 8), (1.8, 11.5), 0.05), MARROW))
    return arch


def _mediastinum(
    rng: np.random.Generator, width: float, depth: float, level: float
) -> list[Region]:
    """What lies between the lungs: fat and soft tissue, heart or great vessels, aorta, airway."""
    half = width * rng.uniform(0.17, 0.26)
    regions = [
        Region(_blob(rng, (0, -0.02 * depth), (half, depth), 0.06), ORGAN),
        Region(_blob(rng, (0, -0.15 * depth), (0.75 * half, 0.8 * depth), 0.12), FAT),
        Region(_blob(rng, (0, -depth - 9), (19, 5.5), 0.08), CORTEX),
        Region(_blob(rng, (0, -depth - 9), (17.8, 4.3), 0.06), MARROW),
    ]
    if level > 0.42:
        semi = width * rng.uniform(0.36, 0.50), depth * rng.uniform(0.40, 0.56)
        heart = (0.17 * width, -0.30 * depth)
        regions.append(Region(_blob(rng, heart, (semi[0] + 3, semi[1] + 3), 0.04, -0.35), FAT))
        regions.append(Region(_blob(rng, heart, (semi[0] + 1, semi[1] + 1), 0.04, -0.35), ORGAN))
        regions.append(
            Region(_blob(rng, heart, (0.8 * semi[0], 0.75 * semi[1]), 0.08, -0.35), BLOOD)
        )
    else:
        for _ in range(rng.integers(3, 6)):
            place = rng.uniform(-0.7, 0.7) * half, rng.uniform(-0.5, 0.1) * depth
            size = rng.uniform(5, 13)
            regions.append(
                Region(_blob(rng, place, (size, size * rng.uniform(0.7, 1)), 0.05), BLOOD)
            )
    for side in (-1, 1):  # vessels at the hila
        for _ in range(rng.integers(1, 4)):
            place = side * half * rng.uniform(0.8, 1.25), rng.uniform(-0.2, 0.35) * depth
            semi = rng.uniform(5, 11), rng.uniform(3.5, 7)
            regions.append(Region(_blob(rng, place, semi, 0.08, rng.uniform(-0.8, 0.8)), BLOOD))
    aorta = rng.uniform(10, 15)
    place = (16 + aorta * 0.6, 0.55 * depth)
    regions.append(Region(_blob(rng, place, (aorta + 1.2, aorta + 1.2), 0.02), ORGAN))
    regions.append(Region(_blob(rng, place, (aorta, aorta), 0.02), BLOOD))
    if level < 0.5:
        regions.append(Region(_blob(rng, (0, 0.25 * depth), (9, 9), 0.05), ORGAN))
        regions.append(Region(_blob(rng, (0, 0.25 * depth), (7.5, 8), 0.04), AIR))
    return regions


def _diaphragm(rng: np.random.Generator, width: float, depth: float, level: float) -> list[Region]:
    """Domes of liver or spleen in the lowest slices."""
    regions = []
    for side in (-1, 1):
        if rng.random() < 3.2 * (level - 0.66):
            size = rng.uniform(0.15, 0.44)
            place = side * 0.52 * width, rng.uniform(-0.25, 0.3) * depth
            semi = size * width * 0.95, size * width * rng.uniform(0.8, 1.2)
            regions.append(Region(_blob(rng, place, semi, 0.07, rng.uniform(-0.5, 0.5)), LIVER))
    return regions
