"""What is measured on the soft mask of a volume: sizes in mm, and the values in it.

    found = measure_volume(alpha, values, (2.5, 0.7, 0.7), threshold=128 / 255)
    found.volume_mm3, found.long_mm, found.long_slice

Slices are axial, or whatever plane a scanner took them in; diameters are those of slices, as RECIST
1.1 asks for, and all slices are looked at.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import binarise
from casgan_jax.soft_mask.recist import axis_lengths, measure_axes

PERCENTILES = (5.0, 50.0, 95.0)

Spacing = tuple[float, float, float]  # mm from slice to slice, from row to row, between columns


class Diameters(NamedTuple):
    """The longest diameter in any slice, and the longest one perpendicular to it there.

    Attributes:
      slice: index of the slice.
      axes: (8,) float32 both axes, in pixels.
      long_mm, short_mm: their lengths.
    """

    slice: int
    axes: np.ndarray
    long_mm: float
    short_mm: float


class VolumeMeasures(NamedTuple):
    """Measures of a soft volume.

    Attributes:
      volume_mm3: the sum of alpha times the volume of a voxel.
      hard_volume_mm3: the volume of the voxels that reach the threshold.
      diameters: of the outline at the threshold.
      surface_mm2: see `surface_mm2`.
      sphere_mm: diameter of the sphere of `volume_mm3`.
      mean: of the values, weighted by alpha.
      percentiles: `PERCENTILES` of the values, weighted by alpha.
    """

    volume_mm3: float
    hard_volume_mm3: float
    diameters: Diameters
    surface_mm2: float
    sphere_mm: float
    mean: float
    percentiles: tuple[float, ...]


def measure_volume(
    alpha: np.ndarray, values: np.ndarray, spacing_mm: Spacing, *, threshold: float
) -> VolumeMeasures:
    """Measures a soft volume.

    Args:
      alpha: (S, H, W) float in [0, 1].
      values: (S, H, W) of the image, finite where alpha is not 0.
      spacing_mm: (slice, row, column).
      threshold: of the diameters and the hard volume, in (0, 1].

    Raises:
      UserError: no voxel reaches the threshold, or values that are not finite.
    """
    part = _extent(alpha)
    inside, weights = values[part][alpha[part] > 0], alpha[part][alpha[part] > 0]
    voxel = float(np.prod(spacing_mm))
    volume = float(alpha[part].sum(dtype=np.float64)) * voxel
    mean, percentiles = weighted_values(inside, weights)
    return VolumeMeasures(
        volume_mm3=volume,
        hard_volume_mm3=int(binarise(alpha[part], threshold).sum()) * voxel,
        diameters=longest_diameters(alpha, spacing_mm, threshold=threshold),
        surface_mm2=surface_mm2(alpha[part], spacing_mm),
        sphere_mm=sphere_diameter(volume),
        mean=mean,
        percentiles=percentiles,
    )


def longest_diameters(alpha: np.ndarray, spacing_mm: Spacing, *, threshold: float) -> Diameters:
    """The longest diameter of all slices of a soft volume, and its short axis.

    Of several slices with the same diameter the first counts, and in each its largest part.

    Args:
      alpha: (S, H, W) float in [0, 1].
      spacing_mm: (slice, row, column).
      threshold: in (0, 1].

    Raises:
      UserError: no voxel reaches the threshold.
    """
    found = [
        _diameters(alpha[number], number, spacing_mm, threshold)
        for number in np.flatnonzero(binarise(alpha, threshold).any(axis=(1, 2))).tolist()
    ]
    if not found:
        raise UserError(
            "alpha",
            found=f"at most {alpha.max(initial=0):.3g}",
            expected=f"a voxel of at least {threshold:.3g}",
            remedy="there is no lesion to measure",
        )
    return max(found, key=lambda one: one.long_mm)


def surface_mm2(alpha: np.ndarray, spacing_mm: Spacing) -> float:
    """The area of a soft volume's border: the mean, over all thresholds, of the area of the surface
    there.

    By the coarea formula that is the integral of the length of alpha's gradient; it is taken in the
    middle of every cell of 2 x 2 x 2 voxels, of alpha interpolated linearly. Outside of the volume
    alpha is 0. Of a hard mask the steps count: a ball is found some 5% too large.

    Args:
      alpha: (S, H, W) float in [0, 1].
      spacing_mm: (slice, row, column).
    """
    padded = np.pad(alpha.astype(np.float32), 1)
    squares = np.zeros([size - 1 for size in padded.shape], np.float32)
    for axis, side in enumerate(spacing_mm):
        steps = np.diff(padded, axis=axis) / side
        for other in {0, 1, 2} - {axis}:
            steps = _between(steps, other)
        squares = squares + steps**2
    return float(np.sqrt(squares).sum(dtype=np.float64) * np.prod(spacing_mm))


def sphere_diameter(volume_mm3: float) -> float:
    """The diameter in mm of the sphere of a volume."""
    return float(np.cbrt(6 * volume_mm3 / np.pi))


def weighted_values(values: np.ndarray, weights: np.ndarray) -> tuple[float, tuple[float, ...]]:
    """Mean and `PERCENTILES` of values by their weights.

    A percentile p is the least value that, with all below it, has p hundredths of the weight.

    Args:
      values: (N,).
      weights: (N,) at least 0, not all 0.

    Raises:
      UserError: values that are not finite.
    """
    if not np.isfinite(values).all():
        raise UserError(
            "values",
            found="NaN or infinite ones in the lesion",
            expected="finite ones",
            remedy="correct the file",
        )
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order], dtype=np.float64)
    places = np.searchsorted(reached, np.array(PERCENTILES) / 100 * reached[-1])
    found = values[order][np.minimum(places, len(order) - 1)]
    return float(np.average(values, weights=weights)), tuple(found.astype(float).tolist())


def _diameters(alpha: np.ndarray, number: int, spacing_mm: Spacing, threshold: float) -> Diameters:
    axes = measure_axes(alpha, threshold)
    return Diameters(number, axes, *axis_lengths(axes, spacing_mm[1:]))


def _extent(alpha: np.ndarray) -> tuple[slice, ...]:
    """Where alpha is not 0; all of it where it is 0 everywhere."""
    marked = alpha > 0
    ranges = []
    for axis in range(3):
        along = np.flatnonzero(marked.any(axis=tuple({0, 1, 2} - {axis})))
        ranges.append(slice(along[0], along[-1] + 1) if len(along) else slice(None))
    return tuple(ranges)


def _between(values: np.ndarray, axis: int) -> np.ndarray:
    """Means of neighbours along an axis."""
    along = np.moveaxis(values, axis, 0)
    return np.moveaxis((along[:-1] + along[1:]) / 2, 0, axis)
