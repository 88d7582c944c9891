"""A lesion followed from slice to slice, until it ends.

From a slice whose mask is known to the next: the mask says about where to look, the next slice's
image where the lesion is. It has ended where that is no brighter (or darker) than its surroundings
("contrast"), has become too small or stays as thin as a vessel ("area"), or has moved away from
where it was marked ("drift"); the series may end before it does ("edge").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from casgan_jax.soft_mask.grabcut import grabcut_near
from casgan_jax.soft_mask.recist import measure_axes

Propose = Callable[[np.ndarray, np.ndarray], np.ndarray]

_THRESHOLD = 0.5
_LEAST_CONTRAST = 0.5  # of the marked slice's, half way from the surroundings to the lesion
_LEAST_AREA = 2.0  # pixels
_GROWTH = 1.15  # area, relative to the largest one that is marked
_LEAST_OVERLAP = 0.4  # of the smaller of two neighbours
_THIN, _STEADY = 0.2, 0.8  # of the marked area, of the slice before: so goes a vessel
_LONGEST = 1.6  # reach across slices, in half long axes


class Levels(NamedTuple):
    """Grey levels of a lesion and of what is around it."""

    lesion: float
    around: float

    def contrast(self, image: np.ndarray, mask: np.ndarray) -> float:
        """1: the mask is as bright as the lesion; 0: as what is around it."""
        apart = self.lesion - self.around
        return float((image[mask].mean() - self.around) / apart) if apart else 0.0


def levels_of(image: np.ndarray, mask: np.ndarray) -> Levels:
    """The levels of a marked lesion: medians of its core and of a ring around it."""
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    away = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    radius = max(float(depth.max()), 1.0)
    ring = (away > 1.5) & (away <= 1.5 + max(radius, 3.0))
    core = depth > 0.5 * radius
    if not ring.any():
        ring = ~mask if not mask.all() else core
    return Levels(float(np.median(image[core])), float(np.median(image[ring])))


class Followed(NamedTuple):
    """Masks of slices from a marked one on, that one not included, and why there are no more."""

    masks: list[np.ndarray]
    ended: str


def follow(
    images: Sequence[np.ndarray],
    start: np.ndarray,
    levels: Levels,
    step_mm: float,
    pixel_mm: float,
    propose: Propose | None = None,
) -> Followed:
    """Follows a lesion through the slices beside a marked one.

    Args:
      images: (H, W) in [0, 1], from the marked slice's neighbour outwards.
      start: (H, W) bool, the lesion in the marked slice.
      levels: its grey levels there.
      step_mm: from slice to slice.
      pixel_mm: of a slice.
      propose: (image, recist) -> soft mask (H, W); None: GrabCut near the mask before.
    """
    largest, before, masks = float(start.sum()), start, []
    reach = _LONGEST * np.sqrt(largest / np.pi) * pixel_mm
    steady = 0
    for number, image in enumerate(images, start=1):
        found = _found(image, before, propose)
        why = _ends(image, found, before, start, levels)
        if not why and number * step_mm > reach:
            why = "area"
        if why:
            return Followed(masks, why)
        area = float(found.sum())
        thin = area < _THIN * largest and area > _STEADY * before.sum()
        steady = steady + 1 if thin else 0
        if steady == 2:
            return Followed(masks[:-1], "area")
        masks.append(found)
        before = found
    return Followed(masks, "edge")


def _found(image: np.ndarray, before: np.ndarray, propose: Propose | None) -> np.ndarray:
    if propose is None:
        return grabcut_near(image, before)
    mask = propose(image, measure_axes(before, 0.5)) >= _THRESHOLD
    parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[1]
    shared = np.bincount(parts[before & mask], minlength=1)
    if not shared.sum():
        return np.zeros_like(mask)
    return parts == int(np.argmax(shared))


def _ends(
    image: np.ndarray, found: np.ndarray, before: np.ndarray, start: np.ndarray, levels: Levels
) -> str:
    """Why what was found is no longer the lesion; "" where it is."""
    area = float(found.sum())
    if area < _LEAST_AREA:
        return "area"
    if levels.contrast(image, found) < _LEAST_CONTRAST:
        return "contrast"
    if area > _GROWTH * max(float(start.sum()), float(before.sum())):
        return "area"
    overlap = float((found & before).sum()) / min(area, float(before.sum()))
    return "drift" if overlap < _LEAST_OVERLAP else ""
