"""What a network can be trained towards: the labels of a segmentation record, by name."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.records.features import MAX_READERS
from casgan_jax.records.prepared import Record


def readers_mean(record: Record) -> np.ndarray:
    """Share of the readers that marked each native pixel: (H, W) float32 in [0, 1]."""
    masks = record["reader_masks"] > 0
    if masks.shape[-1] > MAX_READERS:
        raise UserError(
            "reader_masks",
            found=f"{masks.shape[-1]}",
            expected=f"at most {MAX_READERS}",
        )
    if not record["n_readers"]:  # RECIST axes alone
        raise UserError(
            "data.label",
            found="'readers' and a lesion that no reader outlined",
            expected="outlines",
            remedy="set `data.label=alpha`",
        )
    return masks.sum(-1, dtype=np.float32) / np.float32(record["n_readers"])


def _enlarge(plane: np.ndarray, scale: int) -> np.ndarray:
    return cv2.resize(plane, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)


def _resample(coded: np.ndarray, factor: float) -> np.ndarray:
    """A stored soft mask on the grid of the config's scale: area means, never a threshold."""
    if factor == 1:
        return coded
    return cv2.resize(coded, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


# What a network can be trained towards: features read, and (record, r, r of the data set) -> coded
# target.
LABELS: dict[str, tuple[tuple[str, ...], Callable[[Record, int, int], np.ndarray]]] = {
    # The builder's soft mask (paper 3.1.2).
    "alpha": (("alpha",), lambda record, r, stored: _resample(record["alpha"], r / stored)),
    # The same, at the paper's threshold of 128 (4.1): what networks that tell classes apart learn.
    "binary": (
        ("alpha",),
        lambda record, r, stored: np.uint8(255)
        * (_resample(record["alpha"], r / stored) >= 128),
    ),
    # The same, held to the readers' mean where the image does not decide.
    "alpha_anchored": (
        ("alpha_anchored",),
        lambda record, r, stored: _resample(record["alpha_anchored"], r / stored),
    ),
    # Known only for phantoms.
    "true_alpha": (
        ("true_alpha",),
        lambda record, r, stored: _resample(record["true_alpha"], r / stored),
    ),
    # The share of readers that marked the pixel, without a look at the image.
    "readers": (
        ("reader_masks", "n_readers"),
        lambda record, r, _: np.round(255.0 * _enlarge(readers_mean(record), r)).astype(np.uint8),
    ),
    # Binary: at least half of the readers.
    "consensus": (
        ("consensus",),
        lambda record, r, _: np.uint8(255) * (_enlarge(record["consensus"], r) >= 128),
    ),
}  # fmt: skip
