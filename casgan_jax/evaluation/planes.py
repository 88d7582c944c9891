"""A record's planes and a prediction's on the grids that they are compared on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import area_mean, decode_alpha
from casgan_jax.records.patches import marked_box, marked_patch


def to_native_crop(alpha: np.ndarray, scale: int, record: Mapping[str, Any]) -> np.ndarray:
    """Soft mask of a record's marked patch (r P, r P) -> native pixels of its whole image (H, W).

    Each native pixel is the mean of its r x r fine ones; outside of the patch the mask is 0.
    """
    native = area_mean(alpha, scale)
    return marked_box(record, len(native)).paste(native, record["image"].shape)


def reader_planes(record: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The readers who marked anything, bool (R, H, W), and their consensus, bool (H, W).

    Raises:
      UserError: they are not as many as the record says.
    """
    readers = np.moveaxis(record["reader_masks"] > 0, -1, 0)
    readers = readers[readers.any(axis=(1, 2))]
    if len(readers) != record["n_readers"]:
        raise UserError(
            "reader_masks",
            found=f"{len(readers)} masks with a marked pixel",
            expected=f"n_readers = {record['n_readers']}",
            remedy="rebuild the data set",
        )
    return readers, record["consensus"] > 0


def fine_alpha(record: Mapping[str, Any], name: str, patch: int, scale: int) -> np.ndarray:
    """A stored fine plane over the marked patch, decoded, on the grid `scale` times the native."""
    stored = len(record[name]) // len(record["image"])
    alpha = decode_alpha(marked_patch(record, name, patch, scale=stored))
    return area_mean(alpha, stored // scale)


def plain_value(value: Any) -> Any:
    """A text, which data sets give as bytes, as str; a NumPy scalar as Python's."""
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value
