"""NRRD volumes, as 3D Slicer reads them: volumes out.

The writer is our own, as pynrrd writes the time into every header, and the same voxels shall give
the same bytes from run to run.

Source: https://teem.sourceforge.net/nrrd/format.html
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from casgan_jax.files import write_whole
from casgan_jax.images.checks import checked_path, checked_spacing, checked_volume
from casgan_jax.images.compression import compressed, slices_of
from casgan_jax.images.geometry import Geometry

_TYPES = {"u1": "uint8", "u2": "uint16", "i2": "int16", "f4": "float"}


def write_nrrd(
    path: Path | str,
    image: np.ndarray,
    spacing_mm: tuple[float, float] | None,
    geometry: Geometry | None = None,
) -> Path:
    """Writes a NRRD volume, as `casgan_jax.images.volume_files.write_volume`.

    Without a geometry the file does not say where it lies.
    """
    path = checked_path(path, ".nrrd")
    image = checked_volume(path, image)
    slices, height, width = image.shape
    row, column = checked_spacing(path, spacing_mm) or (None, None)
    lines = [
        "NRRD0004",
        f"type: {_TYPES[image.dtype.str[1:]]}",
        "dimension: 3",
        f"sizes: {width} {height} {slices}",
        "endian: little",
        "encoding: gzip",
    ]
    if geometry is not None:
        axes = (geometry.direction * geometry.spacing).T
        lines += [
            "space: left-posterior-superior",
            f"space directions: {' '.join(map(_vector, axes))}",
            f"space origin: {_vector(geometry.origin)}",
            "kinds: domain domain domain",
        ]
    elif row is not None:
        lines.append(f"spacings: {column!r} {row!r} 1")
    header = "\n".join(lines) + "\n\n"
    return write_whole(path, header.encode() + compressed(slices_of(image), "gzip"))


def _vector(values: np.ndarray) -> str:
    return f"({','.join(repr(float(value)) for value in values)})"
