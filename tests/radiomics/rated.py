"""A prepared data set of lesions of known size, spiculation and lobulation, with LIDC's names."""

import numpy as np
import tensorflow_datasets as tfds

from casgan_jax.records import features as records
from casgan_jax.records.splits import split_of
from datasets.base import PreparedBuilder
from datasets.task import Task

SIZE, SCALE = 32, 2

# patient, nodule, slice, radius, spiculation, lobulation
SLICES = [
    *(("P0", 0, n, radius, 0.0, 0.0) for n, radius in enumerate((4.0, 9.0, 5.0))),
    ("P0", 1, 0, 6.0, 0.0, 0.0),
    *((f"P{n}", 0, 0, 3.0 + n, 0.0, 0.4 * (n == 3)) for n in range(1, 5)),
    *((f"P{n}", 0, 0, 4.0 + n, n / 10, 0.0) for n in range(5, 9)),
    ("P9", 0, 0, 3.0, 0.0, 0.0),
]
# Enough of both classes to classify them: the spiculated ones are larger, and have spicules.
MANY = [(f"Q{n:02}", 0, 0, 4.0 + (n % 7) / 2 + 2.0 * (n % 2), float(n % 2), 0.0) for n in range(48)]


def record_of(row) -> dict:
    """A disc in noise."""
    patient, nodule, number, radius, spiculation, lobulation = row
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2 + 0.5
    mask = np.hypot(x, y) < radius
    alpha = np.kron(mask, np.ones((SCALE, SCALE), np.uint8)) * np.uint8(255)
    alpha[0, 0] = 255  # a fourth of the first native pixel
    noise = np.random.default_rng(int(10 * radius)).normal(0, 20, mask.shape)
    return {
        "image": np.round(np.where(mask, 20, -800) + noise).astype(np.int16),
        "alpha": alpha,
        "trimap": np.full(alpha.shape, 128, np.uint8),
        "reader_masks": np.repeat(mask[..., None], 4, -1).astype(np.uint8) * np.uint8(255),
        "consensus": mask.astype(np.uint8) * np.uint8(255),
        "mark": np.full(2, (SIZE - 1) / 2, np.float32),
        "n_readers": 4,
        "spacing_mm": 0.7,
        "spiculation": spiculation,
        "lobulation": lobulation,
        "patient": patient,
        "lesion": f"{patient}/nodule-{nodule}",
        "key": f"{patient}/nodule-{nodule}/slice-{number}",
    }


class Rated(PreparedBuilder, skip_registration=True):
    """Discs."""

    name = "rated"
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    make_record = staticmethod(record_of)
    slices = SLICES

    def _info(self):
        extra = {
            name: tfds.features.Scalar(dtype=np.float32) for name in ("spiculation", "lobulation")
        }
        features = records.segmentation_features(SIZE, SCALE, np.int16, extra=extra)
        metadata = records.metadata(kind="segmentation", window=(-1000, 400), scale=SCALE)
        return self.prepared_info(features, metadata)

    def tasks(self, manual_dir):
        del manual_dir
        return [
            Task(split_of(row[0]), f"{row[0]}/nodule-{row[1]}/slice-{row[2]}", row)
            for row in self.slices
        ]


class ManyRated(Rated, skip_registration=True):
    """Discs, 24 of each class."""

    name = "many_rated"
    slices = MANY
