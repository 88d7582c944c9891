"""A lesion followed from slice to slice, until it ends.

From a slice whose mask is known to the next, three witnesses vote: the mask itself, GrabCut near it
(`grabcut_near`), and the grey levels between the lesion's and its surroundings'. A trained network
that sees axes speaks alone. Nothing counts far from where the lesion was marked, so that no vessel
and no chest wall is followed. The lesion has ended where it is no brighter (or darker) than its
surroundings ("contrast"), is too small, or stays as thin as a vessel or longer than it is wide
("area"), or has moved off the mask before ("drift"); the series may end before it does ("edge"),
or a reader says that it does ("marked").
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import cv2
import numpy as np

from casgan_jax.soft_mask.grabcut import grabcut_near
from casgan_jax.soft_mask.recist import centre, measure_axes

# (volume (S, H, W) of source values, which slice, recist (8,), values that map to 0 and 1) -> soft
# mask (H, W) of the slice
Propose = Callable[[np.ndarray, int, np.ndarray, tuple[float, float]], np.ndarray]
Ask = Callable[[int, np.ndarray], np.ndarray]
Keep = Callable[[int, np.ndarray], np.ndarray]

_THRESHOLD = 0.5
_LEVEL = 0.35  # of the way from the surroundings to the lesion, where readers draw its outline
_VOTES = 1.5  # of three
_SHRINKING = 0.9  # of the axes that a network is shown, from slice to slice
_LEAST_CONTRAST = 0.25  # of the marked slice's
_LEAST_AREA = 2.0  # pixels
_PAD, _PAD_SHARE = 1.0, 0.15  # pixels and radii that a lesion may reach beyond its marked mask
_WIDER = 2.5  # radii of a disc that fits into no lesion, nor far into one on a chest wall
_LEAST_OVERLAP = 0.4  # of the smaller of two neighbours
_THIN = 0.2  # of the marked area, below which what hardly gets smaller is a vessel
_FALL = 0.5  # of the marked area for a slice of one radius; a ball's falls by two
_MOST_FALL = 0.1  # of the marked area
_LONGEST = 3.0  # reach across slices, in radii of the disc of the marked area


class Levels(NamedTuple):
    """Grey levels of a lesion and of what is around it."""

    lesion: float
    around: float

    def share(self, image: np.ndarray) -> np.ndarray:
        """1 where an image is as bright as the lesion, 0 where as what is around it."""
        apart = self.lesion - self.around
        return (image - self.around) / apart if apart else np.zeros_like(image)


def levels_of(image: np.ndarray, mask: np.ndarray) -> Levels:
    """The levels of a marked lesion: medians of its core and of a ring around it."""
    depth, away = _depth(mask), _depth(~mask)
    radius = max(float(depth.max()), 1.0)
    ring = (away > 1.5) & (away <= 1.5 + max(radius, 3.0))
    core = depth > 0.5 * radius if mask.any() else mask
    if not ring.any():
        ring = ~mask if not mask.all() else core
    return Levels(float(np.median(image[core])), float(np.median(image[ring])))


def may_reach(mask: np.ndarray) -> np.ndarray:
    """(H, W) bool: where other slices may hold a lesion with that mask in the marked one."""
    reach: np.ndarray = _depth(~mask) <= _PAD + _PAD_SHARE * radius_of(mask)
    return reach


def beyond(image: np.ndarray, levels: Levels, radius: float) -> np.ndarray:
    """(H, W) bool: what is as bright as a lesion and too wide to be it, such as the chest wall.

    Args:
      image: (H, W); what lies at its border goes on outside.
      levels: of the lesion.
      radius: of the disc of the lesion's area where it is marked, in pixels.
    """
    wide = _WIDER * radius + 1
    margin = int(np.ceil(wide)) + 1
    bright = np.pad(levels.share(image) >= _LEVEL, margin, mode="edge")
    middles = _depth(bright) > wide
    if not middles.any():
        return np.zeros(image.shape, bool)
    # Its blurred edge, a pixel, is the lesion's as well.
    found: np.ndarray = (_depth(~middles) <= wide - 1)[margin:-margin, margin:-margin]
    return found


class Followed(NamedTuple):
    """Soft masks of slices from a marked one on, that one not included, and why there are no
    more."""

    soft: list[np.ndarray]
    ended: str


def follow(
    images: Iterable[np.ndarray],
    start: np.ndarray,
    levels: Levels,
    step: float,
    ask: Ask | None = None,
    keep: Keep | None = None,
    least: int = 0,
) -> Followed:
    """Follows a lesion through the slices beside a marked one.

    Args:
      images: (H, W) in [0, 1], from the marked slice's neighbour outwards.
      start: (H, W) bool, the lesion in the marked slice.
      levels: its grey levels there.
      step: from slice to slice, in pixels of a slice.
      ask: (number in `images`, recist) -> soft mask (H, W), of a network; None: the witnesses vote.
      keep: (number in `images`, soft mask (H, W)) -> the same with what is certain there.
      least: number of images that the lesion is in, whatever is seen in them.
    """
    allowed, largest, before = may_reach(start), float(start.sum()), start
    soft: list[np.ndarray] = []
    radius = radius_of(start)
    # A ball's area falls by 2 step / radius of its largest from slice to slice where it is thin.
    least_fall = largest * min(_FALL * step / radius, _MOST_FALL)
    for number, image in enumerate(images):
        free = allowed & ~beyond(image, levels, radius)
        if ask is None:
            alpha = _voted(image, before, free, levels)
        else:
            shown = _smaller(measure_axes(before, _THRESHOLD))
            alpha = _kept(ask(number, shown), before, free)
        seen = alpha >= _THRESHOLD
        alpha = alpha if keep is None else keep(number, alpha)
        found = alpha >= _THRESHOLD
        area, fall = float(found.sum()), float(before.sum() - found.sum())
        vessel = area < _THIN * largest and fall < least_fall
        why = _ends(image, found, before, levels)
        if not why and (vessel or (number + 1) * step > _LONGEST * radius):
            why = "area"
        if why and number < least:
            carried = (before & free if (before & free).any() else before) | found
            alpha = carried.astype(np.float32) if keep is None else keep(number, carried)
            found = alpha >= _THRESHOLD
            why = "" if found.any() else why
        if why and (seen & ~found).any():
            why = _ends(image, seen, before, levels) or "marked"
        if why:
            return Followed(soft, why)
        soft.append(alpha)
        before = found
        allowed |= found  # strokes may reach farther
    return Followed(soft, "edge")


def _kept(alpha: np.ndarray, before: np.ndarray, free: np.ndarray) -> np.ndarray:
    """(H, W) float32: of a soft mask the part that goes on from the mask before."""
    part = _part((alpha >= _THRESHOLD) & free, before)
    around = cv2.dilate(part.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.where(part | (around & (alpha < _THRESHOLD)), alpha, 0).astype(np.float32)


def _voted(image: np.ndarray, before: np.ndarray, free: np.ndarray, levels: Levels) -> np.ndarray:
    """(H, W) float32, 1 where the witnesses see the lesion."""
    bright = _part((levels.share(image) >= _LEVEL) & _near(before), before)
    votes = cv2.GaussianBlur(before.astype(np.float32), (0, 0), 1)
    votes += bright
    votes += grabcut_near(image, before)
    return _part((votes >= _VOTES) & free, before).astype(np.float32)


def _smaller(recist: np.ndarray) -> np.ndarray:
    middle = np.tile(centre(recist), 4)
    return (middle + _SHRINKING * (recist - middle)).astype(np.float32)


def _near(mask: np.ndarray) -> np.ndarray:
    near: np.ndarray = _depth(~mask) <= max(1.0, 0.25 * radius_of(mask))
    return near


def _part(mask: np.ndarray, before: np.ndarray) -> np.ndarray:
    """The part of a mask that shares most with the mask before; empty where none does."""
    parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[1]
    shared = np.bincount(parts[before & mask], minlength=1)
    return parts == int(np.argmax(shared)) if shared.sum() else np.zeros_like(mask)


def _ends(image: np.ndarray, found: np.ndarray, before: np.ndarray, levels: Levels) -> str:
    """Why what was found is no longer the lesion; "" where it is."""
    if found.sum() < _LEAST_AREA:
        return "area"
    if levels.share(image)[found].mean() < _LEAST_CONTRAST:
        return "contrast"
    overlap = float((found & before).sum()) / min(found.sum(), before.sum())
    return "drift" if overlap < _LEAST_OVERLAP else ""


def radius_of(mask: np.ndarray) -> float:
    """Of the disc with a mask's area, in pixels."""
    return float(np.sqrt(mask.sum() / np.pi))


def _depth(mask: np.ndarray) -> np.ndarray:
    """How far a mask's pixels are from those that are not of it."""
    return cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
