"""Lesions with a true volume: nodules of a prepared LIDC data set, and made ones."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from casgan_jax import metrics
from casgan_jax.errors import UserError
from casgan_jax.evaluation.planes import plain_value
from casgan_jax.grid import normalise
from casgan_jax.records.prepared import load_split, read_metadata
from casgan_jax.soft_mask.recist import longer_first, measure_axes
from datasets.phantom.volume import make_volume_phantom

SLICE_MM = 2.0  # between the slices of LIDC's crops, which do not say
LEAST_SLICES = 3
THICKNESSES_MM = (1.25, 2.5, 5.0)
_WINDOW = (-1000.0, 400.0)  # HU, of made lesions
_SEED = 1


class Case(NamedTuple):
    """A lesion in a volume.

    Attributes:
      name: of the lesion.
      image: (S, H, W) float32 in [0, 1].
      truth: (S, H, W) bool.
      volume: of the truth in voxels: of soft masks the sum, of readers' the number.
      spacing_mm: between slices, rows, columns.
      readers: (R, S, H, W) bool; none of made lesions.
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


def nodules(data_dir: str, limit: int) -> list[Case]:
    """Nodules of the test split on three neighbouring slices or more, drawn once.

    Where slices are missing the longest run counts.

    Raises:
      UserError: there is none.
    """
    split, window = load_split(data_dir, "test"), read_metadata(data_dir)["window"]
    by_lesion: dict[str, dict[int, int]] = defaultdict(dict)
    for index in range(len(split)):
        record = split[index]
        number = re.search(r"(\d+)$", plain_value(record["key"]))
        if number:
            by_lesion[plain_value(record["lesion"])][int(number[1])] = index
    runs = {name: longest_run(slices) for name, slices in by_lesion.items()}
    long = sorted(name for name, run in runs.items() if len(run) >= LEAST_SLICES)
    if not long:
        raise UserError(
            f"data_dir={data_dir}",
            found=f"no test lesion on {LEAST_SLICES} neighbouring slices",
            expected="some",
            remedy="build the lidc data set",
        )
    drawn = np.random.default_rng(0).permutation(len(long))[:limit]
    chosen = [long[int(index)] for index in drawn]
    return [
        _nodule(name, [split[by_lesion[name][number]] for number in runs[name]], window)
        for name in chosen
    ]


def longest_run(numbers: Any) -> list[int]:
    """The longest run of whole numbers without a gap, the first of equal ones."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return max(runs, key=len, default=[])


def _nodule(name: str, records: list[Any], window: tuple[float, float]) -> Case:
    image = np.stack([normalise(record["image"], window) for record in records])
    truth = np.stack([record["consensus"] > 0 for record in records])
    readers = np.stack([np.moveaxis(record["reader_masks"] > 0, 2, 0) for record in records], 1)
    pixel = float(records[0]["spacing_mm"])
    spacing = (SLICE_MM, pixel, pixel) if pixel > 0 else (SLICE_MM, 0.7, 0.7)
    return Case(name, image, truth, float(truth.sum()), spacing, readers)


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


def phantoms(count: int) -> Iterator[Case]:
    """Made lesions in slices of several thicknesses, so many in all."""
    for index in range(count):
        thickness = THICKNESSES_MM[index % len(THICKNESSES_MM)]
        made = make_volume_phantom(_SEED, index, thickness)
        truth = made.true_alpha >= 0.5
        if truth.any():  # a small one in thick slices may fill half of no voxel
            image = normalise(made.image, _WINDOW)
            volume = made.volume_mm3 / float(np.prod(made.spacing_mm))
            name = f"{made.kind} {thickness:g} mm {index}"
            no_readers = np.zeros((0, *truth.shape), bool)
            yield Case(name, image, truth, volume, made.spacing_mm, no_readers)
