"""The slices around one slice that lie one above the other at equal distances: a volume.

    run = regular_run(Path("series"), series.places, index, names)
    run.geometry, run.first, run.breaks

A series may lack a slice, or change its distance, far from where one looks: what is regular around
a slice is a volume all the same, and what ends it on either side is known.

A gantry that is tilted shifts each slice against the one before by the same distance: the grid is
then oblique, its third axis is not across its slices. A voxel's volume is its area in the slice
times the distance of the planes, `RegularRun.step_mm`, not that of the slices' corners.
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
      geometry: of their voxels: columns, rows and slices; of a tilted gantry its third axis goes
        from corner to corner.
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

    @property
    def step_mm(self) -> float:
        """From the plane of a slice to that of the next, along their normal."""
        geometry = self.geometry
        return float(geometry.spacing[2] * abs(geometry.direction[:, 2] @ _normal(geometry)))

    @property
    def shift(self) -> np.ndarray:
        """(2,) columns and rows by which the same place lies elsewhere in the next slice; 0 where
        slices lie straight above each other."""
        geometry = self.geometry
        along = geometry.direction[:, :2].T @ geometry.direction[:, 2]
        shift: np.ndarray = -geometry.spacing[2] * along / geometry.spacing[:2]
        return shift


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
      UserError: a single slice, or slices that are shifted against each other unevenly.
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
    geometry = _geometry(path, places[first : last + 1])
    return RegularRun(geometry, first, (breaks[0], breaks[1]))


def _normal(place: Geometry) -> np.ndarray:
    """(3,) of length 1, across columns and rows; the third axis of a sheared grid is not."""
    across = np.cross(place.direction[:, 0], place.direction[:, 1])
    normal: np.ndarray = across / np.linalg.norm(across)
    return normal


def _across(place: Geometry) -> np.ndarray:
    across = _normal(place)
    return across * np.sign(across[np.argmax(np.abs(across))])


def _step(gaps: np.ndarray, index: int) -> float:
    """The distance of slices: the median, or the lesser of those beside a slice without it."""
    step = float(np.median(gaps))
    beside = gaps[max(index - 1, 0) : index + 1]
    if (np.abs(beside - step) <= _TOLERANCE * step).any():
        return step
    return float(beside.min())


def _geometry(path: Path, places: Sequence[Geometry]) -> Geometry:
    """The grid of slices, from the lowest to the highest.

    Raises:
      UserError: they are shifted against each other, and not each by as much as the others.
    """
    lowest, highest, count = places[0], places[-1], len(places)
    line = highest.origin - lowest.origin
    share = np.linspace(0, 1, count)[:, None]
    away = np.array([place.origin - lowest.origin for place in places]) - share * line
    uneven = np.abs(away @ lowest.direction[:, :2]) > _MOST_SHIFTED * lowest.spacing[:2]
    if uneven.any():
        worst = float(np.abs(away @ lowest.direction[:, :2]).max())
        raise UserError(
            path,
            found=f"slices shifted against each other unevenly, by up to {worst:.2g} mm",
            expected="slices straight above each other, or each shifted as much as the others",
            remedy="resample the series first, or label slices without `volume`",
        )
    columns, rows, _ = lowest.size
    normal = _normal(lowest)
    height = float(line @ normal)
    shifted = np.abs(lowest.direction[:, :2].T @ line) > _MOST_SHIFTED * lowest.spacing[:2]
    axis = line if shifted.any() else height * normal
    length = float(np.linalg.norm(axis))
    direction = np.column_stack([lowest.direction[:, :2], axis / length])
    spacing = np.array([*lowest.spacing[:2], length / (count - 1)])
    return Geometry((columns, rows, count), lowest.origin, spacing, direction, lowest.frame)


def _told_gap(gap: float, step: float, names: Sequence[str]) -> str:
    return f"{gap:.4g} mm instead of {step:.4g} between {names[0]} and {names[1]}"
