"""Where the pixels of a slice or a volume lie in the patient.

    geometry = read_scan("slice.dcm").geometry
    geometry.affine @ (column, row, 0, 1)  # mm to the left, to posterior and to superior, and 1

Positions are DICOM's and ITK's: x to the patient's left, y to posterior, z to superior (LPS), in
mm. NIfTI's, to the right and to anterior, are turned round where they are read and written.
"""

from __future__ import annotations

import dataclasses
from typing import Self

import numpy as np

from casgan_jax.images.checks import shown

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_LETTERS = ("RL", "AP", "IS")  # where each axis of LPS comes from and goes to


@dataclasses.dataclass(frozen=True, eq=False)
class Geometry:
    """A grid of pixels in the patient: columns, rows and slices, or the three axes of voxels.

    Attributes:
      size: number of pixels along each axis; a slice has (columns, rows, 1).
      origin: (3,) mm, centre of the first pixel.
      spacing: (3,) mm from one pixel to the next along each axis; of a slice, the last is how
        thick it is.
      direction: (3, 3), its columns are the directions of the axes, of length 1.
      frame: UID of DICOM's frame of reference; None where the file does not say.
    """

    size: tuple[int, int, int]
    origin: np.ndarray
    spacing: np.ndarray
    direction: np.ndarray
    frame: str | None = None

    @classmethod
    def from_affine(
        cls, size: tuple[int, int, int], affine: np.ndarray, frame: str | None = None
    ) -> Self:
        """The grid whose pixel (i, j, k) is centred at `affine @ (i, j, k, 1)`, LPS."""
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        columns, rows, slices = map(int, size)
        return cls((columns, rows, slices), affine[:3, 3], spacing, affine[:3, :3] / spacing, frame)

    @property
    def affine(self) -> np.ndarray:
        """(4, 4), indices of a pixel along the axes and 1 -> mm, LPS, and 1."""
        found = np.eye(4)
        found[:3, :3] = self.direction * self.spacing
        found[:3, 3] = self.origin
        return found

    @property
    def is_rectangular(self) -> bool:
        """Whether the axes are across each other; a tilted gantry's slices are sheared."""
        return bool(np.allclose(self.direction.T @ self.direction, np.eye(3), atol=1e-4))

    def part(self, start: np.ndarray, steps: np.ndarray, size: tuple[int, int, int]) -> Self:
        """A grid of some of the pixels.

        Args:
          start: (3,) indices of its first pixel.
          steps: (3, 3), its columns are the indices to go on by along each of its axes.
          size: of it.
        """
        inner = np.eye(4)
        inner[:3, :3], inner[:3, 3] = steps, start
        return self.from_affine(size, self.affine @ inner, self.frame)

    def finer(self, scale: int) -> Self:
        """The grid with `scale` x `scale` pixels in the place of each, slices as they are."""
        steps = np.diag([1 / scale, 1 / scale, 1.0])
        start = np.array([1 - scale, 1 - scale, 0]) / (2 * scale)
        columns, rows, slices = self.size
        return self.part(start, steps, (scale * columns, scale * rows, slices))

    def __str__(self) -> str:
        sides = " x ".join(f"{side:.4g}" for side in self.spacing)
        towards = "".join(_letter(axis) for axis in self.direction.T)
        corner = ", ".join(f"{x:.5g}" for x in np.round(self.origin, 3) + 0.0)
        frame = f", frame of reference {shown(self.frame)[1:-1]}" if self.frame else ""
        size = " x ".join(map(str, self.size))
        return f"{size} pixels of {sides} mm from ({corner}) towards {towards}{frame}"


def _letter(axis: np.ndarray) -> str:
    nearest = int(np.argmax(np.abs(axis)))
    return _LETTERS[nearest][int(axis[nearest] > 0)]
