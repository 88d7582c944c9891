"""Axial slices of a volume, whatever way its voxels are stored.

Slices count from inferior to superior; within a slice, rows run from anterior to posterior and
columns from the patient's right to the left, as a radiologist sees an axial slice and as most
scanners write it to DICOM. The voxel axes nearest to these directions are used; nothing is
interpolated. A mask volume on the grid of an image volume is cut in the same way.

A volume of a single plane that is not axial is that plane, as it is usually shown: a sagittal one
with columns from anterior to posterior, a coronal one from right to left, and rows of both from
superior to inferior.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images.checks import import_extra
from casgan_jax.images.geometry import Geometry

_RIGHT, _ANTERIOR, _SUPERIOR = 0, 1, 2  # where NIfTI's axes point to
_COLUMNS, _ROWS, _SLICES = 0, 1, 2
_DIRECTION = {_COLUMNS: -1, _ROWS: -1, _SLICES: 1}
# Columns, rows and slices of planes across each axis.
_PLANES = {
    _RIGHT: (_ANTERIOR, _SUPERIOR, _RIGHT),
    _ANTERIOR: (_RIGHT, _SUPERIOR, _ANTERIOR),
    _SUPERIOR: (_RIGHT, _ANTERIOR, _SUPERIOR),
}


@dataclasses.dataclass(frozen=True)
class AxialView:
    """How the three voxel axes become slices, rows and columns.

    Attributes:
      shape: of the voxel array.
      axes: voxel axis of columns, rows and slices.
      backward: whether each of them runs against its voxel axis.
    """

    shape: tuple[int, int, int]
    axes: tuple[int, int, int]
    backward: tuple[bool, bool, bool]

    @property
    def count(self) -> int:
        """How many slices there are."""
        return self.shape[self.axes[_SLICES]]

    def in_plane(self, spacing: Sequence[float]) -> tuple[float, float]:
        """(row, column) spacing, given that of every voxel axis."""
        return float(spacing[self.axes[_ROWS]]), float(spacing[self.axes[_COLUMNS]])

    def selection(self, index: int) -> list[slice]:
        """Where in the voxel array a slice lies: three ranges, one of them a single voxel."""
        if self.backward[_SLICES]:
            index = self.count - 1 - index
        ranges = [slice(0, size) for size in self.shape]
        ranges[self.axes[_SLICES]] = slice(index, index + 1)
        return ranges

    def geometry(self, volume: Geometry, index: int) -> Geometry:
        """Where a slice of a volume lies that lies there."""
        ranges = self.selection(index)
        start = [one.stop - 1 if back else one.start for one, back in self._ways(ranges)]
        steps = np.zeros((3, 3))
        for axis, (voxel_axis, back) in enumerate(zip(self.axes, self.backward, strict=True)):
            steps[voxel_axis, axis] = -1 if back else 1
        columns, rows = (self.shape[self.axes[axis]] for axis in (_COLUMNS, _ROWS))
        return volume.part(np.array(start), steps, (columns, rows, 1))

    def _ways(self, ranges: list[slice]) -> list[tuple[slice, bool]]:
        """The range along every voxel axis, and whether slices run against it."""
        backward = dict(zip(self.axes, self.backward, strict=True))
        return [(one, backward[axis]) for axis, one in enumerate(ranges)]

    def plane(self, voxels: np.ndarray) -> np.ndarray:
        """The selected voxels, a 3-D array one voxel thick, as (row, column)."""
        plane = voxels.transpose(self.axes[_ROWS], self.axes[_COLUMNS], self.axes[_SLICES])[..., 0]
        steps = [-1 if self.backward[axis] else 1 for axis in (_ROWS, _COLUMNS)]
        return plane[:: steps[0], :: steps[1]]


def axial_view(path: Path, shape: tuple[int, int, int], affine: np.ndarray) -> AxialView:
    """The axial slices of a volume.

    Args:
      path: of the file, for errors.
      shape: of the voxel array.
      affine: (4, 4), voxel indices -> mm to the right, to anterior and to superior (NIfTI's axes);
        the lengths of the steps do not matter.

    Raises:
      UserError: the affine is not one of a volume, or the volume is a single line.
    """
    orientations = import_extra("nibabel", path, "a volume").orientations
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    if not (np.isfinite(affine).all() and (sizes > 0).all()):
        raise _no_grid(path, affine)
    found = orientations.io_orientation(affine)  # (3, 2): nearest of x, y, z and its sign
    if not np.isfinite(found).all():
        raise _no_grid(path, affine)
    nearest = [int(np.flatnonzero(found[:, 0] == axis)[0]) for axis in range(3)]
    thin = [axis for axis in (_RIGHT, _ANTERIOR) if shape[nearest[axis]] == 1]
    across = thin[0] if thin and shape[nearest[_SUPERIOR]] > 1 else _SUPERIOR
    x, y, z = (nearest[axis] for axis in _PLANES[across])
    axes = x, y, z
    left, back, down = (bool(found[axes[axis], 1] != _DIRECTION[axis]) for axis in range(3))
    if 1 in (shape[axes[_ROWS]], shape[axes[_COLUMNS]]):
        raise UserError(
            path,
            found=f"a volume of {shape[axes[_ROWS]]}x{shape[axes[_COLUMNS]]} voxels in its planes",
            expected="planes of several rows and columns",
            remedy="save the plane as PNG, TIFF or NPY",
        )
    return AxialView(shape, axes, (left, back, down))


def _no_grid(path: Path, affine: np.ndarray) -> UserError:
    rows = ", ".join(str(row) for row in np.round(affine[:3, :3].astype(float), 4).tolist())
    return UserError(
        path,
        found=f"voxel axes {rows}",
        expected="three directions of positive length",
        remedy="correct the header",
    )
