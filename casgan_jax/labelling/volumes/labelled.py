"""A lesion that was labelled as a volume."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

import numpy as np

from casgan_jax.grid import PAPER_THRESHOLD
from casgan_jax.images.geometry import Geometry
from casgan_jax.images.regular import RegularRun
from casgan_jax.labelling.lesion import Lesion
from casgan_jax.soft_mask.recist import axis_lengths
from casgan_jax.soft_mask.volume_measures import Spacing, VolumeMeasures


@dataclasses.dataclass(frozen=True, kw_only=True)
class VolumeOptions:
    """How lesions are labelled as volumes.

    Attributes:
      window: (low, high) for all lesions; None: see `casgan_jax.labelling.lesion`.
      threshold: at which soft volumes are measured and outlined, in (0, 1].
    """

    window: tuple[float, float] | None = None
    threshold: float = PAPER_THRESHOLD


class Given(NamedTuple):
    """Axes that were given.

    Attributes:
      slice: index in the run.
      long_mm, short_mm: their lengths.
    """

    slice: int
    long_mm: float
    short_mm: float


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class LabelledVolume:
    """A labelled lesion.

    Attributes:
      key, patient: of the lesion.
      marks: as they were read, by the slices.
      marked: index of the slice of each, in `run`.
      run: the slices that the volume is of.
      first: index in `run` of the first slice of `alpha`.
      alpha: (S, H, W) float32 in [0, 1], whole steps of 1/255; slices before and after are empty,
        its first and last are not.
      values: (S, H, W) of the image.
      beside: (H, W) of the image each, the slices before and after; None where the images end.
      sources: DICOM file and frame, from 1, of each slice; () of other formats.
      unit, window, threshold: see `LesionLabel`.
      ended: what ended the lesion below and above.
      measures: on `alpha`; its slices count from `first`.
      notes: what is to be said that is not the rule.
      by_network: a network followed it.
    """

    key: str
    patient: str
    marks: tuple[Lesion, ...]
    marked: tuple[int, ...]
    run: RegularRun
    first: int
    alpha: np.ndarray
    values: np.ndarray
    beside: tuple[np.ndarray | None, np.ndarray | None]
    sources: tuple[tuple[Path, int], ...]
    unit: str
    window: tuple[float, float]
    threshold: float
    ended: tuple[str, str]
    measures: VolumeMeasures
    notes: tuple[str, ...]
    by_network: bool = False

    def plane(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(H, W) each, values and alpha of a slice of the lesion, or of those beside it.

        Args:
          number: from `first`; -1 and the count of `alpha` are the slices beside, if there are any.
        """
        if 0 <= number < len(self.alpha):
            return self.values[number], self.alpha[number]
        values = self.beside[int(number >= 0)]
        assert values is not None, "only slices that are there are asked for"
        return values, np.zeros(values.shape, np.float32)

    @property
    def geometry(self) -> Geometry:
        """Of the voxels of `alpha`."""
        columns, rows, _ = self.run.geometry.size
        start = np.array([0.0, 0.0, self.first])
        return self.run.geometry.part(start, np.eye(3), (columns, rows, len(self.alpha)))

    @property
    def spacing_mm(self) -> Spacing:
        """(slice, row, column)."""
        return spacing_of(self.run)

    @property
    def given(self) -> Given | None:
        """The longest axes that were given; None: none were."""
        found = [
            Given(index, *axis_lengths(mark.recist, self.spacing_mm[1:]))
            for mark, index in zip(self.marks, self.marked, strict=True)
            if mark.recist is not None and mark.click is None
        ]
        return max(found, default=None, key=lambda one: one.long_mm)

    @property
    def centre_mm(self) -> np.ndarray:
        """(3,) mm, LPS, the centre of mass of alpha."""
        total = self.alpha.sum(dtype=np.float64)
        slices, rows, columns = (
            float((self.alpha.sum(axis=other, dtype=np.float64) * np.arange(size)).sum() / total)
            for size, other in zip(self.alpha.shape, ((1, 2), (0, 2), (0, 1)), strict=True)
        )
        centre: np.ndarray = (self.geometry.affine @ (columns, rows, slices, 1))[:3]
        return centre


def spacing_of(run: RegularRun) -> Spacing:
    """(slice, row, column) mm, slices along their normal: the product is a voxel's volume."""
    column, row, _ = map(float, run.geometry.spacing)
    return run.step_mm, row, column
