"""The kind of a lung nodule by simple measures of the image inside its outline (paper, Figure 1).

The public crops have lost their Hounsfield units, so levels are taken from the crop itself: Otsu's
threshold parts air from tissue, and the medians of both are 0 and 1. Rules are tried in the order
of KINDS; the first that holds names the slice. They are rough, made to see what a network gives up,
not to describe a nodule to a physician.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from scipy import ndimage

from casgan_jax.grid import normalise

KINDS = ("tiny", "cavitary", "calcific", "juxtapleural", "ground-glass", "isolated")

TINY_PX = 30
_CAVITY_PX, _CAVITY_SHARE, _CAVITY_LEVEL = 4, 0.03, 0.45
_CALCIFIC_LEVEL, _CALCIFIC_SHARE = 1.35, 0.15
_WALL_PX, _CONTACT = 250, 0.15
_GLASS_LEVEL = 0.6


def kind_of(record: Mapping[str, Any], window: Sequence[float]) -> str:
    """One of KINDS, of a record with `image` and `consensus`."""
    image = normalise(record["image"], window)
    mask = record["consensus"] > 0
    level, tissue = _levels(image)
    inside = level[mask]
    if mask.sum() <= TINY_PX:
        return "tiny"
    if _has_cavity(level, mask):
        return "cavitary"
    if (inside > _CALCIFIC_LEVEL).mean() > _CALCIFIC_SHARE:
        return "calcific"
    if _touches_wall(tissue, mask):
        return "juxtapleural"
    return "ground-glass" if np.median(inside) < _GLASS_LEVEL else "isolated"


def _levels(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The image with air at 0 and tissue at 1, and where tissue is."""
    coded = np.round(255 * image).astype(np.uint8)
    threshold, _ = cv2.threshold(coded, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    tissue = coded > threshold
    if tissue.all() or not tissue.any():  # an image of one grey level
        return np.zeros_like(image), tissue
    air, soft = np.median(image[~tissue]), np.median(image[tissue])
    return (image - air) / max(soft - air, 1e-3), tissue


def _has_cavity(level: np.ndarray, mask: np.ndarray) -> bool:
    """Air within the outline and away from its border."""
    core = ndimage.binary_erosion(mask, iterations=2)
    air, count = ndimage.label(core & (level < _CAVITY_LEVEL))
    if not count:
        return False
    wall = mask & (level > 1.2 * _CAVITY_LEVEL)
    largest = np.bincount(air.ravel())[1:].max()
    enough = largest >= max(_CAVITY_PX, _CAVITY_SHARE * mask.sum())
    return bool(enough and wall.sum() > 0.3 * mask.sum())


def _touches_wall(tissue: np.ndarray, mask: np.ndarray) -> bool:
    """A large body of tissue outside, along a part of the outline."""
    ring = ndimage.binary_dilation(mask, iterations=2) & ~mask
    bodies, _ = ndimage.label(tissue & ~mask)
    sizes = np.bincount(bodies.ravel())
    sizes[0] = 0
    wall = sizes[bodies] >= _WALL_PX
    return bool((ring & wall).sum() >= _CONTACT * ring.sum())
