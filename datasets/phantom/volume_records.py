"""Whole phantoms as records: lesions in slices of 1.25, 2.5 and 5 mm, with their true alpha."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from casgan_jax.grid import PAPER_THRESHOLD, binarise, encode_alpha
from casgan_jax.records.features import MAX_READERS
from casgan_jax.records.splits import split_of
from casgan_jax.records.volume_features import volume_features
from datasets.outcomes import Skip
from datasets.phantom.volume import SIDE, make_volume_phantom
from datasets.task import Record, Task

THICKNESSES_MM = (1.25, 2.5, 5.0)


class VolumeSource(NamedTuple):
    """Which phantom: `number` of the series `seed`, in slices of `thickness_mm`."""

    seed: int
    number: int
    thickness_mm: float


def features() -> Any:
    """The features of `make_volume_record`."""
    true_alpha = tfds.features.Tensor(shape=(None, SIDE, SIDE), dtype=np.uint8, encoding="zlib")
    return volume_features(
        SIDE,
        np.int16,
        extra={
            # (D, H, W): share of the lesion in what each voxel shows, round(255 * alpha).
            "true_alpha": true_alpha,
            "volume_mm3": tfds.features.Scalar(dtype=np.float32),  # of the body, before any voxel
            "kind": tfds.features.Text(),
        },
    )


def make_volume_record(source: VolumeSource) -> Record | Skip:
    """The record of one phantom; depends on `source` only.

    No reader outlined it: `consensus` is where the true alpha is at least 128/255.
    """
    made = make_volume_phantom(source.seed, source.number, source.thickness_mm)
    truth = binarise(made.true_alpha, PAPER_THRESHOLD)
    if not truth.any():
        return Skip("fills half of no voxel", f"{made.kind}, slices of {source.thickness_mm} mm")
    patient = _name(source.number)
    return {
        "image": made.image,
        "reader_masks": np.zeros((*truth.shape, MAX_READERS), np.uint8),
        "consensus": truth * np.uint8(255),
        "n_readers": 0,
        "spacing_mm": np.array(made.spacing_mm, np.float32),
        "true_alpha": encode_alpha(made.true_alpha),
        "volume_mm3": made.volume_mm3,
        "kind": made.kind,
        "patient": patient,
        "lesion": f"{patient}/0",
        "key": patient,
    }


def volume_tasks(seed: int, count: int) -> list[Task]:
    """One task for each phantom; kinds and thicknesses take turns."""
    return [
        Task(
            split_of(_name(number)),
            _name(number),
            VolumeSource(seed, number, THICKNESSES_MM[number % len(THICKNESSES_MM)]),
        )
        for number in range(count)
    ]


def _name(number: int) -> str:
    return f"volume-phantom-{number:05d}"
