"""Files of marks as they are opened: masks of any format, DICOM segmentations, RTSTRUCT."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from casgan_jax.dicom.contours import Roi, is_contours, read_contours
from casgan_jax.images.dicom import is_dicom
from casgan_jax.images.geometry import Geometry
from casgan_jax.images.scan import open_stack
from casgan_jax.images.stack import Scan, Stack

_NO_DICOM = (".png", ".tif", ".tiff", ".npy", ".nii", ".nii.gz", ".mhd", ".mha")


def open_marks(path: Path) -> Stack | tuple[Roi, ...]:
    """What a file of marks holds: slices, segments among them, or the regions of an RTSTRUCT.

    The last few files that were read are kept, as many lesions may be marked in one.

    Raises:
      UserError: it cannot be read.
    """
    try:
        state = path.stat()
    except (OSError, ValueError):  # told by whoever reads it
        return _open(path)
    return _opened(path, state.st_mtime_ns, state.st_size)


def slice_count(path: Path) -> int:
    """How many slices a mask has that count by `slice_index`; 1 where its segments do not."""
    marks = open_marks(path)
    return 1 if isinstance(marks, tuple) or marks.segments else marks.count


def is_placed(marks: Stack | tuple[Roi, ...]) -> bool:
    """Whether all that a file marks says where it lies."""
    if isinstance(marks, tuple):
        return True
    return all(one.volumes for one in marks.segments) if marks.segments else bool(marks.volumes)


def slice_of(stack: Stack, index: int, placed: bool) -> Scan:
    """A slice as masks are joined to it: without its pixels where the place of both is known."""
    where = stack.place(index) if placed else None
    return stack.read(index) if where is None else blank_scan(where)


def blank_scan(where: Geometry, instance: tuple[str, int] | None = None) -> Scan:
    """A slice of which only the place is known."""
    return Scan(np.zeros(where.size[1::-1], np.uint8), geometry=where, instance=instance)


@functools.lru_cache(maxsize=4)
def _opened(path: Path, changed: int, size: int) -> Stack | tuple[Roi, ...]:
    del changed, size  # of the same name, another file
    return _open(path)


def _open(path: Path) -> Stack | tuple[Roi, ...]:
    named = path.name.lower().endswith(_NO_DICOM)
    if not named and path.is_file() and is_dicom(path) and is_contours(path):
        return read_contours(path)
    return open_stack(path)
