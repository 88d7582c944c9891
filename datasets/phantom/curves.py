"""Closed curves in millimetres, filled with tissues: what a patient's slice is painted from."""

from __future__ import annotations

import dataclasses

import numpy as np

# Tissues, painted as labels.
AIR, SKIN, FAT, MUSCLE, LUNG, ORGAN, BLOOD, CORTEX, MARROW, LIVER = range(10)

POINTS = 180  # of each closed curve


@dataclasses.dataclass(frozen=True)
class Region:
    """A closed polygon (n, 2) in mm, filled with a tissue."""

    polygon: np.ndarray
    tissue: int


def among(labels: np.ndarray, tissues: tuple[int, ...]) -> np.ndarray:
    """Which uint8 labels are one of the tissues, bool."""
    table = np.zeros(256, bool)
    table[list(tissues)] = True
    return table[labels]


def polar(centre: tuple[float, float], angle: np.ndarray, radius: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angle), np.sin(angle)], -1) * np.asarray(radius)[..., None] + centre


def wobble(
    rng: np.random.Generator, angle: np.ndarray, size: float, low: int, high: int
) -> np.ndarray:
    """Random positive factor around 1 that varies smoothly with the angle."""
    waves = np.arange(low, high)
    amplitude = size * rng.normal(size=len(waves)) * low / waves
    phase = rng.uniform(0, 2 * np.pi, len(waves))
    return np.maximum(1 + amplitude @ np.cos(np.outer(waves, angle) + phase[:, None]), 0.2)


def blob(
    rng: np.random.Generator,
    centre: tuple[float, float],
    semi: tuple[float, float],
    waviness: float = 0.05,
    tilt: float = 0.0,
) -> np.ndarray:
    """An ellipse with a wavy border."""
    angle = np.arange(POINTS // 2) * (4 * np.pi / POINTS)
    factor = wobble(rng, angle, waviness, 2, 7)
    points = np.stack([semi[0] * np.cos(angle) * factor, semi[1] * np.sin(angle) * factor], -1)
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    return points @ turn + centre


def strip(path: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Polygon of the points at most `half` (n,) mm beside a path (n, 2)."""
    along = np.gradient(path, axis=0)
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
    beside = np.stack([-along[:, 1], along[:, 0]], axis=1) * np.asarray(half)[:, None]
    return np.concatenate([path + beside, (path - beside)[::-1]])
