"""Voxels as compressed bytes, slice by slice, so that a large volume is not held twice; the same
voxels give the same bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import numpy as np

_LEVEL = 9
_WINDOW_BITS = {"zlib": 15, "gzip": 31}  # zlib's own code for both


def compressed(parts: Iterable[bytes], form: str) -> bytes:
    """Bytes one after the other as one "zlib" or "gzip" stream."""
    deflate = zlib.compressobj(_LEVEL, wbits=_WINDOW_BITS[form])
    return b"".join([*map(deflate.compress, parts), deflate.flush()])


def slices_of(volume: np.ndarray) -> Iterator[bytes]:
    """The slices of (S, H, W), little endian."""
    for plane in volume:
        yield plane.astype(volume.dtype.newbyteorder("<"), copy=False).tobytes()
