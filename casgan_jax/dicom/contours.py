"""Contours of an RTSTRUCT, and the pixels within them.

    tumour = read_contours(Path("rtstruct.dcm"))[0]
    tumour.mask(scan)  # (H, W) bool, or None where it has no contour

A pixel belongs to a region if its centre lies inside an odd number of the region's contours: a
contour within another one is a hole, and so is what a keyhole's channel leads to. Contours belong
to the slice that they were drawn on, or where they do not say so, to the nearest plane within half
a slice. Source: DICOM PS3.3, C.8.8.5 and C.8.8.6.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images.checks import shown, telling_damage
from casgan_jax.images.dicom import read_dataset
from casgan_jax.images.dicom_tags import referenced_frames
from casgan_jax.images.geometry import Geometry
from casgan_jax.images.stack import Scan

CLASS = "1.2.840.10008.5.1.4.1.1.481.3"  # RT Structure Set Storage
_CLOSED = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_ONE_PLANE = 0.01  # mm between contours that are in one plane
_LEAST_POINTS = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Contour:
    """A closed line.

    Attributes:
      points: (N, 3) mm, LPS; or (N, 2) x, y in pixels of the image that it was drawn on, centres at
        whole numbers.
      images: SOPInstanceUID and frame from 1, or 0 for any, of the images that it was drawn on;
        none where it does not say.
    """

    points: np.ndarray
    images: frozenset[tuple[str, int]] = frozenset()

    @property
    def in_pixels(self) -> bool:
        """Whether its points are pixels."""
        return self.points.shape[1] == 2

    def is_on(self, instance: tuple[str, int] | None) -> bool:
        """Whether it was drawn on an image, SOPInstanceUID and frame from 1."""
        return instance is not None and bool(self.images & {instance, (instance[0], 0)})


@dataclasses.dataclass(frozen=True, eq=False)
class Roi:
    """A region of an RTSTRUCT, or the outlines of a lesion in a report or presentation state.

    Attributes:
      number: ROINumber, or its place in the file, from 1.
      name: ROIName, or the lesion's; or "".
      contours: that are closed and planar.
      frame_of_reference: UID, or None.
      left_out: how many contours are not closed, or of fewer than three points.
      note: what is to be said of it, or "".
    """

    number: int
    name: str
    contours: tuple[Contour, ...]
    frame_of_reference: str | None = None
    left_out: int = 0
    note: str = ""

    def __str__(self) -> str:
        return f"{self.number} ({self.name})" if self.name else str(self.number)

    def mask(self, scan: Scan) -> np.ndarray | None:
        """The pixels of a slice that are in the region; its values do not matter.

        Returns:
          (H, W) bool; None where no contour belongs to the slice.
        """
        own = [one for one in self.contours if one.is_on(scan.instance)]
        drawn = [one.points for one in own if one.in_pixels]
        if scan.geometry is not None:
            spatial = [one for one in own or self.contours if not one.in_pixels]
            drawn += _of_slice(spatial, scan.geometry, nearest=not own)
        height, width = scan.values.shape
        return inside(drawn, (height, width)) if drawn else None


def read_contours(path: Path) -> tuple[Roi, ...]:
    """The regions of an RTSTRUCT, by their numbers.

    Raises:
      UserError: no DICOM file, a damaged one, or one without regions.
    """
    dataset = read_dataset(path)
    with telling_damage(path, "DICOM"):
        drawn = {
            int(item.ReferencedROINumber): list(item.get("ContourSequence") or [])
            for item in dataset.get("ROIContourSequence") or []
        }
        found = [
            _roi(item, drawn.get(int(item.ROINumber), []))
            for item in dataset.get("StructureSetROISequence") or []
        ]
    if not found:
        raise UserError(
            path,
            found="no region (StructureSetROISequence)",
            expected="an RTSTRUCT with contours",
            remedy="export it again",
        )
    return tuple(sorted(found, key=lambda roi: roi.number))


def inside(contours: Sequence[np.ndarray], shape: tuple[int, int]) -> np.ndarray:
    """The pixels whose centre lies inside an odd number of contours.

    Every edge turns round the pixels to the right of it, row by row. An edge reaches the rows from
    its upper end, included, to its lower one, so that a centre upon a line is counted once.

    Args:
      contours: (N, 2) x, y in pixels each, centres at whole numbers; the last point is joined to
        the first.
      shape: (H, W).
    """
    height, width = shape
    turned = np.zeros((height, width + 1), np.int64)
    for points in contours:
        start, stop = points, np.roll(points, -1, axis=0)
        upper = np.where((start[:, 1] <= stop[:, 1])[:, None], start, stop)
        lower = np.where((start[:, 1] <= stop[:, 1])[:, None], stop, start)
        first = np.clip(np.ceil(upper[:, 1]), 0, height).astype(np.int64)
        count = np.clip(np.ceil(lower[:, 1]), 0, height).astype(np.int64) - first
        edge = np.repeat(np.arange(len(points)), count)
        row = np.arange(count.sum()) - np.repeat(count.cumsum() - count, count) + first[edge]
        step = lower[edge] - upper[edge]
        x = upper[edge, 0] + (row - upper[edge, 1]) * step[:, 0] / step[:, 1]
        np.add.at(turned, (row, np.clip(np.ceil(x), 0, width).astype(np.int64)), 1)
    return turned.cumsum(axis=1)[:, :width] % 2 == 1


def _of_slice(
    contours: Sequence[Contour], geometry: Geometry, *, nearest: bool
) -> list[np.ndarray]:
    """(N, 2) contours in pixels of a slice: all of them, or those of the nearest plane."""
    to_pixels = np.linalg.inv(geometry.affine)
    placed = [_applied(to_pixels, one.points) for one in contours]
    if nearest:
        apart = [np.abs(points[:, 2]).max() for points in placed]
        least = min(apart, default=np.inf)
        same = least + _ONE_PLANE / float(geometry.spacing[2]) if least <= 0.5 else -1.0
        placed = [points for points, off in zip(placed, apart, strict=True) if off <= same]
    return [points[:, :2] for points in placed]


def _applied(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ affine[:3, :3].T + affine[:3, 3]


def _roi(item: Any, drawn: list[Any]) -> Roi:
    contours = [found for each in drawn if (found := _contour(each)) is not None]
    uid = str(item.get("ReferencedFrameOfReferenceUID", "")) or None
    name = item.get("ROIName") or ""
    left_out = len(drawn) - len(contours)
    return Roi(
        int(item.ROINumber), shown(name)[1:-1] if name else "", tuple(contours), uid, left_out
    )


def _contour(item: Any) -> Contour | None:
    """None of what encloses nothing."""
    data = item.get("ContourData")
    numbers = np.asarray([] if data is None else data, np.float64)
    if numbers.size % 3 or numbers.size < 3 * _LEAST_POINTS or not np.isfinite(numbers).all():
        return None
    if item.get("ContourGeometricType") not in _CLOSED:
        return None
    images = frozenset(
        instance
        for one in item.get("ContourImageSequence") or []
        for instance in referenced_frames(one)
    )
    return Contour(numbers.reshape(-1, 3), images)
