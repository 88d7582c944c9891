"""Outlines that reports and presentation states draw, those of one lesion together."""

from __future__ import annotations

import dataclasses

import numpy as np

from casgan_jax.dicom.contours import Contour, Roi

DRAWN = "drawn as an outline: labelled as one"
_LEAST_SIZE = 0.5  # pixels or mm across


@dataclasses.dataclass
class _Lesion:
    name: str
    frame_of_reference: str | None
    contours: list[Contour]


class Outlines:
    """The outlines of a file while it is read."""

    def __init__(self) -> None:
        self._lesions: dict[tuple[str, str | None], _Lesion] = {}

    def add(self, contour: Contour, *, group: str, name: str, frame: str | None) -> str:
        """Adds a contour to those of its lesion, and returns why it is none, or "".

        Args:
          contour: of an outline.
          group: contours of one group are of one lesion; "" where nothing is said.
          name: of the lesion, or "".
          frame: UID of the frame of reference of points in the patient, or None.
        """
        if not np.isfinite(contour.points).all():
            return "an outline that is not finite"
        if np.ptp(contour.points, axis=0).max() < _LEAST_SIZE:
            return "an outline without size"
        key = group or f"outline {len(self._lesions)}", frame
        lesion = self._lesions.setdefault(key, _Lesion(name, frame, []))
        if not any(_is_same(contour, other) for other in lesion.contours):
            lesion.contours.append(contour)
        return ""

    def has(self, group: str) -> bool:
        """Whether a group has an outline."""
        return any(key == group for key, _ in self._lesions)

    def regions(self) -> tuple[Roi, ...]:
        """The outlines of each lesion, in the file's order."""
        return tuple(
            Roi(number, one.name, tuple(one.contours), one.frame_of_reference, note=DRAWN)
            for number, one in enumerate(self._lesions.values(), 1)
        )


def _is_same(one: Contour, other: Contour) -> bool:
    """Whether a contour was read already: drawn twice, it would enclose nothing."""
    same = one.images == other.images and one.points.shape == other.points.shape
    return same and np.allclose(one.points, other.points, atol=1e-3)
