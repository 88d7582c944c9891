"""What one record of a prepared segmentation data set holds, on disk and in memory.

Every builder under `datasets/` writes these features and every reader (`casgan_jax.data`,
`casgan_jax.evaluation`, the picture sheets) relies on them, so that a new data set needs no new
reader. Soft values are stored as `round(255 * alpha)` in uint8 and are never thresholded on the
way.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from casgan_jax.records.neighbours import FEATURE

MAX_READERS = 4  # reader_masks is padded with empty masks up to this number


def segmentation_features(
    size: int,
    scale: int,
    image_dtype: type,
    *,
    neighbours: int = 0,
    extra: dict[str, Any] | None = None,
) -> Any:
    """The TFDS features of a segmentation data set.

    Args:
      size: side of the native crop in pixels; the crop is square and its centre is the lesion's
        mark.
      scale: r; soft masks and trimaps are stored at `scale * size` pixels a side.
      image_dtype: `np.int16` for Hounsfield units, `np.uint8` for 8-bit sources.
      neighbours: slices stored to either side of each; 0: none.
      extra: features that only this data set has (`true_alpha`, `image_high_resolution`, `recist`,
        `kind`).

    Returns:
      A `tfds.features.FeaturesDict`.
    """
    import tensorflow_datasets as tfds

    def plane(side: int, dtype: type, *channels: int) -> Any:
        return tfds.features.Tensor(shape=(side, side, *channels), dtype=dtype, encoding="zlib")

    # The slices beside it (`casgan_jax.records.neighbours`).
    beside = {FEATURE: plane(size, image_dtype, 2 * neighbours)} if neighbours else {}
    return tfds.features.FeaturesDict(
        {
            # HU or 8-bit grey levels; the window that maps them to [0, 1] is in the metadata.
            "image": plane(size, image_dtype),
            # The label: alpha by the builder's strategy, round(255 * alpha).
            "alpha": plane(size * scale, np.uint8),
            # 0 background, 128 unknown, 255 lesion: what alpha was matted from.
            "trimap": plane(size * scale, np.uint8),
            # 0 / 255, padded with empty masks to MAX_READERS.
            "reader_masks": plane(size, np.uint8, MAX_READERS),
            # 0 / 255: marked by at least half of the readers who marked anything.
            "consensus": plane(size, np.uint8),
            # Where a user would point at the lesion: x, y in native pixels; patches are cut there.
            "mark": tfds.features.Tensor(shape=(2,), dtype=np.float32),
            "n_readers": tfds.features.Scalar(dtype=np.int32),
            "spacing_mm": tfds.features.Scalar(dtype=np.float32),
            "patient": tfds.features.Text(),
            "lesion": tfds.features.Text(),
            "key": tfds.features.Text(),
            **beside,
            **(extra or {}),
        }
    )


def metadata(*, kind: str, window: tuple[float, float], scale: int, **more: Any) -> dict[str, Any]:
    """The metadata that every prepared data set carries (`tfds.core.MetadataDict` of the builder's
    info).

    Args:
      kind: "segmentation", "super_resolution" or "volumes".
      window: (low, high) source value that maps to 0 and 1; (0, 255) for 8-bit sources.
      scale: r of the stored soft masks (1 for data sets without).
      **more: anything else worth keeping, JSON-serialisable; `neighbours`, where there are any,
        is how many slices are stored to either side.
    """
    return {"kind": kind, "window": list(window), "scale": scale, **more}
