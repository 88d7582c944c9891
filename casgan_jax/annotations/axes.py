"""Axes as they are given where they are not eight pixels: in mm, in the patient, or one alone."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import numpy as np

from casgan_jax.annotations import cells
from casgan_jax.errors import UserError

Units = Literal["pixel", "mm", "lps"]
GivenUnits = Literal["pixel", "mm", "lps", "ras"]
UNITS: tuple[GivenUnits, ...] = ("pixel", "mm", "lps", "ras")
_WRITTEN = {"pixel": "pixels", "mm": "mm", "lps": "mm (LPS)", "ras": "mm (RAS)"}
_TO_LPS = np.array([-1.0, -1.0, 1.0])  # of right, anterior, superior


@dataclasses.dataclass(frozen=True, eq=False)
class Axes:
    """Two axes, the long one alone, or a click.

    Attributes:
      ends: (4, D) of the long axis, then of the short one; (2, D) of the long one; or (1, D), a
        point in the lesion.
      units: "pixel", x and y of the image, centres at whole numbers from 0; "mm", the same times
        the side of a pixel; or "lps", D = 3, mm in the patient to the left, to posterior and to
        superior.
    """

    ends: np.ndarray
    units: Units


def units_of(column: str, text: str) -> GivenUnits:
    """One of `UNITS` from a cell, in any letters; "pixel" from an empty one.

    Raises:
      UserError: anything else.
    """
    found = text.strip().casefold() or "pixel"
    for units in UNITS:
        if units == found:
            return units
    raise UserError(
        column,
        found=f"{cells.shown(text)}",
        expected=f"one of {', '.join(UNITS)}",
        remedy="correct it or leave it empty",
    )


def axes_of(column: str, text: str, units: GivenUnits) -> dict[str, Any]:
    """Axes from "x1, y1, ..., x4, y4", or from the first half of it, as a field of `Annotation`.

    Args:
      column: where it was found.
      text: numbers with commas, three a point where `units` is "lps" or "ras".
      units: one of `UNITS`.

    Raises:
      UserError: another count of numbers, or no finite ones.
    """
    found = cells.numbers(text)
    dimensions = 3 if units in ("lps", "ras") else 2
    if len(found) not in (2 * dimensions, 4 * dimensions):
        long, short = (
            ",".join(f"{axis}{end}" for end in ends for axis in "xyz"[:dimensions])
            for ends in ((1, 2), (3, 4))
        )
        whole, half = ("twelve", "six") if dimensions == 3 else ("eight", "four")
        raise UserError(
            column,
            found=f"{cells.shown(text)}",
            expected=(
                f"{whole} numbers {long} of the long axis and {short} of the short one, in "
                f"{_WRITTEN[units]}, or {half} of the long one alone"
            ),
            remedy="correct the line",
        )
    if units == "pixel" and len(found) == 8:
        return {"recist": np.array(found, np.float32)}
    ends = np.array(found).reshape(-1, dimensions)
    if units == "ras":
        return {"axes": Axes(ends * _TO_LPS, "lps")}
    return {"axes": Axes(ends, units)}
