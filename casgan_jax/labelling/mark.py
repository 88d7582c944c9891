"""What a file marks on a slice, once it is joined to it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images.placing import Placed
from casgan_jax.images.stack import Scan

_NEIGHBOURS = np.ones((3, 3))  # pixels that touch at a corner are connected


class Mark(NamedTuple):
    """What a file marks on an image.

    Attributes:
      mask: (H, W) bool.
      note: what was done to join both; "" where nothing is to be said.
      place: where both lie, for the line of an empty mask; "" where that is not known.
    """

    mask: np.ndarray
    note: str = ""
    place: str = ""


class OutsideError(UserError):
    """A mask does not reach the slice of the image."""


def count_parts(mark: Mark) -> int:
    """How many connected parts a mark has."""
    return _parts(mark.mask)[1]


def part_of(mark: Mark, component: int, path: Path) -> Mark:
    """One of the connected parts of a mark, counted from 1 by the rows that they begin in.

    Raises:
      UserError: it has fewer.
    """
    parts, count = _parts(mark.mask)
    if not 1 <= component <= count:
        raise UserError(
            "component",
            found=f"{component} of {count} parts that {path} marks here",
            expected=f"1 to {count}" if count else "a marked slice",
            remedy="correct it",
        )
    return mark._replace(mask=parts == component)


def _parts(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """The number of the part that each pixel is of, and how many parts there are."""
    from scipy import ndimage  # heavy, and asked for where a file marks a mask alone

    parts, count = ndimage.label(mask, _NEIGHBOURS)
    return parts, int(count)


def joined(path: Path, mark: Mark, placed: Placed, scan: Scan) -> Mark:
    """The mark with what is to be said of where its file lies."""
    notes = [mark.note] if mark.note else []
    if not placed.exact:
        sides = " x ".join(f"{side:.4g}" for side in placed.geometry.spacing)
        notes.append(f"{path.name} resampled onto the image from a grid of {sides} mm")
    where = f"the mask has {placed.geometry}, the image {scan.geometry}"
    return Mark(mark.mask, "; ".join(notes), where)


def check_size(path: Path, mask: np.ndarray, scan: Scan) -> None:
    shape = scan.values.shape
    if mask.shape != shape:
        raise UserError(
            path,
            found=f"{mask.shape[1]} x {mask.shape[0]} pixels",
            expected=f"the image's {shape[1]} x {shape[0]}",
            remedy="draw or export the mask on the image's own grid",
        )
