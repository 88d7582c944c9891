"""One lesion of a table -> one record: a square crop with the labelled lesion in it.

Shared by the data sets that are made from annotations (`casgan_jax.annotations`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from casgan_jax.annotations import Annotation
from casgan_jax.errors import UserError
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
    mark = _mark(lesion)
    corner = _corner(mark, source.size, lesion.values.shape)
    extent = _extent(label)
    if (extent[:2] < corner).any() or (extent[2:] > corner + source.size).any():
        return _too_large(source, extent)
    return _record(source, lesion, label, mark, corner)


def _record(
    source: LesionSource, lesion: Lesion, label: LesionLabel, mark: np.ndarray, corner: np.ndarray
) -> Record:
    size, scale = source.size, source.scale
    shift = np.array(label.box[:2]) - corner
    masks, consensus = _masks(label)
    readers = np.zeros((size, size, records.MAX_READERS), np.uint8)
    for number in range(masks.shape[2]):
        readers[..., number] = _placed(_code(masks[..., number]), shift, size)
    spacing = lesion.spacing_mm or (0.0, 0.0)
    axes = np.tile(corner, 4).astype(np.float32)
    return {
        "image": _image(source, lesion, corner),
        "alpha": _placed(records.encode_alpha(label.alpha), shift * scale, size * scale),
        "trimap": _placed(label.trimap, shift * scale, size * scale),
        "reader_masks": readers,
        "consensus": _placed(_code(consensus), shift, size),
        "mark": (mark - corner).astype(np.float32),
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


def _mark(lesion: Lesion) -> np.ndarray:
    """(x, y) where one would point at the lesion: the middle of its axes or of its masks."""
    from casgan_jax.soft_mask.recist import centre

    if lesion.recist is not None:
        return centre(lesion.recist)
    assert lesion.masks is not None, "marks are axes or masks"
    rows, columns, _ = np.nonzero(lesion.masks)
    return np.array([columns.mean(), rows.mean()])


def _corner(mark: np.ndarray, size: int, shape: tuple[int, int]) -> np.ndarray:
    """(left, top) of the crop around a mark; inside the image where that is large enough."""
    most = np.maximum(np.array(shape[::-1]) - size, 0)
    return np.clip(np.ceil(mark - size / 2).astype(int), 0, most)


def _extent(label: LesionLabel) -> np.ndarray:
    """(left, top, right, bottom), exclusive, of all that may be lesion, in pixels of the image."""
    rows, columns = np.nonzero(label.trimap)
    low = np.array([columns.min(), rows.min()]) // label.scale
    high = np.array([columns.max(), rows.max()]) // label.scale + 1
    return np.concatenate([low, high]) + np.tile(label.box[:2], 2)


def _too_large(source: LesionSource, extent: np.ndarray) -> Skip:
    width, height = extent[2:] - extent[:2]
    remedy = f"build {source.larger}" if source.larger else "no config is larger"
    return Skip(
        f"does not fit {source.size} x {source.size} pixels, {remedy}",
        f"{source.annotation.image}: {width} x {height} pixels with its border",
    )


def _masks(label: LesionLabel) -> tuple[np.ndarray, np.ndarray]:
    """(h, w, R) bool of those who outlined the lesion, and (h, w) bool, what half of them marked.

    Axes are no outline: R is 0, and in place of the consensus is the soft mask at the threshold.
    """
    from casgan_jax.labelling.label import to_native
    from casgan_jax.soft_mask.label import binarise

    if label.masks is None:
        consensus = binarise(to_native(label.alpha, label.scale), label.threshold)
        return np.zeros((*consensus.shape, 0), bool), consensus
    return label.masks, 2 * label.masks.sum(axis=2) >= label.masks.shape[2]


def _image(source: LesionSource, lesion: Lesion, corner: np.ndarray) -> np.ndarray:
    from casgan_jax.images import to_unit

    left, top = corner
    crop = lesion.values[top : top + source.size, left : left + source.size]
    if source.image_dtype == np.uint8:
        crop = np.round(255 * to_unit(crop, lesion.window))
    limits = np.iinfo(source.image_dtype)
    crop = np.rint(crop).clip(limits.min, limits.max).astype(source.image_dtype)
    missing = [(0, source.size - side) for side in crop.shape]
    return np.pad(crop, missing, mode="edge")


def _placed(plane: np.ndarray, shift: np.ndarray, size: int) -> np.ndarray:
    """A plane in a square of zeros, its corner at `shift` = (x, y); what leaves it is cut off."""
    square = np.zeros((size, size), plane.dtype)
    low = np.maximum(shift, 0)
    high = np.minimum(shift + plane.shape[::-1], size)
    (left, top), (right, bottom) = low - shift, high - shift
    square[low[1] : high[1], low[0] : high[0]] = plane[top:bottom, left:right]
    return square


def _code(mask: np.ndarray) -> np.ndarray:
    return mask.astype(np.uint8) * np.uint8(255)
