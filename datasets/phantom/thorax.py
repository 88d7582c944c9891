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

from datasets.phantom.chest_wall import Ring, clothes, fat_planes, thick_pleura
from datasets.phantom.curves import (
    AIR,
    BLOOD,
    CORTEX,
    FAT,
    LIVER,
    LUNG,
    MARROW,
    MUSCLE,
    ORGAN,
    SKIN,
    Region,
    blob,
)
from datasets.phantom.skeleton import ribs, shoulder_blade, vertebra

_SHIFT = 4  # fractional bits of polygon corners


@dataclasses.dataclass(frozen=True)
class Thorax:
    """A patient's slice.

    Attributes:
      regions: painted in order.
      width, depth: semi-axes of the inside of the rib cage, mm.
      body: semi-axis of the whole body from side to side, mm.
      enhanced: whether the patient got contrast agent.
      hilum: (x, y, z) where the vessels enter the right and the left lung, mm; z upwards from the
        slice.
    """

    regions: tuple[Region, ...]
    width: float
    depth: float
    body: float
    enhanced: bool
    hilum: tuple[tuple[float, float, float], tuple[float, float, float]]


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
    cage = Ring(rng, width, depth)
    muscle = rng.uniform(7, 16) + 14 * max(0.0, 0.35 - level)
    fat = rng.choice([rng.uniform(3, 12), rng.uniform(10, 34)])
    regions = [
        *clothes(rng, cage, 11 + muscle + fat),
        Region(cage.curve(9 + muscle + fat + 2, 0.06, rng), SKIN),
        Region(cage.curve(9 + muscle + fat, 0.06, rng), FAT),
        Region(cage.curve(9 + muscle, 0.08, rng, waves=14), MUSCLE),
        *fat_planes(rng, cage, muscle),
        *shoulder_blade(rng, cage, muscle, level),
        *ribs(rng, cage),
        Region(cage.curve(0.0, 0.0, rng), LUNG),
        *thick_pleura(rng, cage),
    ]
    enhanced = bool(rng.random() < 0.45)
    regions += _mediastinum(rng, width, depth, level)
    regions += _diaphragm(rng, width, depth, level)
    regions += vertebra(rng, depth)
    return Thorax(
        tuple(regions),
        width,
        depth,
        width + 11 + muscle + fat,
        enhanced,
        (_hilum(rng, -width, level), _hilum(rng, width, level)),
    )


def _hilum(rng: np.random.Generator, half_width: float, level: float) -> tuple[float, float, float]:
    """Where a lung's vessels come from; half_width is negative on the right."""
    x = 0.25 * half_width + 4 * np.sign(half_width)
    height = np.clip(200 * (level - 0.45) + rng.normal(0, 8), -40, 40)
    return float(x), float(rng.uniform(-5, 15)), float(height)


def _mediastinum(
    rng: np.random.Generator, width: float, depth: float, level: float
) -> list[Region]:
    """What lies between the lungs: fat and soft tissue, heart or great vessels, aorta, airway."""
    half = width * rng.uniform(0.17, 0.26)
    regions = [
        Region(blob(rng, (0, -0.02 * depth), (half, depth), 0.06), ORGAN),
        *_mediastinal_fat(rng, half, depth),
        Region(blob(rng, (0, -depth - 9), (19, 5.5), 0.08), CORTEX),
        Region(blob(rng, (0, -depth - 9), (17.8, 4.3), 0.06), MARROW),
    ]
    if level > 0.42:
        semi = width * rng.uniform(0.36, 0.50), depth * rng.uniform(0.40, 0.56)
        heart = (0.17 * width, -0.30 * depth)
        regions.append(Region(blob(rng, heart, (semi[0] + 3, semi[1] + 3), 0.04, -0.35), FAT))
        regions.append(Region(blob(rng, heart, (semi[0] + 1, semi[1] + 1), 0.04, -0.35), ORGAN))
        regions.append(
            Region(blob(rng, heart, (0.8 * semi[0], 0.75 * semi[1]), 0.08, -0.35), BLOOD)
        )
    else:
        for _ in range(rng.integers(3, 6)):
            place = rng.uniform(-0.7, 0.7) * half, rng.uniform(-0.5, 0.1) * depth
            size = rng.uniform(5, 13)
            regions.append(
                Region(blob(rng, place, (size, size * rng.uniform(0.7, 1)), 0.05), BLOOD)
            )
    for side in (-1, 1):  # vessels at the hila
        for _ in range(rng.integers(0, 3)):
            place = side * half * rng.uniform(0.7, 1.0), rng.uniform(-0.1, 0.3) * depth
            semi = rng.uniform(5, 11), rng.uniform(4, 8)
            regions.append(Region(blob(rng, place, semi, 0.08, rng.uniform(-0.8, 0.8)), BLOOD))
    aorta = rng.uniform(10, 15)
    place = (16 + aorta * 0.6, 0.55 * depth)
    regions.append(Region(blob(rng, place, (aorta + 1.2, aorta + 1.2), 0.02), ORGAN))
    regions.append(Region(blob(rng, place, (aorta, aorta), 0.02), BLOOD))
    if level < 0.5:
        regions.append(Region(blob(rng, (0, 0.25 * depth), (9, 9), 0.05), ORGAN))
        regions.append(Region(blob(rng, (0, 0.25 * depth), (7.5, 8), 0.04), AIR))
    return regions


def _mediastinal_fat(rng: np.random.Generator, half: float, depth: float) -> list[Region]:
    """Patches of fat, and nodes and vessels in them, between the organs."""
    regions = []
    for tissue, count, size in ((FAT, 9, 0.5), (ORGAN, 7, 0.22)):
        for _ in range(count):
            place = rng.uniform(-0.75, 0.75) * half, rng.uniform(-0.85, 0.6) * depth
            semi = half * size * rng.uniform(0.3, 1.0), half * size * rng.uniform(0.3, 1.0)
            regions.append(Region(blob(rng, place, semi, 0.2, rng.uniform(0, np.pi)), tissue))
    return regions


def _diaphragm(rng: np.random.Generator, width: float, depth: float, level: float) -> list[Region]:
    """Domes of liver or spleen in the lowest slices."""
    regions = []
    for side in (-1, 1):
        if rng.random() < 3.2 * (level - 0.66):
            size = rng.uniform(0.15, 0.44)
            place = side * 0.52 * width, rng.uniform(-0.25, 0.3) * depth
            semi = size * width * 0.95, size * width * rng.uniform(0.8, 1.2)
            regions.append(Region(blob(rng, place, semi, 0.07, rng.uniform(-0.5, 0.5)), LIVER))
    return regions
