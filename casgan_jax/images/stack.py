"""One slice of a scan, and the stack of slices that a file holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from casgan_jax.errors import UserError, counted
from casgan_jax.images.geometry import Geometry

Ranges = tuple[slice, slice, slice]

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
      geometry: where the slice lies, its axes being columns, rows and slices; None where the file
        does not say.
      placeless: what a file of a format that has places lacks to have one, or "".
      instance: SOPInstanceUID of a DICOM file, and the frame's number from 1; else None.
      file: the DICOM file that holds the slice; else None.
      faults: what the file says wrongly or lacks, by what of it is known in its place:
        "spacing_mm", "window", "hu_offset" (as in a table of lesions), or "finite" where values
        are NaN or infinite. `read_scan` raises them.
    """

    values: np.ndarray
    spacing_mm: tuple[float, float] | None = None
    unit: Unit = "stored"
    window: tuple[float, float] | None = None
    geometry: Geometry | None = None
    placeless: str = ""
    instance: tuple[str, int] | None = None
    file: Path | None = None
    faults: Mapping[str, UserError] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.window is None and self.unit == "stored" and self.values.dtype == np.uint8:
            object.__setattr__(self, "window", (0.0, 255.0))


@dataclasses.dataclass(frozen=True)
class Volume:
    """Pixels on a grid whose place is known.

    Attributes:
      geometry: of the grid.
      read: a range along each of its axes -> the pixels there, of those sizes.
    """

    geometry: Geometry
    read: Callable[[Ranges], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Segment:
    """One of the segments of a DICOM segmentation.

    Attributes:
      number: SegmentNumber.
      name: SegmentLabel, or "" where the file has none.
      volumes: its frames, as grids that know their place.
      frames: {(SOPInstanceUID, frame from 1, or 0 for all of it): indices of the frames that were
        drawn on that image}.
      read: index of a frame -> (H, W), 0 to 1.
      soft: whether values are shares of a pixel, or else 0 and 1.
    """

    number: int
    name: str
    volumes: tuple[Volume, ...]
    frames: Mapping[tuple[str, int], tuple[int, ...]]
    read: Callable[[int], np.ndarray]
    soft: bool = False

    def __str__(self) -> str:
        return f"{self.number} ({self.name})" if self.name else str(self.number)


@dataclasses.dataclass(frozen=True)
class Stack:
    """The slices of one file.

    Attributes:
      count: how many there are, at least 1.
      read: slice index, 0 .. count - 1 -> that slice.
      volumes: all of them as grids whose place is known; none where the file does not say.
      segments: of a DICOM segmentation, which has no volumes but theirs; else none.
      place: slice index -> where it lies, without reading it; None where that is not known.
    """

    count: int
    read: Callable[[int], Scan]
    volumes: tuple[Volume, ...] = ()
    segments: tuple[Segment, ...] = ()
    place: Callable[[int], Geometry | None] = lambda _: None


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
            found=f"{counted(count, 'slice')} and no slice_index",
            expected=indices(count),
            remedy="say which slice",
        )
    if not 0 <= slice_index < count:
        raise UserError(
            path,
            found=f"slice_index {slice_index} for {counted(count, 'slice')}",
            expected=indices(count),
            remedy="correct it (slices count from 0)",
        )
    return slice_index


def indices(count: int) -> str:
    """What an index of so many slices may be, for a line about another one."""
    return f"one of 0 to {count - 1}" if count > 1 else "0, the only slice"
