"""Axes in other units, one alone, or a click, as the two axes in pixels that a lesion is labelled
by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from casgan_jax.annotations import Axes
from casgan_jax.errors import UserError
from casgan_jax.images.geometry import Geometry
from casgan_jax.labelling.locate import distance_to
from casgan_jax.soft_mask.click import axes_from_click

# Of annotations that have so many ends of axes.
NOTES = {
    1: "a point was marked: labelled by axes that the image proposes there",
    2: "the long axis alone was measured: labelled as a circle on it",
}
_REACH = 0.5 + 1e-6  # of a slice's thickness, from its middle


def axes_in_pixels(
    ends: np.ndarray, values: Callable[[], np.ndarray], spacing_mm: tuple[float, float] | None
) -> np.ndarray:
    """(8,) float32, the long axis and the short one in pixels of the image.

    A long axis alone gets a short one of its length in mm, across its middle, which draws a circle,
    and a click the axes of what it lies in.

    Args:
      ends: (4, 2), (2, 2) or (1, 2) of `ends_in_pixels`.
      values: gives (H, W) in [0, 1], the image in its window.
      spacing_mm: (row, column) of the image; None: not known.

    Raises:
      UserError: a click that is not in the image, or in nothing that has a border.
    """
    if len(ends) == 1:
        x, y = ends[0].tolist()
        return axes_from_click(values(), (x, y))
    if len(ends) == 2:
        row, column = spacing_mm or (1.0, 1.0)
        sides = np.array([column, row])
        half = (ends[1] - ends[0]) * sides / 2
        across = np.array([-half[1], half[0]]) / sides
        middle = ends.mean(axis=0)
        ends = np.concatenate([ends, [middle - across, middle + across]])
    return ends.astype(np.float32).reshape(8)


def ends_in_pixels(
    axes: Axes, geometry: Geometry | None, spacing_mm: tuple[float, float] | None
) -> np.ndarray:
    """(4, 2), (2, 2) or (1, 2) ends in pixels of the image.

    Args:
      axes: to convert.
      geometry: of the image; None: not known.
      spacing_mm: (row, column) of the image; None: not known.

    Raises:
      UserError: what the units need is not known, or points in the patient are not on the image.
    """
    if axes.units == "pixel":
        return axes.ends
    if axes.units == "mm":
        if spacing_mm is None:
            raise _unknown("mm", "no spacing", "give `spacing_mm`")
        return axes.ends / (spacing_mm[1], spacing_mm[0])
    if geometry is None:
        raise _unknown("the patient", "nothing of where it lies", "give them in pixels or in mm")
    if distance_to(geometry, axes.ends) > _REACH:
        raise UserError(
            "recist",
            found="points that are not all within half a slice of the image",
            expected=f"points on it: {geometry}",
            remedy="name the slice that they were drawn on, or check `recist_units`",
        )
    to_pixels = np.linalg.inv(geometry.affine)
    return axes.ends @ to_pixels[:2, :3].T + to_pixels[:2, 3]


def _unknown(units: str, found: str, remedy: str) -> UserError:
    return UserError(
        "recist",
        found=f"axes in {units} for an image that says {found}",
        expected="both",
        remedy=remedy,
    )
