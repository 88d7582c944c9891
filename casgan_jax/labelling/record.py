"""A labelled lesion as a record of a segmentation data set: a square crop with it in the middle.

The crop is moved inside the image where it would leave it, and continues the image's edge where the
image is smaller (`casgan_jax.records.features` says what a record holds).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from casgan_jax.grid import Box, area_mean, binarise, encode_alpha, normalise
from casgan_jax.labelling.label import LesionLabel
from casgan_jax.labelling.lesion import Lesion
from casgan_jax.records.features import MAX_READERS
from casgan_jax.records.neighbours import FEATURE

Record = dict[str, Any]


def crop_of(lesion: Lesion, size: int) -> Box:
    """The square of `size` pixels around a lesion's mark."""
    return Box.centred(lesion.mark, size).inside(lesion.values.shape)


def extent_of(label: LesionLabel) -> Box:
    """All that may be lesion, in pixels of the image."""
    left, top, right, bottom = Box.around(label.trimap)
    low, high = (
        (left // label.scale, top // label.scale),
        (-(-right // label.scale), -(-bottom // label.scale)),
    )
    return Box(*low, *high).shifted(*label.box.corner)


def lesion_record(
    lesion: Lesion,
    label: LesionLabel,
    size: int,
    image_dtype: type,
    beside: Sequence[np.ndarray] = (),
) -> Record:
    """The record of a lesion that its crop contains, and whose readers are not too many.

    Args:
      lesion: as it was read.
      label: of it.
      size: side of the crop in native pixels.
      image_dtype: np.uint8: the window becomes 0..255; np.int16: source values (HU).
      beside: (H, W) source values of slices beside it, the feature `neighbours`; none: without.
    """
    box = crop_of(lesion, size)
    place = label.box.within(box)
    native, fine = box.shape, box.scaled(label.scale).shape
    masks, consensus = _masks(label)
    readers = np.zeros((size, size, MAX_READERS), np.uint8)
    for number in range(masks.shape[2]):
        readers[..., number] = place.paste(_code(masks[..., number]), native)
    spacing = lesion.spacing_mm or (0.0, 0.0)
    axes = np.tile(box.corner, 4).astype(np.float32)
    slices = [_image(values, lesion.window, box, image_dtype) for values in beside]
    return {
        "image": _image(lesion.values, lesion.window, box, image_dtype),
        "alpha": place.scaled(label.scale).paste(encode_alpha(label.alpha), fine),
        "trimap": place.scaled(label.scale).paste(label.trimap, fine),
        "reader_masks": readers,
        "consensus": place.paste(_code(consensus), native),
        "mark": (lesion.mark - box.corner).astype(np.float32),
        "n_readers": masks.shape[2],
        "spacing_mm": float(np.sqrt(spacing[0] * spacing[1])),
        "patient": label.patient,
        "lesion": label.key,
        "key": label.key,
        "recist": np.zeros(8, np.float32) if lesion.recist is None else lesion.recist - axes,
        "measured_axes": label.measured_axes - axes,
        "quality": label.quality,
        "strategy": label.strategy,
        "source_window": np.array(label.window, np.float32),
        **({FEATURE: np.stack(slices, axis=-1)} if slices else {}),
    }


def _masks(label: LesionLabel) -> tuple[np.ndarray, np.ndarray]:
    """(h, w, R) bool of those who outlined the lesion, and (h, w) bool, what half of them marked.

    Axes are no outline: R is 0, and in place of the consensus is the soft mask at the threshold.
    """
    if label.masks is None:
        consensus = binarise(area_mean(label.alpha, label.scale), label.threshold)
        return np.zeros((*consensus.shape, 0), bool), consensus
    return label.masks, 2 * label.masks.sum(axis=2) >= label.masks.shape[2]


def _image(
    values: np.ndarray, window: tuple[float, float], box: Box, image_dtype: type
) -> np.ndarray:
    crop = box.crop(values, padded=True)
    if image_dtype == np.uint8:
        return encode_alpha(normalise(crop, window))
    limits = np.iinfo(image_dtype)
    return np.rint(crop).clip(limits.min, limits.max).astype(image_dtype)


def _code(mask: np.ndarray) -> np.ndarray:
    return mask.astype(np.uint8) * np.uint8(255)
