"""One lesion of a table -> one record: a square crop with the labelled lesion in it.

Shared by the data sets that are made from annotations (`casgan_jax.annotations`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from casgan_jax.annotations import Annotation
from casgan_jax.errors import UserError
from casgan_jax.grid import Box
from casgan_jax.records import features as records
from datasets.outcomes import Skip
from datasets.task import Record


class LesionSource(NamedTuple):
    """What `make_record` needs.

    Attributes:
      annotation: where the image and the marks are.
      size: side of the crop in native pixels.
      scale: r.
      image_dtype: np.uint8: the window becomes 0..255; np.int16: source values (HU).
      window: for all lesions; None: see `casgan_jax.labelling.lesion`.
      neighbours: slices stored to either side.
      larger: name of the config to use for lesions that do not fit; "" where there is none.
    """

    annotation: Annotation
    size: int
    scale: int
    image_dtype: type
    window: tuple[float, float] | None
    larger: str
    neighbours: int = 0


def lesion_features(
    size: int, scale: int, image_dtype: type, neighbours: int = 0
) -> tfds.features.FeaturesDict:
    """The features of `make_record`."""
    axes = tfds.features.Tensor(shape=(8,), dtype=np.float32)
    return records.segmentation_features(
        size,
        scale,
        image_dtype,
        neighbours=neighbours,
        extra={
            "recist": axes,  # as given, in pixels of the crop; zeros where none were given
            "measured_axes": axes,  # of the soft mask at 128/255, in pixels of the crop
            "quality": tfds.features.Scalar(dtype=np.float32),
            "strategy": tfds.features.Text(),  # recist, readers or mask
            # Source values that are 0 and 1 in the label's eyes.
            "source_window": tfds.features.Tensor(shape=(2,), dtype=np.float32),
        },
    )


def repeated(first: str) -> Skip:
    """Why a lesion that stands again gives no record; it is kept once, as `first`."""
    return Skip("stands twice", f"found the image, slice and marks of {first} again; kept once")


def make_record(source: LesionSource | Skip) -> Record | Skip:
    """Reads, labels and crops one lesion; what is known to give no record stays a `Skip`.

    The crop is described in `casgan_jax.labelling.record`.
    """
    from casgan_jax.labelling.label import LabelOptions, label_read_lesion
    from casgan_jax.labelling.lesion import read_lesion
    from casgan_jax.labelling.record import crop_of, extent_of, lesion_record
    from casgan_jax.labelling.volumes.beside import NeighbourReader
    from casgan_jax.soft_mask.trimap import AnnotationError

    if isinstance(source, Skip):
        return source
    options = LabelOptions(scale=source.scale, least_scale=source.scale, window=source.window)
    try:
        lesion = read_lesion(source.annotation, window=source.window)
        label = label_read_lesion(lesion, options)
        beside = (
            NeighbourReader(source.neighbours).read(source.annotation) if source.neighbours else ()
        )
    except AnnotationError as error:
        return Skip(error.reason.replace("_", " "), str(error))
    except UserError as error:
        return Skip("image or marks cannot be used", str(error))
    readers = 0 if label.masks is None else label.masks.shape[2]
    if readers > records.MAX_READERS:
        return Skip(f"more than {records.MAX_READERS} readers", f"{readers} readers")
    box, extent = crop_of(lesion, source.size), extent_of(label)
    if not box.contains(extent):
        return _too_large(source, extent)
    return lesion_record(lesion, label, source.size, source.image_dtype, beside)


def _too_large(source: LesionSource, extent: Box) -> Skip:
    height, width = extent.shape
    remedy = f"build {source.larger}" if source.larger else "no config is larger"
    return Skip(
        f"does not fit {source.size} x {source.size} pixels, {remedy}",
        f"{source.annotation.image}: {width} x {height} pixels with its border",
    )
