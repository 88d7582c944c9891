"""The chest wall: the rib cage as a ring, ribs, shoulder blades, the spine, fat between muscles."""

from __future__ import annotations

import numpy as np

from datasets.phantom.curves import CORTEX, FAT, MARROW, ORGAN, POINTS, Region, blob, polar, wobble


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
        if waviness:
            outside = outside * wobble(rng, self.angle, 4 * waviness, 1, waves)
        return polar((0, 0), self.angle, self.radius + outside)

    def band(self, start: float, stop: float, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
        """Polygon between two distances from the lungs, for angles from start to stop."""
        angle = np.linspace(start, stop, len(inner))
        radius = np.interp(angle, self.angle, self.radius, period=2 * np.pi)
        return np.concatenate(
            [polar((0, 0), angle, radius + outer), polar((0, 0), angle, radius + inner)[::-1]]
        )


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


def ribs(rng: np.random.Generator, cage: Ring) -> list[Region]:
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


def shoulder_blade(
    rng: np.random.Generator, cage: Ring, muscle: float, level: float
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


def spine(rng: np.random.Generator, depth: float, inner: bool = False) -> list[Region]:
    """The vertebral body (`inner`), painted over the mediastinum, or the arch behind it."""
    y = depth * 0.80
    if inner:
        semi = rng.uniform(15, 19), rng.uniform(12, 15)
        middle = np.array([0, y])
        body = blob(rng, (0, y), semi, 0.03, rng.uniform(-0.05, 0.05))
        # Flat and a little hollow at the back, wider there than in front.
        behind = np.maximum(body[:, 1] - y, 0) / semi[1]
        body[:, 0] *= 1 + 0.25 * behind
        body[:, 1] -= 0.3 * semi[1] * behind**2
        return [
            Region(blob(rng, (0, y), (semi[0] + 3.5, semi[1] + 2.5), 0.03), ORGAN),
            Region(body, CORTEX),
            Region(middle + (body - middle) * rng.uniform(0.92, 0.97), MARROW),
            Region(blob(rng, (0, y + semi[1] + 9), (12.5, 9.5), 0.08), MARROW),
            Region(blob(rng, (0, y + semi[1] + 8.5), (10, 8), 0.06), CORTEX),
            Region(blob(rng, (0, y + semi[1] + 8), (9, 7), 0.06), ORGAN),
        ]
    back = y + 26
    arch = [
        Region(blob(rng, (side * 18, back - 8), (14, 4.5), 0.1, -side * 0.35), tissue)
        for side in (-1, 1)
        for tissue in (CORTEX,)
    ]
    arch += [
        Region(blob(rng, (side * 18, back - 8), (12.5, 3), 0.1, -side * 0.35), MARROW)
        for side in (-1, 1)
    ]
    arch.append(Region(blob(rng, (0, back + 8), (3.2, 13), 0.05), CORTEX))
    arch.append(Region(blob(rng, (0, back + 8), (1.8, 11.5), 0.05), MARROW))
    return arch
