"""The marks that a record holds, or that can be measured from it."""

from __future__ import annotations

import numpy as np

from casgan_jax.records.features import MAX_READERS
from casgan_jax.records.prepared import Record
from casgan_jax.soft_mask.recist import measure_axes

# What `measured_axes` reads; of these `recist` is not in every data set.
NEEDED, GIVEN = ("consensus", "reader_masks"), "recist"


def measured_axes(record: Record) -> np.ndarray:
    """RECIST axes of a lesion: of the readers' consensus, then of each reader.

    Where no reader outlined it the first are those that the record was labelled from, if any.

    Args:
      record: with the features of NEEDED.

    Returns:
      (1 + MAX_READERS, 8) float32, native pixels of the image; NaN where there are none.
    """
    axes = np.full((1 + MAX_READERS, 8), np.nan, np.float32)
    masks = np.moveaxis(record["reader_masks"], -1, 0)
    for row, mask in zip(axes, (record["consensus"], *masks), strict=True):
        if mask.any():
            row[:] = measure_axes(mask > 0, 0.5)
    # Where nobody outlined the lesion the consensus, if any, is that of a label from these axes.
    given = record.get(GIVEN)
    if given is not None and np.any(given) and not masks.any():
        axes[0] = given
    return axes
