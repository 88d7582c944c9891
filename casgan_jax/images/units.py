"""Whether values are Hounsfield units where their file does not say so."""

from __future__ import annotations

import dataclasses

import numpy as np

from casgan_jax.images.stack import Scan

_LEAST = -3100.0  # padding that CT scanners write around the field of view is up to -3024
_AIR = -500.0  # HU; no other unit in use has whole numbers below
_SOFT_TISSUE = (-200.0, 250.0)  # HU
_LEAST_SHARE = 0.05  # of the pixels that are not padding, in soft tissue


def is_ct(values: np.ndarray) -> bool:
    """Whether a slice looks like CT in HU.

    Whole numbers, air below -500 and nothing below -3100, and a twentieth of what is not padding
    between -200 and 250, which is water, fat and soft tissue. Masks, 8-bit pictures, MR, PET and
    normalised images have no air; phase images reach down to -4096.

    Args:
      values: (H, W).
    """
    finite = values[np.isfinite(values)]
    if not finite.size or not _LEAST <= finite.min() <= _AIR:
        return False
    if finite.dtype.kind == "f" and (finite != np.round(finite)).any():
        return False
    body = finite[finite > finite.min()]
    low, high = _SOFT_TISSUE
    return body.size > 0 and bool(((body >= low) & (body <= high)).mean() >= _LEAST_SHARE)


def as_hu(scan: Scan) -> Scan:
    """The slice in HU if its file says no unit and its values are those of CT, else as it is.

    DICOM says what its values are, and is not looked at.
    """
    if scan.unit == "HU" or scan.instance is not None or not is_ct(scan.values):
        return scan
    return dataclasses.replace(scan, unit="HU", window=None)
