"""The part of a volume that lies where a slice of another file lies.

    placed = place(volumes, scan.geometry)
    placed.values  # as large as the slice, pixel upon pixel

Files are joined by position only, whatever the order and direction of their axes. On the slice's
own grid pixels are taken as they are; on another one the nearest counts, or for soft masks the
linear mean of those around. Outside of the volume there are zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images.geometry import Geometry
from casgan_jax.images.stack import Volume

# Of a pixel: two files of one grid differ by the digits that their formats keep.
_TOLERANCE = 0.1
_REACH = 0.5  # pixels around the centre of an outermost one that are still in the volume
# A single slice says nothing of its neighbours, and its thickness may be more than their distance.
_REACH_OF_ONE = 0.25


class Placed(NamedTuple):
    """Pixels of a volume upon those of a slice.

    Attributes:
      values: (rows, columns).
      geometry: of the volume.
      exact: whether both are on one grid, else the values were interpolated.
      whole: whether the slice lies within the volume, or parts of it outside.
    """

    values: np.ndarray
    geometry: Geometry
    exact: bool
    whole: bool


def place(
    path: Path, volumes: Sequence[Volume], target: Geometry, *, linear: bool = False
) -> Placed | None:
    """The pixels of those volumes at a slice: of the one that fits best.

    Args:
      path: of the volumes, for errors.
      volumes: one or more.
      target: of the slice.
      linear: interpolate between pixels instead of taking the nearest.

    Returns:
      None where no volume reaches the slice.

    Raises:
      UserError: all volumes are in another frame of reference.
    """
    same = [one for one in volumes if _one_frame(one.geometry, target)]
    if not same:
        raise UserError(
            path,
            found=f"{volumes[0].geometry}",
            expected=f"the image's frame of reference: {target}",
            remedy="use a mask that was drawn on this image, or register it first",
        )
    found = [placed for one in same if (placed := _place_one(one, target, linear)) is not None]
    return max(found, key=lambda placed: (placed.exact, placed.whole), default=None)


def _one_frame(one: Geometry, other: Geometry) -> bool:
    return None in (one.frame, other.frame) or one.frame == other.frame


def _place_one(volume: Volume, target: Geometry, linear: bool) -> Placed | None:
    indices = np.linalg.inv(volume.geometry.affine) @ target.affine
    taken = _taken(volume, target, indices)
    return _interpolated(volume, target, indices, linear) if taken is None else taken


def _taken(volume: Volume, target: Geometry, indices: np.ndarray) -> Placed | None:
    """The pixels themselves, if they are centred where the slice's are."""
    lattice = _lattice(target, indices)
    if lattice is None:
        return None
    start, axes, steps = lattice
    across = 3 - sum(axes)
    if not 0 <= start[across] < volume.geometry.size[across]:
        return None
    ranges = [slice(start[across], start[across] + 1)] * 3
    inside = []
    for axis, step, count in zip(axes, steps, target.size[:2], strict=True):
        reached = start[axis] + step * np.arange(count)
        within = np.flatnonzero((reached >= 0) & (reached < volume.geometry.size[axis]))
        if not len(within):
            return None
        low, high = sorted((int(reached[within[0]]), int(reached[within[-1]])))
        ranges[axis] = slice(low, high + 1)
        inside.append(slice(within[0], within[-1] + 1))
    first, second, third = ranges
    pixels = volume.read((first, second, third)).transpose(axes[1], axes[0], across)[..., 0]
    values = np.zeros(target.size[1::-1], pixels.dtype)
    values[inside[1], inside[0]] = pixels[:: steps[1], :: steps[0]]
    return Placed(values, volume.geometry, True, pixels.shape == values.shape)


def _lattice(
    target: Geometry, indices: np.ndarray
) -> tuple[list[int], tuple[int, int], tuple[int, int]] | None:
    """How a slice lies on the pixels of a volume; None: between them.

    Returns:
      Indices of the slice's first pixel, the volume's axes of columns and rows, and the way, 1 or
      -1, that these run.
    """
    columns, rows, _ = target.size
    start = np.round(indices[:3, 3:]).astype(int)
    steps = np.round(indices[:3, :2]).astype(int)
    along = np.abs(steps)
    if (along.sum(axis=0) != 1).any() or (along.sum(axis=1) > 1).any():
        return None
    corners = np.array([[0, columns - 1, 0, columns - 1], [0, 0, rows - 1, rows - 1]])
    off = (indices[:3, :2] - steps) @ corners + indices[:3, 3:] - start
    if np.abs(off).max() > _TOLERANCE:
        return None
    axes = int(np.argmax(along[:, 0])), int(np.argmax(along[:, 1]))
    return start[:, 0].tolist(), axes, (int(steps[axes[0], 0]), int(steps[axes[1], 1]))


def _interpolated(
    volume: Volume, target: Geometry, indices: np.ndarray, linear: bool
) -> Placed | None:
    from scipy import ndimage  # heavy, and asked for where grids differ alone

    columns, rows, _ = target.size
    row, column = np.mgrid[:rows, :columns].reshape(2, -1)
    reached = indices[:3, :2] @ (column, row) + indices[:3, 3:]
    size = np.array(volume.geometry.size)[:, None]
    reach = np.where(size == 1, _REACH_OF_ONE, _REACH)
    inside = ((reached >= -reach) & (reached <= size - 1 + reach)).all(axis=0)
    if not inside.any():
        return None
    reached = np.clip(reached[:, inside], 0, size - 1)
    low, high = np.floor(reached.min(axis=1)).astype(int), np.ceil(reached.max(axis=1)).astype(int)
    first, second, third = (slice(int(a), int(b) + 1) for a, b in zip(low, high, strict=True))
    pixels = volume.read((first, second, third))
    values = np.zeros(rows * columns, pixels.dtype)
    values[inside] = ndimage.map_coordinates(
        pixels, reached - low[:, None], order=1 if linear else 0, mode="nearest"
    )
    return Placed(values.reshape(rows, columns), volume.geometry, False, bool(inside.all()))
