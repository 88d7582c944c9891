"""Files of marks as they are opened: masks of any format, DICOM segmentations, RTSTRUCT, and
outlines of reports and presentation states."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from casgan_jax.dicom.contours import CLASS, Roi, read_contours
from casgan_jax.dicom.measurements import Found
from casgan_jax.dicom.presentation import read_presentation
from casgan_jax.dicom.report import read_report
from casgan_jax.errors import UserError
from casgan_jax.images.checks import telling_damage
from casgan_jax.images.dicom import is_dicom, read_dataset
from casgan_jax.images.geometry import Geometry
from casgan_jax.images.scan import NOT_DICOM, open_stack
from casgan_jax.images.stack import Scan, Stack

READERS: dict[str, Callable[[Path], Found]] = {"SR": read_report, "PR": read_presentation}


def open_marks(path: Path) -> Stack | tuple[Roi, ...]:
    """What a file of marks holds: slices, segments among them, or regions and outlines.

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
    named = path.name.lower().endswith(NOT_DICOM)
    if named or not path.is_file() or not is_dicom(path):
        return open_stack(path)
    tags = ["SOPClassUID", "Modality"]
    dataset = read_dataset(path, stop_before_pixels=True, specific_tags=tags)
    with telling_damage(path, "DICOM"):
        is_contours, modality = dataset.get("SOPClassUID") == CLASS, str(dataset.get("Modality"))
    if is_contours:
        return read_contours(path)
    return _outlines(path, READERS[modality]) if modality in READERS else open_stack(path)


def _outlines(path: Path, read: Callable[[Path], Found]) -> tuple[Roi, ...]:
    found = read(path).outlines
    if not found:
        raise UserError(
            path,
            found="no outline",
            expected="one of a lesion",
            remedy="name its study to label the lines that it has",
        )
    return found
