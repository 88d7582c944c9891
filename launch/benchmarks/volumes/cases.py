"""Lesions of a prepared data set of volumes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from casgan_jax import metrics
from casgan_jax.errors import UserError
from casgan_jax.evaluation.planes import plain_value
from casgan_jax.grid import normalise
from casgan_jax.records.prepared import Record, load_split, read_metadata
from casgan_jax.records.volume_features import KIND
from casgan_jax.soft_mask.recist import longer_first, measure_axes

SLICE_MM, SIDE_MM = 2.0, 0.7  # of voxels that do not say
_SEED = 1


class Case(NamedTuple):
    """A lesion in a volume.

    Attributes:
      name: of the lesion.
      image: (S, H, W) float32 in [0, 1].
      truth: (S, H, W) bool.
      volume: in voxels: of made lesions their own, of others the number of the truth's.
      spacing_mm: between slices, rows, columns.
      readers: (R, S, H, W) bool of those who marked anything; none of made lesions.
    """

    name: str
    image: np.ndarray
    truth: np.ndarray
    volume: float
    spacing_mm: tuple[float, float, float]
    readers: np.ndarray

    @property
    def key(self) -> int:
        """The slice with the largest area, the one that is measured."""
        return int(self.truth.sum(axis=(1, 2)).argmax())

    def axes(self, noise: float) -> np.ndarray:
        """(8,) axes of the key slice, with noise of so many pixels on every coordinate."""
        rng = np.random.default_rng([_SEED, *self.name.encode()])
        axes = measure_axes(self.truth[self.key], 0.5) + noise * rng.normal(size=8)
        return longer_first(axes.astype(np.float32))


def read_cases(volume_dir: str, limit: int) -> list[Case]:
    """Lesions of the test split of a data set of volumes, drawn once.

    Raises:
      UserError: another kind of data set, or none.
    """
    metadata = read_metadata(volume_dir)
    if metadata["kind"] != KIND:
        raise UserError(
            f"volume_dir={volume_dir}",
            found=f"a data set of kind {metadata['kind']!r}",
            expected=f"{KIND!r}",
            remedy="build lidc/volumes or phantom/volumes",
        )
    split = load_split(volume_dir, "test")
    drawn = np.random.default_rng(0).permutation(len(split))[:limit]
    return [case_of(split[int(index)], metadata["window"]) for index in drawn]


def case_of(record: Record, window: tuple[float, float]) -> Case:
    """A record of a data set of volumes."""
    truth = record["consensus"] > 0
    step, row, column = (float(mm) for mm in record["spacing_mm"])
    spacing = (step or SLICE_MM, row or SIDE_MM, column or SIDE_MM)
    volume = float(record.get("volume_mm3", truth.sum() * np.prod(spacing))) / np.prod(spacing)
    marked = np.moveaxis(record["reader_masks"] > 0, 3, 0)
    readers = marked[marked.any(axis=(1, 2, 3))]
    name = plain_value(record["lesion"])
    return Case(name, normalise(record["image"], window), truth, float(volume), spacing, readers)


def volume_dice(mask: np.ndarray, truth: np.ndarray) -> float:
    """Dice of two volumes, (S, H, W) bool: of all their slices at once."""
    flat = (each.reshape(-1, each.shape[-1]) for each in (mask, truth))
    return float(metrics.dice(*flat))


def readers_agreement(case: Case) -> float:
    """Mean Dice of each reader with half of the others; NaN where one marked."""
    found = []
    for number, mask in enumerate(case.readers):
        others = np.delete(case.readers, number, axis=0)
        marked = others.any(axis=(2, 3)).sum(axis=0)[:, None, None]
        half = (2 * others.sum(axis=0) >= marked) & others.any(axis=0)
        if mask.any() and half.any():
            found.append(volume_dice(mask, half))
    return float(np.mean(found)) if found else float("nan")
