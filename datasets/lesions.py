"""One lesion of a table -> one record: a square crop with the labelled lesion in it.

Shared by the data sets that are made from annotations (`casgan_jax.annotations`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from casgan_jax.annotations import Annotation
from casgan_jax.errors import UserError
from casgan_jax.grid import Box, area_mean, binarise, encode_alpha, normalise
from casgan_jax.records import features as records
from datasets.outcomes import Skip
from datasets.task import Record

if TYPE_CHECKING:  # imported where they are used, so that --help needs no JAX
    from casgan_jax.labelling.label import LesionLabel
    from casgan_jax.labelling.lesion import Lesion


class LesionSource(NamedTuple):
    """What `make_record` needs.

    Attributes:
      annotation: where the image and the marks are.
      size: side of the crop in native pixels.
      scale: r.
      image_dtype: np.uint8: the window becomes 0..255; np.int16: source values (HU).
      window: for all lesions; None: see `casgan_jax.labelling.lesion`.
      larger: name of the config to use for lesions that do not fit; "" where there is none.
    """

    annotation: Annotation
    size: int
    scale: int
    image_dtype: type
    window: tuple[float, float] | None
    larger: str


def lesion_features(size: int, scale: int, image_dtype: type) -> tfds.features.FeaturesDict:
    """The features of `make_record`."""
    axes = tfds.features.Tensor(shape=(8,), dtype=np.float32)
    return records.segmentation_features(
        size,
        scale,
        image_dtype,
        extra={
            "recist": axes,  # as given, in pixels of the crop; zeros where none were given
            "measured_axes": axes,  # of the soft mask at 128/255, in pixels of the crop
            "quality": tfds.features.Scalar(dtype=np.float32),
            "strategy": tfds.features.Text(),  # recist, readers or mask
            # Source values that are 0 and 1 in the label's eyes.
            "source_window": tfds.features.Tensor(shape=(2,), dtype=np.float32),
        },
    )


def make_record(source: LesionSource | Skip) -> Record | Skip:
    """Reads, labels and crops one lesion; what is known to give no record stays a `Skip`.

    The crop has the lesion in its centre, is moved inside the image where it would leave it, and
    continues the image's edge where the image is smaller.
    """
    from casgan_jax.labelling.label import LabelOptions, label_read_lesion
    from casgan_jax.labelling.lesion import read_lesion
    from casgan_jax.soft_mask.trimap import AnnotationError

    if isinstance(source, Skip):
        return source
    options = LabelOptions(scale=source.scale, window=source.window)
    try:
        lesion = read_lesion(source.annotation, window=source.window)
        label = label_read_lesion(lesion, options)
    except AnnotationError as error:
        return Skip(error.reason.replace("_", " "), str(error))
    except UserError as error:
        return Skip("image or marks cannot be used", str(error))
    readers = 0 if label.masks is None else label.masks.shape[2]
    if readers > records.MAX_READERS:
        return Skip(f"more than {records.MAX_READERS} readers", f"{readers} readers")
    mark = lesion.mark
    box = Box.centred(mark, source.size).inside(lesion.values.shape)
    extent = _extent(label)
    if not box.contains(extent):
        return _too_large(source, extent)
    return _record(source, lesion, label, mark, box)


def _record(
    source: LesionSource, lesion: Lesion, label: LesionLabel, mark: np.ndarray, box: Box
) -> Record:
    size, scale = source.size, source.scale
    place = label.box.within(box)
    native, fine = box.shape, box.scaled(scale).shape
    masks, consensus = _masks(label)
    readers = np.zeros((size, size, records.MAX_READERS), np.uint8)
    for number in range(masks.shape[2]):
        readers[..., number] = place.paste(_code(masks[..., number]), native)
    spacing = lesion.spacing_mm or (0.0, 0.0)
    axes = np.tile(box.corner, 4).astype(np.float32)
    return {
        "image": _image(source, lesion, box),
        "alpha": place.scaled(scale).paste(encode_alpha(label.alpha), fine),
        "trimap": place.scaled(scale).paste(label.trimap, fine),
        "reader_masks": readers,
        "consensus": place.paste(_code(consensus), native),
        "mark": (mark - box.corner).astype(np.float32),
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
    }


def _extent(label: LesionLabel) -> Box:
    """All that may be lesion, in pixels of the image."""
    left, top, right, bottom = Box.around(label.trimap)
    low, high = (
        (left // label.scale, top // label.scale),
        (-(-right // label.scale), -(-bottom // label.scale)),
    )
    return Box(*low, *high).shifted(*label.box.corner)


def _too_large(source: LesionSource, extent: Box) -> Skip:
    height, width = extent.shape
    remedy = f"build {source.larger}" if source.larger else "no config is larger"
    return Skip(
        f"does not fit {source.size} x {source.size} pixels, {remedy}",
        f"{source.annotation.image}: {width} x {height} pixels with its border",
    )


def _masks(label: LesionLabel) -> tuple[np.ndarray, np.ndarray]:
    """(h, w, R) bool of those who outlined the lesion, and (h, w) bool, what half of them marked.

    Axes are no outline: R is 0, and in place of the consensus is the soft mask at the threshold.
    """
    if label.masks is None:
        consensus = binarise(area_mean(label.alpha, label.scale), label.threshold)
        return np.zeros((*consensus.shape, 0), bool), consensus
    return label.masks, 2 * label.masks.sum(axis=2) >= label.masks.shape[2]


def _image(source: LesionSource, lesion: Lesion, box: Box) -> np.ndarray:
    crop = box.crop(lesion.values, padded=True)
    if source.image_dtype == np.uint8:
        return encode_alpha(normalise(crop, lesion.window))
    limits = np.iinfo(source.image_dtype)
    return np.rint(crop).clip(limits.min, limits.max).astype(source.image_dtype)


def _code(mask: np.ndarray) -> np.ndarray:
    return mask.astype(np.uint8) * np.uint8(255)
