"""What one record of a data set of volumes holds: a whole lesion, slice above slice.

What was outlined is stored slice by slice as in `casgan_jax.records.features`, and no soft mask is:
these records are what labels and networks are measured on, not what they learn from.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from casgan_jax.records.features import MAX_READERS

KIND = "volumes"


def volume_features(size: int, image_dtype: type, *, extra: dict[str, Any] | None = None) -> Any:
    """The TFDS features of a data set of volumes; D is each lesion's own number of slices.

    Args:
      size: side of the slices in pixels.
      image_dtype: `np.int16` for Hounsfield units, `np.uint8` for 8-bit sources.
      extra: features that only this data set has.

    Returns:
      A `tfds.features.FeaturesDict`.
    """
    import tensorflow_datasets as tfds

    def planes(dtype: type, *channels: int) -> Any:
        shape = (None, size, size, *channels)
        return tfds.features.Tensor(shape=shape, dtype=dtype, encoding="zlib")

    return tfds.features.FeaturesDict(
        {
            # (D, H, W); the window that maps it to [0, 1] is in the metadata.
            "image": planes(image_dtype),
            # (D, H, W, readers) 0 / 255: each reader in the same place on all slices.
            "reader_masks": planes(np.uint8, MAX_READERS),
            # (D, H, W) 0 / 255: marked by at least half of those who marked anything on the slice.
            "consensus": planes(np.uint8),
            "n_readers": tfds.features.Scalar(dtype=np.int32),
            # Between slices, rows, columns; 0: not known.
            "spacing_mm": tfds.features.Tensor(shape=(3,), dtype=np.float32),
            "patient": tfds.features.Text(),
            "lesion": tfds.features.Text(),
            "key": tfds.features.Text(),
            **(extra or {}),
        }
    )
