"""Predictions as volumes that lie where their images lie, and as nnU-Net writes its own.

Formats beside these are those of a PACS (`casgan_jax.inference.objects`).

| format | file | content |
|---|---|---|
| nifti, nrrd, mha | NAME_alpha.nii.gz, .nrrd, .mha | float32 in [0, 1], one slice thick |
| nnunet | nnunet/NAME.nii.gz | uint8, 1 where the soft mask reaches the threshold, else 0 |
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from casgan_jax.dicom.objects import KINDS_OF_FORMATS, check_libraries
from casgan_jax.errors import UserError
from casgan_jax.files import make_folder
from casgan_jax.grid import binarise
from casgan_jax.images import write_nifti, write_volume
from casgan_jax.images.stack import Scan
from casgan_jax.images.volume_files import FORMATS as VOLUME_FORMATS

NNUNET = "nnunet"

FORMATS = (*VOLUME_FORMATS, NNUNET, *KINDS_OF_FORMATS)
_ALWAYS = "png"  # is written in any case, and may be named as it is to `label`


def check_formats(formats: Collection[str]) -> None:
    """Raises UserError where a format is none of `FORMATS`, or its library is not installed."""
    for name in formats:
        if name not in (*FORMATS, _ALWAYS):
            raise UserError("format", found=f"{name!r}", expected=f"some of {', '.join(FORMATS)}")
    check_libraries(formats)


def write_volumes(
    folder: Path,
    name: str,
    alpha: np.ndarray,
    scan: Scan,
    formats: Collection[str],
    threshold: float,
) -> list[Path]:
    """Writes a soft mask in those formats.

    Args:
      folder: to write to.
      name: of the lesion.
      alpha: (H, W) float32 in [0, 1] on the image's grid.
      scan: the image, for its place and spacing.
      formats: of `FORMATS`; those of a PACS do not matter.
      threshold: of what nnU-Net's layout holds.

    Returns:
      The files.

    Raises:
      UserError: one cannot be written.
    """
    written = []
    for each in formats:
        if each == NNUNET:
            path = make_folder(folder / NNUNET, field="output") / f"{name}.nii.gz"
            mask = binarise(alpha, threshold).astype(np.uint8)
            written.append(write_nifti(path, mask, scan.spacing_mm, scan.geometry))
            continue
        if each in VOLUME_FORMATS:
            path = folder / f"{name}_alpha{VOLUME_FORMATS[each]}"
            written.append(write_volume(path, alpha, scan.spacing_mm, scan.geometry))
    return written
