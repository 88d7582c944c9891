"""The slices around one slice that lie one straight above the other at equal distances: a volume.

    run = regular_run(Path("series"), series.places, index, names)
    run.geometry, run.first, run.breaks

A series may lack a slice, or change its distance, far from where one looks: what is regular around
a slice is a volume all the same, and what ends it on either side is known.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images.geometry import Geometry

_TOLERANCE = 0.1  # of the distance of slices
_MOST_SHIFTED = 0.5  # pixels, from the first slice to the last


@dataclasses.dataclass(frozen=True)
class RegularRun:
    """Slices at equal distances.

    Attributes:
      geometry: of their voxels: columns, rows and slices.
      first: index of the first of them among all slices.
      breaks: what ends them before the first and after the last one, "" where the images end.
    """

    geometry: Geometry
    first: int
    breaks: tuple[str, str]

    @property
    def count(self) -> int:
        """How many slices there are."""
        return self.geometry.size[2]


def regular_run(
    path: Path, places: Sequence[Geometry], index: int, names: Sequence[str]
) -> RegularRun:
    """The regular slices around one.

    Args:
      path: of the images, for errors.
      places: of all slices, in the order of their places.
      index: of the slice.
      names: of all slices, for errors.

    Raises:
      UserError: a single slice, or slices that are shifted against each other.
    """
    if len(places) < 2:
        raise UserError(
            path,
            found="1 slice",
            expected="2 or more of a series",
            remedy="name the folder of the series, or label the slice without `volume`",
        )
    across = _across(places[0])
    heights = np.array([place.origin @ across for place in places])
    gaps = np.diff(heights)
    step = _step(gaps, index)
    wrong = np.abs(gaps - step) > _TOLERANCE * step
    first = max((int(k) + 1 for k in np.flatnonzero(wrong) if k < index), default=0)
    last = min((int(k) for k in np.flatnonzero(wrong) if k >= index), default=len(gaps))
    breaks = [
        "" if not 0 <= k < len(gaps) else _told_gap(gaps[k], step, names[k : k + 2])
        for k in (first - 1, last)
    ]
    geometry = _geometry(path, places[first], places[last], last - first + 1)
    return RegularRun(geometry, first, (breaks[0], breaks[1]))


def _across(place: Geometry) -> np.ndarray:
    across = place.direction[:, 2]
    return across * np.sign(across[np.argmax(np.abs(across))])


def _step(gaps: np.ndarray, index: int) -> float:
    """The distance of slices: the median, or the lesser of those beside a slice without it."""
    step = float(np.median(gaps))
    beside = gaps[max(index - 1, 0) : index + 1]
    if (np.abs(beside - step) <= _TOLERANCE * step).any():
        return step
    return float(beside.min())


def _geometry(path: Path, lowest: Geometry, highest: Geometry, count: int) -> Geometry:
    """The grid of slices from the lowest to the highest.

    Raises:
      UserError: they are shifted against each other, as a tilted gantry does.
    """
    line = highest.origin - lowest.origin
    along = lowest.direction.T @ line
    if (np.abs(along[:2]) > _MOST_SHIFTED * lowest.spacing[:2]).any():
        tilt = np.degrees(np.arctan2(np.hypot(*along[:2]), abs(along[2])))
        raise UserError(
            path,
            found=f"slices shifted against each other, as by a gantry tilted by {tilt:.2g} degrees",
            expected="slices straight above each other",
            remedy="resample the series first, or label slices without `volume`",
        )
    columns, rows, _ = lowest.size
    direction = lowest.direction * (1, 1, np.sign(along[2]))
    spacing = np.array([*lowest.spacing[:2], abs(along[2]) / (count - 1)])
    return Geometry((columns, rows, count), lowest.origin, spacing, direction, lowest.frame)


def _told_gap(gap: float, step: float, names: Sequence[str]) -> str:
    return f"{gap:.4g} mm instead of {step:.4g} between {names[0]} and {names[1]}"
