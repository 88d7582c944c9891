"""Frames of a DICOM file, whatever their order, as grids that know their place.

Parallel frames at equal distances are the slices of one grid. Where a slice has no frame, as a
segmentation leaves out those that are empty, the grid is zero there. Frames that make no such grid
are grids of one slice each.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from casgan_jax.images.geometry import Geometry
from casgan_jax.images.stack import Ranges, Volume

_TOLERANCE = 0.1  # of a pixel, and of the distance of slices
_ALIKE = 1e-3  # difference of directions, and relative one of spacings, that passes for none
_MOST_STEPS = 4096  # slices of a grid; more are a wrong distance


class PlacedFrame(NamedTuple):
    """A frame and where it lies."""

    number: int  # from 0
    geometry: Geometry


def volumes_of(
    frames: Sequence[PlacedFrame], read: Callable[[int], np.ndarray]
) -> tuple[Volume, ...]:
    """The grids that frames make.

    Args:
      frames: of one file.
      read: index of a frame -> (rows, columns).
    """
    groups: list[list[PlacedFrame]] = []
    for frame in frames:
        below = (one for one in groups if _is_upon(frame.geometry, one[0].geometry))
        group = next(below, None)
        if group is None:
            groups.append(group := [])
        group.append(frame)
    return tuple(volume for group in groups for volume in _stacked(group, read))


def positions(frames: Sequence[PlacedFrame]) -> np.ndarray:
    """mm along the normal of the first frame, from it to each."""
    first = frames[0].geometry
    corners = np.array([frame.geometry.origin for frame in frames])
    return (corners - first.origin) @ first.direction[:, 2]


def distance(places: np.ndarray, thickness: float) -> float | None:
    """mm from slice to slice so that all places are whole numbers of it apart; None: there is none.

    Either the thickness or the least distance of two places, but none of several slices: where
    frames are left out, both of these must not be taken for neighbours.
    """
    gaps = np.diff(np.sort(places))
    gaps = gaps[gaps > _TOLERANCE * thickness]
    if not len(gaps):
        return thickness
    for step in (gaps.min(), thickness):
        counts = gaps / step
        close = np.abs(counts - np.round(counts)).max() <= _TOLERANCE
        if step <= (1 + _TOLERANCE) * thickness and close and counts.sum() < _MOST_STEPS:
            return float(step)
    return None


def _is_upon(one: Geometry, other: Geometry) -> bool:
    """Whether two frames are parallel, alike, and one straight above the other."""
    shift = other.direction.T @ (one.origin - other.origin) / other.spacing
    return (
        (one.size, one.frame) == (other.size, other.frame)
        and np.allclose(one.spacing, other.spacing, rtol=_ALIKE)
        and np.allclose(one.direction, other.direction, atol=_ALIKE)
        and bool((np.abs(shift[:2]) <= _TOLERANCE).all())
    )


def _stacked(frames: list[PlacedFrame], read: Callable[[int], np.ndarray]) -> list[Volume]:
    first, places = frames[0].geometry, positions(frames)
    step = distance(places, float(first.spacing[2]))
    if step is None:
        return [_volume(one.geometry, {0: [one.number]}, read) for one in frames]
    slots = np.round((places - places.min()) / step).astype(int)
    indices = defaultdict(list)
    for frame, slot in zip(frames, slots.tolist(), strict=True):
        indices[slot].append(frame.number)
    lowest = frames[int(np.argmin(places))].geometry
    grid = dataclasses.replace(
        lowest,
        size=(*first.size[:2], int(slots.max()) + 1),
        spacing=np.array([*first.spacing[:2], step]),
    )
    return [_volume(grid, indices, read)]


def _volume(
    grid: Geometry, indices: dict[int, list[int]], read: Callable[[int], np.ndarray]
) -> Volume:
    """A grid of frames, (rows, columns) each; of several in one place the greatest counts."""

    def part(ranges: Ranges) -> np.ndarray:
        columns, rows, slots = ranges
        planes: list[np.ndarray | None] = []
        for slot in range(slots.start, slots.stop):
            drawn = [read(index)[rows, columns] for index in indices.get(slot, ())]
            planes.append(np.max(drawn, axis=0) if drawn else None)
        first = next((plane for plane in planes if plane is not None), None)
        dtype = np.dtype(np.uint8) if first is None else first.dtype
        empty = np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype)
        return np.stack([empty if one is None else one for one in planes], axis=-1).swapaxes(0, 1)

    return Volume(grid, part)
