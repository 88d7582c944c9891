"""One slice of a scan, and the stack of slices that a file holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from casgan_jax.errors import UserError

Unit = Literal["HU", "stored"]


@dataclasses.dataclass(frozen=True, eq=False)
class Scan:
    """One slice and what its file says about it.

    Attributes:
      values: (H, W) int16, uint8, uint16 or float32. HU, or what the file stores: with the file's
        own rescaling applied, never windowed.
      spacing_mm: (row, column) distance of pixel centres, or None where the file does not say.
      unit: "HU", or "stored" where the file does not say that its values are HU.
      window: (low, high) that the file itself asks to be shown, in the units of `values`:
        (0, 255) for 8 bits, WindowCenter and WindowWidth of a DICOM file that is not in HU;
        else None.
    """

    values: np.ndarray
    spacing_mm: tuple[float, float] | None = None
    unit: Unit = "stored"
    window: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.window is None and self.unit == "stored" and self.values.dtype == np.uint8:
            object.__setattr__(self, "window", (0.0, 255.0))


@dataclasses.dataclass(frozen=True)
class Stack:
    """The slices of one file.

    Attributes:
      count: how many there are, at least 1.
      read: slice index, 0 .. count - 1 -> that slice.
    """

    count: int
    read: Callable[[int], Scan]


def choose_slice(path: Path, slice_index: int | None, count: int) -> int:
    """The index of the slice to read; where there is only one it need not be named.

    Raises:
      UserError: no index for several slices, or one that is out of range.
    """
    if slice_index is None and count == 1:
        return 0
    if slice_index is None:
        raise UserError(
            path,
            found=f"{count} slices and no slice_index",
            expected=f"one of 0 to {count - 1}",
            remedy="say which slice",
        )
    if not 0 <= slice_index < count:
        allowed = f"0 to {count - 1}" if count > 1 else "0 or none"
        raise UserError(
            path,
            found=f"slice_index {slice_index} for {count} slice{'s' if count > 1 else ''}",
            expected=f"{allowed}",
            remedy="correct it (slices count from 0)",
        )
    return slice_index
