"""Bones of the chest: ribs, shoulder blades, a vertebra with its arch."""

from __future__ import annotations

import numpy as np

from datasets.phantom.chest_wall import Ring
from datasets.phantom.curves import CORTEX, MARROW, ORGAN, Region, blob, strip


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
            half = rng.uniform(1.8, 4.4) * (1 - np.abs(along) ** rng.uniform(2.0, 5.0)) ** 0.6
            half *= (
                1 + rng.uniform(-0.45, 0.45) * along + 0.12 * np.sin(rng.uniform(0, 6) + 5 * along)
            )
            tilt = rng.uniform(-2.5, 2.5)
            away = 5.2 + max(0.0, rng.normal(0, 1.0)) + abs(tilt) * 0.4 + tilt * along
            shell = rng.uniform(0.6, 2.0)
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


def bone(path: np.ndarray, half: np.ndarray, shell: float) -> list[Region]:
    """A bone along a path (n, 2) mm, `half` (n,) mm to each side, with marrow where it has room."""
    regions = [Region(strip(path, half), CORTEX)]
    marrow = np.maximum(half - shell, 0.0)
    if marrow.max() > 0.4:
        regions.append(Region(strip(path[1:-1], marrow[1:-1]), MARROW))
    return regions


def shoulder_blade(
    rng: np.random.Generator, cage: Ring, muscle: float, level: float
) -> list[Region]:
    """Scapulae: thin wavy plates with thick ends behind the upper ribs, and their spines."""
    regions = []
    t = np.linspace(0, 1, 30)
    for side in (0.18 * np.pi, 0.82 * np.pi):
        if rng.random() > 1.3 - level:
            continue
        start, length = side + rng.uniform(-0.25, 0.1), rng.uniform(0.25, 0.7)
        if side > 1.5:
            start -= length - 0.15
        away = 10 + muscle * rng.uniform(0.3, 0.7) + t * rng.uniform(-6, 12)
        away = away + 2.5 * np.sin(t * rng.uniform(2, 9)) + 0.6 * np.sin(t * rng.uniform(10, 25))
        path = cage.along(start + length * t, away)
        half = rng.uniform(0.6, 1.1) + rng.uniform(1, 4) * (2 * t - 1) ** 4
        regions += bone(path, half * _rounded(t), rng.uniform(0.7, 1.1))
        if rng.random() < 0.5:
            foot, turn = path[rng.integers(8, 22)], rng.uniform(-0.7, 0.7)
            outward = np.arctan2(foot[1], foot[0]) + turn + rng.uniform(-0.6, 0.6) * t
            steps = np.stack([np.cos(outward), np.sin(outward)], axis=1)
            limb = foot + np.cumsum(steps, axis=0) * rng.uniform(0.3, 1.2)
            half = rng.uniform(0.7, 1.2) + rng.uniform(0.5, 3) * t**3
            regions += bone(limb, half * _rounded(t), 0.8)
    return regions


def _rounded(t: np.ndarray) -> np.ndarray:
    """1 in the middle of 0 to 1, falling to 0 at both ends."""
    return (1 - (2 * t - 1) ** 8) ** 0.5


def vertebra(rng: np.random.Generator, depth: float) -> list[Region]:
    """Body, canal, and the arch behind it: pedicles, laminae, three processes."""
    middle = np.array([0, 0.80 * depth])
    semi = rng.uniform(15, 19), rng.uniform(12, 15)
    body = blob(rng, tuple(middle), semi, 0.03, rng.uniform(-0.05, 0.05))
    # Flat and a little hollow at the back, wider there than in front.
    behind = np.maximum(body[:, 1] - middle[1], 0) / semi[1]
    body[:, 0] *= 1 + 0.2 * behind
    body[:, 1] -= 0.3 * semi[1] * behind**2
    back = middle[1] + 0.7 * semi[1]
    canal = rng.uniform(8, 10), rng.uniform(7, 9)
    around = blob(rng, (0, middle[1] + 4), (semi[0] + 3.5, semi[1] + 7), 0.04)
    regions = [Region(around, ORGAN), *_arch(rng, back, canal)]
    regions += [
        Region(body, CORTEX),
        Region(middle + (body - middle) * rng.uniform(0.92, 0.97), MARROW),
        Region(blob(rng, (0, back + canal[1]), canal, 0.04), ORGAN),
    ]
    return regions


def _arch(rng: np.random.Generator, back: float, canal: tuple[float, float]) -> list[Region]:
    """The vertebral arch around a canal whose front is at y = `back`; at some levels it is open."""
    joint = np.array([canal[0] + rng.uniform(3, 5), back + rng.uniform(7, 10)])
    top = np.array([0.0, back + 2 * canal[1] + rng.uniform(1, 4)])
    tip = joint + np.array([rng.uniform(10, 20), rng.uniform(2, 11)])
    parts = [  # ends and half widths, mm
        (np.array([canal[0] + 1, back]), joint, rng.uniform(2, 4)),
        (joint, top, rng.uniform(1.8, 3.2)),
        (joint, tip, rng.uniform(3, 5)),
    ]
    chosen = [part for part in parts if rng.random() < 0.8]
    shell, t = rng.uniform(0.6, 1.2), np.linspace(0, 1, 14)
    regions = []
    for sign in (-1, 1):
        for start, stop, half in chosen:
            path = (
                start
                + (stop - start) * t[:, None]
                + rng.normal(0, 1.0, 2) * np.sin(np.pi * t)[:, None]
            )
            width = half * (1 + 0.25 * np.sin(rng.uniform(0, 6) + t * rng.uniform(2, 6)))
            regions += bone(path * (sign, 1), width * _rounded(0.1 + 0.8 * t), shell)
    if rng.random() < 0.75:
        path = top + np.stack([rng.normal(0, 1.5) * t**2, t * rng.uniform(10, 26)], axis=1)
        width = rng.uniform(1.8, 3.2) * (1 + rng.uniform(-0.3, 0.6) * t)
        regions += bone(path, width * _rounded(0.1 + 0.88 * t), shell)
    return regions
