"""Whether values are Hounsfield units where their file does not say so."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import numpy as np

from casgan_jax.images.scan import open_stack
from casgan_jax.images.stack import Scan, Stack

_LEAST = -3100.0  # padding that CT scanners write around the field of view is up to -3024
_AIR = -500.0  # HU; no other unit in use has whole numbers below
_SOFT_TISSUE = (-200.0, 250.0)  # HU
_LOOKED_AT = 16  # slices of a file at most
_LEAST_SHARE = 0.05  # of the pixels that are not padding, in soft tissue


def is_ct(values: np.ndarray) -> bool:
    """Whether values look like CT in HU.

    Whole numbers, air below -500 and nothing below -3100, and a twentieth of what is not padding
    between -200 and 250, which is water, fat and soft tissue. Masks, 8-bit pictures, MR, PET and
    normalised images have no air; phase images reach down to -4096.

    Args:
      values: of any shape.
    """
    finite = values[np.isfinite(values)]
    if not finite.size or not _LEAST <= finite.min() <= _AIR:
        return False
    if finite.dtype.kind == "f" and (finite != np.round(finite)).any():
        return False
    body = finite[finite > finite.min()]
    low, high = _SOFT_TISSUE
    return body.size > 0 and bool(((body >= low) & (body <= high)).mean() >= _LEAST_SHARE)


def as_hu(path: Path, scan: Scan) -> Scan:
    """A slice in HU if its file says no unit and the values of the file are those of CT, else as it
    is.

    All slices of a file have one unit, also one without air or without tissue. DICOM says what its
    values are, and is not looked at.

    Args:
      path: of the file that the slice was read from.
      scan: the slice.

    Raises:
      UserError: another part of the file cannot be read.
    """
    if scan.unit == "HU" or scan.instance is not None:
        return scan
    state = path.stat()
    if not _is_ct_file(path, state.st_mtime_ns, state.st_size):
        return scan
    return dataclasses.replace(scan, unit="HU", window=None)


@functools.lru_cache(maxsize=32)
def _is_ct_file(path: Path, changed: int, size: int) -> bool:
    del changed, size  # of the same name, another file
    return is_ct(_sample(open_stack(path)))


def _sample(stack: Stack) -> np.ndarray:
    """Values of some slices all through a file; of volumes in one pass, as many are compressed."""
    parts = [
        volume.read((slice(None), slice(None), slice(None, None, _step(volume.geometry.size[2]))))
        for volume in stack.volumes
    ]
    if not parts:
        parts = [stack.read(index).values for index in range(0, stack.count, _step(stack.count))]
    return np.concatenate([part.ravel() for part in parts])


def _step(count: int) -> int:
    return -(-count // _LOOKED_AT)
