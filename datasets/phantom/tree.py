"""A vessel tree that fills a lung, grown in space from the hilum.

Seeds are spread over the lung; a branch runs part of the way to the middle of the seeds it
serves, a plane through that middle divides them between its two children, and so on until each
has one seed (volume-dividing growth, Tawhai et al., Annals of Biomedical Engineering 2000). Each
plane is about perpendicular to the one before, as real branching planes are. A branch is as wide
as the volume that it serves demands (Murray's law with the exponent of lungs).
"""

from __future__ import annotations

import dataclasses

import numpy as np

_MURRAY = 3.0
_THINNEST_MM = 0.18  # what is thinner does not show
_LUNG_CM3, _TRUNK_MM = 3000.0, 4.1  # a whole lung and the radius of the artery that serves it
_BOW = 0.035  # of a branch's length, standard deviation
_INERTIA = 0.65  # weight of the parent's direction beside that of the seeds
_MOST_GENERATIONS = 30


@dataclasses.dataclass(frozen=True)
class Branches:
    """Branches in space, mm, from the trunk outwards.

    Attributes:
      start, stop: (n, 3) ends.
      heading: (n, 3) unit vector, the direction in which the parent ended.
      bow: (n, 3) how far the middle of the path is pushed aside.
      radius: (n,) at the start.
      last: (n,) bool, whether it has no children.
    """

    start: np.ndarray
    stop: np.ndarray
    heading: np.ndarray
    bow: np.ndarray
    radius: np.ndarray
    last: np.ndarray

    def where(self, chosen: np.ndarray) -> Branches:
        """Those that are chosen, (n,) bool."""
        return Branches(*(getattr(self, f.name)[chosen] for f in dataclasses.fields(self)))

    def curves(self, points: int) -> np.ndarray:
        """(n, points, 3) smooth paths that leave as the parent ended and end straight."""
        chord = self.stop - self.start
        length = np.linalg.norm(chord, axis=1, keepdims=True)
        # Quadratic Bezier: most of the turn is made early, as at real forks.
        control = self.start + length * (0.12 * self.heading) + 0.38 * chord + 2 * self.bow
        t = np.linspace(0, 1, points)[None, :, None]
        return (
            (1 - t) ** 2 * self.start[:, None]
            + 2 * t * (1 - t) * control[:, None]
            + t**2 * self.stop[:, None]
        )


def grow(
    rng: np.random.Generator,
    root: np.ndarray,
    heading: np.ndarray,
    seeds: np.ndarray,
    volume: np.ndarray,
) -> Branches:
    """Grows a tree to all seeds.

    Args:
      rng: source of randomness.
      root: (3,) where the trunk starts, mm.
      heading: (3,) unit vector in which it starts.
      seeds: (n, 3) mm, at least one.
      volume: (n,) of lung that each seed stands for, cm^3.
    """
    node = np.zeros(len(seeds), int)  # the branch that serves each seed
    start, heading = root[None], heading[None]
    across = _unit(np.cross(heading, rng.normal(size=(1, 3))))
    grown = []
    for _ in range(_MOST_GENERATIONS):
        if not len(seeds):
            break
        served = np.bincount(node, weights=volume)
        weighted = [np.bincount(node, weights=volume * seeds[:, k]) for k in range(3)]
        middle = np.stack(weighted, axis=1) / served[:, None]
        last = np.bincount(node) == 1
        reach = np.where(last, 0.95, rng.uniform(0.3, 0.55, len(start)))
        direction = _unit(middle - start)
        # No sharp bends: a branch keeps something of the direction it comes from.
        bent = _unit(direction + _INERTIA * heading)
        distance = np.linalg.norm(middle - start, axis=1)
        stop = start + (reach * distance)[:, None] * bent
        radius = np.hypot(_TRUNK_MM * (served / _LUNG_CM3) ** (1 / _MURRAY), _THINNEST_MM)
        bow = _BOW * (reach * distance)[:, None] * rng.normal(size=start.shape)
        grown.append((start, stop, heading, bow, radius, last))
        across = _unit(np.cross(direction, across) + rng.normal(0, 0.35, direction.shape))
        side = np.einsum("ij,ij->i", seeds - middle[node], across[node]) > 0
        more = ~last[node]
        child, node = np.unique((2 * node + side)[more], return_inverse=True)
        seeds, volume, parent = seeds[more], volume[more], child // 2
        start, heading, across = stop[parent], bent[parent], across[parent]
    return Branches(*(np.concatenate(parts) for parts in zip(*grown, strict=True)))


def twigs(rng: np.random.Generator, branches: Branches, spacing_mm: float) -> Branches:
    """Thin side branches that leave `branches` at random places, on average `spacing_mm` apart."""
    length = np.linalg.norm(branches.stop - branches.start, axis=1)
    parent = np.repeat(np.arange(len(length)), rng.poisson(length / spacing_mm))
    path = branches.curves(8)[parent]
    count = len(parent)
    at = rng.integers(0, 7, count)
    start = path[np.arange(count), at]
    along = _unit(path[np.arange(count), at + 1] - start)
    away = _unit(along + rng.uniform(0.6, 1.6, (count, 1)) * _unit(rng.normal(size=(count, 3))))
    radius = branches.radius[parent] * rng.uniform(0.25, 0.55, count)
    reach = radius * rng.uniform(12, 35, count)
    stop = start + reach[:, None] * away
    bow = 2 * _BOW * reach[:, None] * rng.normal(size=(count, 3))
    return Branches(start, stop, along, bow, radius, np.ones(count, bool))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
