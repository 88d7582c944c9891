"""One slice of a nodule that several readers outlined -> what its record holds."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from casgan_jax.grid import encode_alpha, normalise
from casgan_jax.records import features as records
from datasets.outcomes import Skip
from datasets.task import Record

SIZE = 128  # side of the crops


def features(
    scale: int, image_dtype: type, neighbours: int, **more: Any
) -> tfds.features.FeaturesDict:
    """The features of `record_of` with so many slices to either side, and those of `more`."""
    side = SIZE * scale
    anchored = tfds.features.Tensor(shape=(side, side), dtype=np.uint8, encoding="zlib")
    return records.segmentation_features(
        SIZE, scale, image_dtype, neighbours=neighbours, extra={"alpha_anchored": anchored, **more}
    )


def record_of(
    image: np.ndarray,
    readers: np.ndarray,
    *,
    window: tuple[float, float],
    scale: int,
    **more: Any,
) -> Record | Skip:
    """Labels a crop by the paper's second strategy (section 3.1.2).

    The lesion is the intersection of the readers who marked something, the background is the
    complement of their union, and alpha is matted in between. `alpha_anchored` is matted too, but
    held near to what the readers meant.

    Args:
      image: (128, 128) crop.
      readers: (128, 128, R) bool, of the readers who marked anything on this slice.
      window: of the image.
      scale: r.
      **more: the features that are not made here.
    """
    from casgan_jax.soft_mask.label import label_from_readers
    from casgan_jax.soft_mask.trimap import AnnotationError

    reason = why_not(readers)
    if reason is not None:
        return reason
    image01 = normalise(image, window)
    try:
        matted = label_from_readers(image01, readers, scale, strategy="matting")
        anchored = label_from_readers(image01, readers, scale, strategy="anchored")
    except AnnotationError as error:
        return Skip(error.reason.replace("_", " "), str(error))
    padded = np.zeros((SIZE, SIZE, records.MAX_READERS), np.uint8)
    padded[..., : readers.shape[2]] = _code(readers)
    return {
        "image": image,
        "alpha": encode_alpha(matted.alpha),
        "alpha_anchored": encode_alpha(anchored.alpha),
        "trimap": matted.trimap,
        "reader_masks": padded,
        "consensus": _code(2 * readers.sum(axis=2) >= readers.shape[2]),
        "n_readers": readers.shape[2],
        **more,
    }


def why_not(readers: np.ndarray) -> Skip | None:
    """Why the masks of R readers, (128, 128, R) bool, cannot be labelled; None if they can."""
    n_readers = readers.shape[2]
    if n_readers > records.MAX_READERS:
        return Skip(f"more than {records.MAX_READERS} readers", f"{n_readers} readers")
    if n_readers < 2:
        return Skip("one reader only", "nothing to tell where the border is in doubt")
    if not readers.all(axis=2).any():
        return Skip("empty intersection", f"{n_readers} readers agree on no pixel")
    return None


def agree(readers: np.ndarray) -> bool:
    """Whether as many readers as a record holds marked something, and agree on a pixel."""
    return readers.shape[2] == records.MAX_READERS and why_not(readers) is None


def _code(mask: np.ndarray) -> np.ndarray:
    return mask.astype(np.uint8) * np.uint8(255)
