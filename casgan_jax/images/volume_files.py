"""A volume, or one slice as a volume that is one voxel thick, in the format that its name says."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images.geometry import Geometry
from casgan_jax.images.metaimage import write_metaimage
from casgan_jax.images.nifti import write_nifti
from casgan_jax.images.nrrd import write_nrrd

FORMATS = {"nifti": ".nii.gz", "nrrd": ".nrrd", "mha": ".mha"}  # as they are asked for

_WRITERS = {
    ".nii": write_nifti,
    ".nii.gz": write_nifti,
    ".nrrd": write_nrrd,
    ".mha": write_metaimage,
}


def write_volume(
    path: Path,
    image: np.ndarray,
    spacing_mm: tuple[float, float] | None,
    geometry: Geometry | None = None,
) -> Path:
    """Writes a volume, or one slice as one; the same voxels give the same bytes.

    Args:
      path: .nii, .nii.gz, .nrrd or .mha.
      image: (H, W) or (S, H, W) uint8, uint16, int16 or float32.
      spacing_mm: (row, column); None: not known. A geometry has its own.
      geometry: where the image lies, its axes being columns, rows and slices; None: not known.

    Returns:
      The path.

    Raises:
      UserError: another extension or type, no such folder, or a spacing that is not positive.
    """
    for suffix, write in _WRITERS.items():
        if path.name.endswith(suffix):
            return write(path, image, spacing_mm, geometry)
    raise UserError(
        path,
        found=f"the extension {path.suffix!r}",
        expected=", ".join(_WRITERS),
        remedy="correct its name",
    )
