"""Marks on one or more slices of a lesion -> the soft mask of the whole lesion.

    marks = [VolumeMark(slice=31, recist=axes)]
    label = label_volume(volume, (2.5, 0.7, 0.7), marks, window=(-1000, 400))
    label.alpha.sum() * 2.5 * 0.7 * 0.7  # mm3

A marked slice is labelled as `casgan_jax.soft_mask.label` does. From there the lesion is followed
outwards slice by slice (`volume_following`), between two marked slices from both, and at the end
the whole of it is matted once (`volume_matting`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import Box, area_mean, normalise
from casgan_jax.soft_mask.label import label_from_recist
from casgan_jax.soft_mask.recist import check_recist, surroundings
from casgan_jax.soft_mask.trimap import trimap_from_binary
from casgan_jax.soft_mask.volume_following import Propose, follow, levels_of
from casgan_jax.soft_mask.volume_matting import volume_matting

_SCALE = 4  # at which a slice with axes is labelled
_THRESHOLD = 0.5
_PRIOR_WEIGHT = 0.1


class VolumeMark(NamedTuple):
    """What says where a lesion is in one slice: axes or a mask, exactly one of them.

    Attributes:
      slice: number of the slice in the volume, from 0.
      recist: (8,) axes in pixels of the slice.
      mask: (H, W) bool.
    """

    slice: int
    recist: np.ndarray | None = None
    mask: np.ndarray | None = None


class VolumeLabel(NamedTuple):
    """The soft mask of a lesion in a volume.

    Attributes:
      alpha: (S, H, W) float32 in [0, 1], 0 outside of the slices `first` to `last`.
      first, last: slices of the lesion, both included.
      ended: why it ends before the first and after the last slice: "contrast", "area", "drift", or
        "edge", where the series ends.
    """

    alpha: np.ndarray
    first: int
    last: int
    ended: tuple[str, str]


def label_volume(
    volume: np.ndarray,
    spacing_mm: tuple[float, float, float],
    marks: Sequence[VolumeMark],
    *,
    window: tuple[float, float] | None = None,
    propose: Propose | None = None,
) -> VolumeLabel:
    """The soft mask of a lesion that is marked on one or more slices of a volume.

    Args:
      volume: (S, H, W) float32 source values, slices sorted by position.
      spacing_mm: between slices, rows, columns.
      marks: of one lesion, on different slices.
      window: source values that map to 0 and 1; None: the volume is in [0, 1].
      propose: (image (H, W) in [0, 1], recist (8,)) -> soft mask (H, W), such as a trained network;
        None: GrabCut from the neighbouring slice's mask.

    Raises:
      UserError: an argument is not as above.
    """
    volume = np.asarray(volume)
    if volume.ndim != 3:
        raise UserError("volume", found=f"shape {volume.shape}", expected="(slices, rows, columns)")
    marks = sorted(marks, key=lambda mark: mark.slice)
    image = volume.astype(np.float32) if window is None else normalise(volume, window)
    box = _box(marks, image.shape[1:])
    part = image[:, box.top : box.bottom, box.left : box.right]
    soft = {mark.slice: _soft(image[mark.slice], mark, propose) for mark in marks}
    masks = {each: box.crop(alpha) >= _THRESHOLD for each, alpha in soft.items()}
    ended = _fill(part, image, box, masks, spacing_mm, propose)
    first, last = min(masks), max(masks)
    stack = np.stack([masks[each] for each in range(first, last + 1)])
    matted = _matted(part[first : last + 1], stack, spacing_mm)
    alpha = np.zeros(volume.shape, np.float32)
    alpha[first : last + 1, box.top : box.bottom, box.left : box.right] = matted
    return VolumeLabel(alpha, first, last, ended)


def _box(marks: Sequence[VolumeMark], shape: tuple[int, int]) -> Box:
    """The part of the slices that is worked on."""
    found: Box | None = None
    for mark in marks:
        if mark.recist is not None:
            check_recist(mark.recist, shape)
            each = surroundings(mark.recist, shape)
        else:
            around = Box.around(mark.mask)
            each = around.grown(max(around.shape) // 2 + 4).clipped(shape)
        found = each if found is None else found.joined(each)
    return found


def _soft(image: np.ndarray, mark: VolumeMark, propose: Propose | None) -> np.ndarray:
    """(H, W) soft mask of a marked slice."""
    if mark.mask is not None:
        return mark.mask.astype(np.float32)
    if propose is not None:
        return propose(image, mark.recist)
    return area_mean(label_from_recist(image, mark.recist, _SCALE).alpha, _SCALE)


def _fill(
    part: np.ndarray,
    image: np.ndarray,
    box: Box,
    masks: dict[int, np.ndarray],
    spacing_mm: tuple[float, float, float],
    propose: Propose | None,
) -> tuple[str, str]:
    """Adds the masks of slices without marks; why the lesion ends below and above."""
    marked = sorted(masks)
    shape = image.shape[1:]

    def within(cropped: np.ndarray, recist: np.ndarray) -> np.ndarray:
        whole = box.paste(cropped, shape)
        return box.crop(propose(whole, recist + np.tile(box.corner, 4)))

    tool = None if propose is None else within
    pixel = float(np.sqrt(spacing_mm[1] * spacing_mm[2]))

    def outwards(start: int, slices: Sequence[int]) -> tuple[list[np.ndarray], str]:
        levels = levels_of(part[start], masks[start])
        images = [part[each] for each in slices]
        return follow(images, masks[start], levels, spacing_mm[0], pixel, tool)

    for low, high in zip(marked, marked[1:], strict=False):
        up = outwards(low, range(low + 1, high))[0]
        down = outwards(high, range(high - 1, low, -1))[0]
        for each in range(low + 1, high):
            near = [up[each - low - 1]] if each - low - 1 < len(up) else []
            near += [down[high - each - 1]] if high - each - 1 < len(down) else []
            masks[each] = near[0] if near else masks[low]
    below, why_below = outwards(marked[0], range(marked[0] - 1, -1, -1))
    above, why_above = outwards(marked[-1], range(marked[-1] + 1, len(part)))
    masks.update({marked[0] - 1 - k: mask for k, mask in enumerate(below)})
    masks.update({marked[-1] + 1 + k: mask for k, mask in enumerate(above)})
    return why_below, why_above


def _matted(
    part: np.ndarray, masks: np.ndarray, spacing_mm: tuple[float, float, float]
) -> np.ndarray:
    trimap = np.stack([trimap_from_binary(mask, fraction=0.3) for mask in masks])
    prior = masks.astype(np.float32)
    return volume_matting(part, trimap, prior, _PRIOR_WEIGHT, spacing_mm)
