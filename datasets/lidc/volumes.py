"""Whole nodules of the public "LIDC-IDRI-slices" tree: their slices one above the other.

A nodule is its longest run of slices whose numbers have no gap. The tree does not say how far apart
slices are.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from casgan_jax.records.features import MAX_READERS
from casgan_jax.records.volume_features import volume_features
from datasets.base import PreparedBuilder
from datasets.lidc import slices
from datasets.lidc.record import SIZE
from datasets.outcomes import Skip
from datasets.task import Record, Task

WINDOW = slices.WINDOW
_LEAST = 3  # slices


class Nodule(NamedTuple):
    """One nodule.

    Attributes:
      nodule_dir: folder `PATIENT/nodule-K`.
      patient: name of the patient's folder.
      lesion: PATIENT/nodule-K.
      file_names: of its slices, one above the other.
      spacing_mm: side of a pixel; 0 where it is not known.
    """

    nodule_dir: str
    patient: str
    lesion: str
    file_names: tuple[str, ...]
    spacing_mm: float


def features() -> Any:
    """The features of `make_record`."""
    return volume_features(SIZE, np.uint8)


def make_record(source: Nodule) -> Record | Skip:
    """Reads the slices of a nodule and what the readers marked on them."""
    if len(source.file_names) < _LEAST:
        found = f"{source.lesion}: {len(source.file_names)}"
        return Skip(f"fewer than {_LEAST} neighbouring slices", found)
    folder = Path(source.nodule_dir)
    readers = sorted(folder.glob("mask-*"))
    if len(readers) > MAX_READERS:
        return Skip(f"more than {MAX_READERS} readers", f"{source.lesion}: {len(readers)} readers")
    image = _stack([folder / "images" / name for name in source.file_names], "image")
    if isinstance(image, Skip):
        return image
    masks = np.zeros((*image.shape, MAX_READERS), np.uint8)
    for number, reader in enumerate(readers):
        mask = _stack([reader / name for name in source.file_names], "mask")
        if isinstance(mask, Skip):
            return mask
        masks[..., number] = (mask > 0) * np.uint8(255)
    marked = masks > 0
    if not marked.any():
        return Skip("no reader marked anything", source.lesion)
    votes, voters = marked.sum(axis=3), marked.any(axis=(1, 2)).sum(axis=1)[:, None, None]
    side = source.spacing_mm
    return {
        "image": image,
        "reader_masks": masks,
        "consensus": ((2 * votes >= voters) & (votes > 0)) * np.uint8(255),
        "n_readers": int(marked.any(axis=(0, 1, 2)).sum()),
        "spacing_mm": np.array([0.0, side, side], np.float32),
        "patient": source.patient,
        "lesion": source.lesion,
        "key": source.lesion,
    }


def find_tasks(builder: PreparedBuilder, manual_dir: Path) -> list[Task]:
    """One task for each nodule.

    Raises:
      UserError: see `datasets.lidc.slices.find_tasks`.
    """
    by_lesion: dict[str, dict[int, Task]] = defaultdict(dict)
    for task in slices.find_tasks(builder, manual_dir):
        number = re.search(r"(\d+)$", task.key)
        if number:
            by_lesion[task.key.rpartition("/")[0]][int(number[1])] = task
    tasks = []
    for lesion, found in by_lesion.items():
        run = [found[number] for number in longest_run(found)]
        first = run[0].arguments
        names = tuple(task.arguments.file_name for task in run)
        nodule = Nodule(first.nodule_dir, first.patient, lesion, names, first.spacing_mm)
        sources = tuple(path for task in run for path in task.sources)
        tasks.append(Task(run[0].split, lesion, nodule, sources))
    return tasks


def longest_run(numbers: Iterable[int]) -> list[int]:
    """The longest run of whole numbers without a gap, the first of equal ones."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return max(runs, key=len, default=[])


def _stack(paths: list[Path], what: str) -> np.ndarray | Skip:
    """(D, 128, 128) uint8 of files; a reader who has none for a slice marked nothing on it."""
    planes = []
    for path in paths:
        if what == "mask" and not path.is_file():
            planes.append(np.zeros((SIZE, SIZE), np.uint8))
            continue
        plane = slices.read_plane(path, what)
        if isinstance(plane, Skip):
            return plane
        planes.append(plane)
    return np.stack(planes)
