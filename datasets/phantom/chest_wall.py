"""The chest wall but its bones: the rib cage as a ring, fat between muscles, pleura, clothes."""

from __future__ import annotations

import numpy as np

from datasets.phantom.curves import FAT, ORGAN, POINTS, Region, polar, wobble


class Ring:
    """The inside of the rib cage and the curves around it."""

    def __init__(self, rng: np.random.Generator, width: float, depth: float):
        self.angle = np.arange(POINTS) * (2 * np.pi / POINTS)
        power = rng.uniform(2.1, 2.6)
        norm = np.abs(np.cos(self.angle) / width) ** power
        norm += np.abs(np.sin(self.angle) / depth) ** power
        self.radius = norm ** (-1 / power) * wobble(rng, self.angle, 0.02, 2, 7)
        # The spine bulges into the back of the chest.
        self.radius -= rng.uniform(6, 14) * np.exp(-(((self.angle - np.pi / 2) / 0.22) ** 2))

    def curve(
        self, outside: float, waviness: float, rng: np.random.Generator, waves: int = 5
    ) -> np.ndarray:
        """The closed curve `outside` mm around the lungs, its distance varying by `waviness`."""
        distance = np.full(len(self.angle), outside)
        if waviness:
            distance *= wobble(rng, self.angle, 4 * waviness, 1, waves)
        return polar((0, 0), self.angle, self.radius + distance)

    def along(self, angle: np.ndarray, away: np.ndarray) -> np.ndarray:
        """(n, 2) mm: points `away` (n,) mm outside the lungs in the directions `angle` (n,)."""
        radius = np.interp(angle, self.angle, self.radius, period=2 * np.pi)
        return polar((0, 0), angle, radius + away)

    def band(self, start: float, stop: float, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
        """Polygon between two distances from the lungs, for angles from start to stop."""
        angle = np.linspace(start, stop, len(inner))
        return np.concatenate([self.along(angle, outer), self.along(angle, inner)[::-1]])


def clothes(rng: np.random.Generator, cage: Ring, skin: float) -> list[Region]:
    """Sheets outside the body: clothes, the table's cover; `skin` mm around the lungs."""
    regions = []
    for _ in range(rng.integers(0, 4)):
        start, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 1.8)
        away = skin + rng.uniform(0, 8) + np.linspace(0, rng.uniform(-3, 6), 30)
        half = rng.uniform(0.2, 0.6)
        regions.append(Region(cage.band(start, start + length, away - half, away + half), FAT))
    return regions


def thick_pleura(rng: np.random.Generator, cage: Ring) -> list[Region]:
    """Lenses of tissue or fluid inside the rib cage: plaques, seldom an effusion at the back."""
    lenses = [
        (rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.5), rng.uniform(0.5, 3.0))
        for _ in range(rng.poisson(4))
    ]
    if rng.random() < 0.08:
        side = rng.choice([0.3, 0.7]) * np.pi
        lenses.append((side - 0.4, rng.uniform(0.5, 0.9), rng.uniform(6, 22)))
    outer = np.full(30, 1.0)
    regions = []
    for start, length, height in lenses:
        inner = -height * np.sin(np.linspace(0, np.pi, 30)) ** rng.uniform(0.5, 1.5)
        regions.append(Region(cage.band(start, start + length, inner, outer), ORGAN))
    return regions


def fat_planes(rng: np.random.Generator, cage: Ring, muscle: float) -> list[Region]:
    """Thin layers of fat between the muscles."""
    regions = []
    for _ in range(rng.integers(5, 16)):
        start, length = rng.uniform(0, 2 * np.pi), rng.uniform(0.15, 1.1)
        depth = 9 + rng.uniform(-0.5, 0.9) * muscle * np.ones(20)
        depth = depth + np.linspace(0, rng.uniform(-4, 4), 20)
        half = rng.uniform(0.3, 1.6) * np.sin(np.linspace(0, np.pi, 20))
        regions.append(Region(cage.band(start, start + length, depth - half, depth + half), FAT))
    return regions
