"""Trimaps from annotations that do not agree, or do not know better (paper 3.1.2).

A trimap is uint8: 0 background, 128 unknown, 255 lesion. `scale` times the resolution of the masks
is reached by interpolating each mask linearly and cutting it at one half, so that outlines are
smooth instead of staircases of `scale` pixels. Averaged back, all masks of 250 LIDC slices came
out unchanged; on the fine grid their area is 0.3% smaller at the median.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.soft_mask.recist import axis_lengths

BACKGROUND, UNKNOWN, LESION = 0, 128, 255
_SEED = 0.3  # size of what is lesion in any case, relative to the curve through the axes


class AnnotationError(UserError):
    """An annotation from which no trimap can be made.

    Attributes:
      reason: "no_mask", "empty_intersection" or "no_background", for counting.
    """

    def __init__(self, reason: str, what: object, **facts: Any) -> None:
        """
        Args:
          reason: as above.
          what, facts: of a `UserError`.
        """
        super().__init__(what, **facts)
        self.reason = reason
        self.args = (reason, what)  # what a worker process sends it by


def upsample_mask(mask: np.ndarray, scale: int) -> np.ndarray:
    """(H, W) mask, nonzero = lesion -> (scale * H, scale * W) bool with a smooth outline.

    A lone pixel keeps its centre, so that no lesion vanishes.
    """
    if scale == 1:
        return mask != 0
    size = (scale * mask.shape[1], scale * mask.shape[0])
    fine = cv2.resize((mask != 0).astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return fine >= 0.5


def marked_readers(reader_masks: np.ndarray, scale: int = 1) -> np.ndarray:
    """The masks of the readers who marked anything, upsampled.

    Args:
      reader_masks: (H, W, R), nonzero = lesion; empty masks do not count.
      scale: r.

    Returns:
      (r * H, r * W, M) bool, 1 <= M <= R.

    Raises:
      AnnotationError: nobody marked anything ("no_mask").
      UserError: not (H, W, R).
    """
    if reader_masks.ndim != 3:
        raise UserError(
            "reader_masks",
            found=f"shape {reader_masks.shape}",
            expected="(H, W, R)",
            remedy="stack the readers along the last axis",
        )
    marked = np.flatnonzero(reader_masks.any(axis=(0, 1)))
    if not marked.size:
        raise AnnotationError(
            "no_mask",
            "reader_masks",
            found=f"{reader_masks.shape[2]} empty masks",
            expected="a marked lesion",
            remedy="leave this slice out",
        )
    # Readers first in memory: reductions over them then run along whole planes, 100 times as fast.
    readers = np.stack([upsample_mask(reader_masks[..., k], scale) for k in marked])
    return np.moveaxis(readers, 0, 2)


def trimap_from_readers(reader_masks: np.ndarray, *, scale: int = 1) -> np.ndarray:
    """Lesion where all agree, background where none marked, unknown elsewhere.

    Args:
      reader_masks: (H, W, R), nonzero = lesion; a reader who marked nothing does not count.
      scale: r.

    Returns:
      (r * H, r * W) uint8 trimap.

    Raises:
      AnnotationError: "no_mask", "empty_intersection", or "no_background" where the lesion fills
        the image.
    """
    readers = marked_readers(reader_masks, scale)
    lesion: np.ndarray = np.all(readers, axis=2)
    if not lesion.any():
        raise AnnotationError(
            "empty_intersection",
            "reader_masks",
            found=f"no pixel that all {readers.shape[2]} readers marked",
            expected="at least one",
            remedy="leave this slice out",
        )
    return _assemble("reader_masks", lesion, np.any(readers, axis=2))


def trimap_from_binary(
    mask: np.ndarray, *, scale: int = 1, fraction: float = 0.2, least: float = 1.0
) -> np.ndarray:
    """A band around the outline of one mask, as wide as the lesion's size makes it uncertain.

    The lesion is eroded and dilated by `max(least, fraction * radius)`, with the radius of the disc
    of the same area; 0.2 is about what four LIDC readers disagree by. The erosion stops at half the
    depth of each connected part, so that the smallest keeps a seed.

    Args:
      mask: (H, W), nonzero = lesion.
      scale: r.
      fraction: half width of the unknown band, in radii.
      least: the least half width, in pixels of `mask`.

    Returns:
      (r * H, r * W) uint8 trimap.

    Raises:
      AnnotationError: "no_mask", or "no_background" where the band reaches all of the image.
      UserError: not (H, W).
    """
    if mask.ndim != 2:
        raise UserError(
            "mask",
            found=f"shape {mask.shape}",
            expected="(H, W)",
            remedy="pass one lesion's plane",
        )
    if not mask.any():
        raise AnnotationError(
            "no_mask",
            "mask",
            found="it empty",
            expected="a marked lesion",
        )
    fine = upsample_mask(mask, scale).astype(np.uint8)
    radius = max(scale * least, fraction * float(np.sqrt(fine.sum() / np.pi)))
    # An image border is not a lesion border: repeat the edge before measuring depth.
    pad = int(np.ceil(radius)) + 1
    padded = np.pad(fine, pad, mode="edge")
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    depth = depth[pad:-pad, pad:-pad]
    if fine.all():
        depth = np.full(fine.shape, np.inf, np.float32)
    n_parts, part_of_pixel = cv2.connectedComponents(fine)
    parts = np.asarray(part_of_pixel, np.int32)
    deepest = np.zeros(n_parts, np.float32)
    np.maximum.at(deepest, parts.ravel(), depth.ravel())
    lesion = (fine > 0) & (depth > np.minimum(radius, deepest / 2)[parts])
    distance = cv2.distanceTransform(1 - fine, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return _assemble("mask", lesion, distance <= radius)


def trimap_from_recist(
    recist: np.ndarray,
    distance: np.ndarray,
    *,
    scale: int = 1,
    fraction: float = 0.3,
    least: float = 0.75,
) -> np.ndarray:
    """A band around the curve through the ends of two RECIST axes, as wide as the lesion is large.

    The curve (`recist.outline`) is shrunk and grown by `fraction` of its size. In small lesions,
    where that is less than the scanner's blur, it is `least` pixels across their mean radius.

    Args:
      recist: (8,) long axis x1, y1, x2, y2, short axis x3, y3, x4, y4, that pass `check_recist`.
      distance: (r * H, r * W) `relative_distance` of the axes at r times the resolution.
      scale: r.
      fraction: half width of the unknown band, relative to the lesion.
      least: the least half width, in pixels of the image.

    Returns:
      (r * H, r * W) uint8 trimap.

    Raises:
      AnnotationError: "no_background" where the band reaches all of the image.
    """
    radius = float(np.sqrt(np.prod(axis_lengths(recist)))) / 2
    width = max(fraction, least / radius)
    lesion = distance <= max(1 - width, _SEED)
    lesion[np.unravel_index(distance.argmin(), lesion.shape)] = True  # the smallest keep a seed
    return _assemble("recist", lesion, lesion | (distance <= 1 + width))


def _assemble(field: str, lesion: np.ndarray, possible: np.ndarray) -> np.ndarray:
    if possible.all():
        raise AnnotationError(
            "no_background",
            field,
            found="the lesion and its border to fill the image",
            expected="some background",
            remedy="cut a wider crop",
        )
    trimap = np.where(possible, UNKNOWN, BACKGROUND).astype(np.uint8)
    trimap[lesion] = LESION
    return trimap
