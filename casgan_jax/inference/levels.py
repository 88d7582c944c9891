"""Which source values are black and white to a system."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from casgan_jax.configs.schema.softgan import SoftganData
from casgan_jax.errors import UserError
from casgan_jax.inference.jobs import Point
from casgan_jax.inference.predict import patch_box
from casgan_jax.records.prepared import read_metadata

if TYPE_CHECKING:  # so that a command that only shows its help needs no JAX
    from casgan_jax.inference.load import LoadedSystem

EIGHT_BIT = (0.0, 255.0)
_LEAST_HU = -1024.0


def choose_window(
    image: np.ndarray,
    *,
    trained: tuple[float, float],
    given: tuple[float, float] | None,
) -> tuple[float, float]:
    """The source values that map to 0 and 1: the given ones, or those of the training data.

    Raises:
      UserError: no window is given, and image and training data are not both 8-bit or both not.
    """
    if given is not None:
        return given
    eight_bit = image.dtype == np.uint8
    if eight_bit and trained != EIGHT_BIT:
        raise UserError(
            "image",
            found="8-bit grey levels",
            expected=f"the training data's values, windowed to ({trained[0]:g}, {trained[1]:g})",
            remedy="for an image exported with that window give `window=0,255`",
        )
    if not eight_bit and trained == EIGHT_BIT:
        raise UserError(
            "image",
            found=f"{image.dtype} values from {image.min():g} to {image.max():g}",
            expected="8-bit grey levels as in training",
            remedy="give the values that are black and white: `window=LOW,HIGH`",
        )
    return trained


def levels_of(
    system: LoadedSystem,
    image: np.ndarray,
    centre: Point,
    *,
    trained: tuple[float, float],
    given: tuple[float, float] | None,
) -> tuple[float, float]:
    """The source values that map to 0 and 1 for a system: the given ones, the extremes around the
    mark if it was trained on stretched crops, or else the window of its training data.

    Raises:
      UserError: see `extremes_around` and `choose_window`.
    """
    stretched = stretched_side(system)
    if stretched and given is None:
        return extremes_around(image, centre, stretched)
    return choose_window(image, trained=trained, given=given)


def stretched_side(system: LoadedSystem) -> int:
    """The side of the stretched crops that a system was trained on; 0: they were not stretched."""
    data = system.config.data
    return data.stretched if isinstance(data, SoftganData) else 0


def extremes_around(image: np.ndarray, centre: Point, side: int) -> tuple[float, float]:
    """The smallest and the largest value of the crop around a mark.

    Values below -1024, where Hounsfield units begin, are what a scanner writes outside of its field
    of view: they count as -1024.

    Args:
      image: (H, W) source values; those that are not finite do not count.
      centre: (x, y) of the mark.
      side: of the crop in pixels, which is moved inside the image.

    Raises:
      UserError: the mark lies outside of the image, or the crop has one value alone.
    """
    crop = patch_box(image.shape, centre, side).clipped(image.shape).crop(image)
    values = crop[np.isfinite(crop)]
    if not len(values) or values.min() == values.max():
        raise UserError(
            "image",
            found=f"no grey levels within {side} pixels around the mark",
            expected="more than one value",
            remedy="correct the mark, or give `window=LOW,HIGH`",
        )
    low, high = float(values.min()), float(values.max())
    return (max(low, _LEAST_HU) if high > _LEAST_HU else low), high


def trained_window(system: LoadedSystem) -> tuple[float, float]:
    """The window of the data that a system was trained on: of its config, or of its data set."""
    data = system.config.data
    low, high = data.window or read_metadata(data.dir)["window"]
    return float(low), float(high)
