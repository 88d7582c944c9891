"""On which slices of an image something is marked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from casgan_jax.images.scan import open_stack
from casgan_jax.images.stack import Scan, Stack
from casgan_jax.labelling.mark import OutsideError
from casgan_jax.labelling.mark_files import is_placed, open_marks, slice_of
from casgan_jax.labelling.marks import read_mask


def marked_slices(image: Path, files: Sequence[Path]) -> list[int] | None:
    """The slices of an image on which any of the masks has marks.

    Returns:
      Their indices; None where the image has one slice, or the masks have and do not say where.

    Raises:
      UserError: a file cannot be read, or a mask does not fit.
    """
    stack, masks = open_stack(image), [open_marks(path) for path in files]
    lone = all(
        isinstance(mask, Stack) and mask.count == 1 and not (mask.volumes or mask.segments)
        for mask in masks
    )
    if stack.count == 1 or lone:
        return None
    placed = all(map(is_placed, masks))
    return [
        index
        for index in range(stack.count)
        if any(_has_marks(path, slice_of(stack, index, placed), index) for path in files)
    ]


def _has_marks(path: Path, scan: Scan, index: int) -> bool:
    try:
        return bool(read_mask(path, scan, slice_index=index, segment=None).mask.any())
    except OutsideError:
        return False
