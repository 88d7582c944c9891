"""What examples are rendered from: windowed images and coded targets of a split."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from casgan_jax.data.targets import LABELS
from casgan_jax.errors import UserError
from casgan_jax.grid import normalise
from casgan_jax.records import marks
from casgan_jax.records.neighbours import FEATURE, check_neighbours, shown_neighbours
from casgan_jax.records.patches import marked_box
from casgan_jax.records.prepared import Record, feature_names, load_split, read_metadata


class Planes:
    """Random access to the planes of a split's records, all of one shape; decoded when read."""

    def __init__(self, records: Sequence[Record], prepare: Callable[[Record], Record]) -> None:
        """
        Args:
          records: the split.
          prepare: record -> its planes.
        """
        self._records, self._prepare = records, prepare

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> Record:
        return self._prepare(self._records[index])

    def kept(self) -> Planes:
        """The same planes, each record decoded once and then kept in memory."""
        return _KeptPlanes(self._records, self._prepare)

    @property
    def nbytes(self) -> int:
        """Of the planes of all records."""
        return len(self) * sum(np.asarray(plane).nbytes for plane in self[0].values())

    def stacked(self) -> dict[str, np.ndarray]:
        """The planes of all records, each kind in one array along a new first axis."""
        first = {name: np.asarray(plane) for name, plane in self[0].items()}
        stacked = {
            name: np.empty((len(self), *plane.shape), plane.dtype) for name, plane in first.items()
        }

        def fill(index: int) -> None:
            for name, plane in self[index].items():
                stacked[name][index] = plane

        with ThreadPoolExecutor(os.cpu_count()) as threads:
            list(threads.map(fill, range(len(self))))
        return stacked


class _KeptPlanes(Planes):
    def __init__(self, records: Sequence[Record], prepare: Callable[[Record], Record]) -> None:
        super().__init__(records, prepare)
        self._kept: dict[int, Record] = {}

    def __getitem__(self, index: int) -> Record:
        if index not in self._kept:
            self._kept[index] = super().__getitem__(index)
        return self._kept[index]


def segmentation_planes(
    data_dir: str | Path,
    split: str,
    *,
    label: str,
    patch: int,
    scale: int,
    axes: bool = False,
    neighbours: int = 0,
) -> Planes:
    """Windowed images and coded targets of a segmentation data set at `scale`.

    Args:
      data_dir: prepared data set.
      split: "train", "validation" or "test".
      label: one of LABELS.
      patch: side of the patches that are to fit, in native pixels.
      scale: r of the targets.
      axes: whether the planes hold the lesion's axes, too (`casgan_jax.records.marks`).
      neighbours: how many slices to either side they hold, too (`casgan_jax.records.neighbours`).

    Raises:
      UserError: the data set has no such label, no such slices, another kind, or soft masks that
        are too coarse.
    """
    metadata = read_metadata(data_dir)
    if metadata.get("kind") != "segmentation":
        raise UserError(
            "data.dir",
            found=f"a data set of kind {metadata.get('kind')!r}",
            expected="'segmentation'",
        )
    check_neighbours(metadata, neighbours, field="data.neighbours")
    stored = int(metadata["scale"])
    if stored % scale:
        raise UserError(
            "data.scale",
            found=f"{scale}",
            expected=f"a divisor of the data set's {stored}",
            remedy="build the data set at this scale or change the config's",
        )
    available = feature_names(data_dir)
    possible = [name for name, (needs, _) in LABELS.items() if available.issuperset(needs)]
    if label not in possible:
        raise UserError(
            "data.label",
            found=f"{label!r}",
            expected=f"one of {', '.join(possible)}",
            remedy=f"set `data.label={possible[0]}`",
        )
    needs, make_target = LABELS[label]
    if axes:
        needs = (*needs, *marks.NEEDED, *available.intersection([marks.GIVEN]))
    if neighbours:
        needs = (*needs, FEATURE)

    def prepare(record: Record) -> Record:
        marked_box(record, patch)  # it fits
        planes = {
            "mark": record["mark"],
            "image": normalise(record["image"], metadata["window"]),
            "target": make_target(record, scale, stored),
        }
        if axes:
            planes["axes"] = marks.measured_axes(record)
        if neighbours:
            planes[FEATURE] = shown_neighbours(record, metadata["window"], neighbours)
        return planes

    return Planes(load_split(data_dir, split, features=("image", "mark", *needs)), prepare)


def super_resolution_planes(data_dir: str | Path, split: str, *, patch: int, scale: int) -> Planes:
    """Windowed high-resolution images: the data set's own, or its native ones where it has no
    finer.

    Args:
      data_dir: prepared data set.
      split: "train", "validation" or "test".
      patch: side of the low-resolution crops.
      scale: r, high-resolution pixels a low-resolution pixel.

    Raises:
      UserError: the images are smaller than scale * patch.
    """
    metadata = read_metadata(data_dir)
    finer = "image_high_resolution"
    feature = finer if finer in feature_names(data_dir) else "image"

    def prepare(record: Record) -> Record:
        image = normalise(record[feature], metadata["window"])
        if min(image.shape) < scale * patch:
            raise UserError(
                "data.patch",
                found=f"{patch}",
                expected=(
                    f"at most {min(image.shape) // scale}: the {feature} of {data_dir} has "
                    f"{image.shape[0]} x {image.shape[1]} pixels"
                ),
                remedy="set a smaller `data.patch`",
            )
        return {"image": image}

    return Planes(load_split(data_dir, split, features=(feature,)), prepare)
