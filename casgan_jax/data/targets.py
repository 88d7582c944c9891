"""What a network can be trained towards: the labels of a segmentation record, by name."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import PAPER_THRESHOLD, area_mean, binarise, decode_alpha, encode_alpha
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


def _hard(coded: np.ndarray) -> np.ndarray:
    """A coded binary mask, of the codes that are at the paper's threshold of 128 (4.1)."""
    return encode_alpha(binarise(decode_alpha(coded), PAPER_THRESHOLD))


# What a network can be trained towards: features read, and (record, r, r of the data set) -> coded
# target.
LABELS: dict[str, tuple[tuple[str, ...], Callable[[Record, int, int], np.ndarray]]] = {
    # The builder's soft mask (paper 3.1.2).
    "alpha": (("alpha",), lambda record, r, stored: area_mean(record["alpha"], stored // r)),
    # The same, at the paper's threshold of 128 (4.1): what networks that tell classes apart learn.
    "binary": (
        ("alpha",),
        lambda record, r, stored: _hard(area_mean(record["alpha"], stored // r)),
    ),
    # The same, held to the readers' mean where the image does not decide.
    "alpha_anchored": (
        ("alpha_anchored",),
        lambda record, r, stored: area_mean(record["alpha_anchored"], stored // r),
    ),
    # Known only for phantoms.
    "true_alpha": (
        ("true_alpha",),
        lambda record, r, stored: area_mean(record["true_alpha"], stored // r),
    ),
    # The share of readers that marked the pixel, without a look at the image.
    "readers": (
        ("reader_masks", "n_readers"),
        lambda record, r, _: encode_alpha(_enlarge(readers_mean(record), r).clip(0.0, 1.0)),
    ),
    # Binary: at least half of the readers.
    "consensus": (
        ("consensus",),
        lambda record, r, _: _hard(_enlarge(record["consensus"], r)),
    ),
}  # fmt: skip
