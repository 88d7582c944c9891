"""One slice of any image file, with its spacing, its unit and its window.

    scan = read_scan("volume.nii.gz", slice_index=40)
    image = normalise(scan.values, (-1000, 400))  # (H, W) float32 in [0, 1]

| files | slices | spacing | unit |
|---|---|---|---|
| .dcm, .dicom, .ima, and DICOM of any or no extension | frames | PixelSpacing | HU for CT |
| a folder of the DICOM files of one series | files, by their place | PixelSpacing | HU for CT |
| .nii, .nii.gz | axial, from inferior to superior | of the voxels | stored |
| .mhd, .mha, .nrrd | axial, from inferior to superior | of the voxels | stored |
| .tif, .tiff | pages | not known | stored |
| .png, .pgm, .npy | one | not known | stored |

Slices of volumes come as a radiologist sees an axial slice: rows run from anterior to posterior,
columns from the patient's right to the left (`casgan_jax.images.orientation`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from casgan_jax.errors import UserError
from casgan_jax.images.checks import check_file, unreadable
from casgan_jax.images.dicom import is_dicom, open_dicom
from casgan_jax.images.metaimage import open_metaimage
from casgan_jax.images.nifti import open_nifti
from casgan_jax.images.nrrd_reader import open_nrrd
from casgan_jax.images.raster import READERS, read_values
from casgan_jax.images.series import find_series, open_series
from casgan_jax.images.series_choice import choose_series
from casgan_jax.images.stack import Scan, Stack, choose_slice
from casgan_jax.images.tiff import count_pages


def read_scan(
    path: Path | str, *, slice_index: int | None = None, known: Collection[str] = ()
) -> Scan:
    """Reads one slice of an image file.

    Args:
      path: a PNG, PGM, TIFF, NPY, DICOM, NIfTI, MetaImage or NRRD file, or a folder of one DICOM
        series.
      slice_index: which slice, frame or page, from 0; may be None where there is only one.
      known: faults of `Scan` that do not matter, as what the file says is known otherwise.

    Returns:
      The slice.

    Raises:
      UserError: no such file, another format, a damaged file, no or a wrong slice index, colour,
        CT without rescale tags, values that are not finite, a library that is not installed.
    """
    stack = open_stack(path)
    scan = stack.read(choose_slice(Path(path), slice_index, stack.count))
    for field, fault in scan.faults.items():
        if field not in known:
            raise fault
    return scan


def open_stack(path: Path | str) -> Stack:
    """The slices of an image file, or of the series in a folder of DICOM files: how many there are,
    and a function that reads one.

    Raises:
      UserError: as `read_scan`, but for the slice index.
    """
    path = Path(path)
    if os.path.isdir(path):  # pathlib's raises where a name is too long
        return open_series(choose_series(path, find_series(path), None))
    check_file(path)
    return _opener(path)(path)


def _open_single(path: Path) -> Stack:
    return Stack(1, lambda _: _scan(path))


def _open_tiff(path: Path) -> Stack:
    return Stack(count_pages(path), lambda page: _scan(path, page))


def _scan(path: Path, page: int | None = None) -> Scan:
    values, faults = read_values(path, page=page)
    return Scan(values, faults=faults)


_OPENERS = {
    **dict.fromkeys(READERS, _open_single),
    ".tif": _open_tiff,
    ".tiff": _open_tiff,
    ".dcm": open_dicom,
    ".dicom": open_dicom,
    ".ima": open_dicom,
    ".nii": open_nifti,
    ".nii.gz": open_nifti,
    ".mhd": open_metaimage,
    ".mha": open_metaimage,
    ".nrrd": open_nrrd,
    ".nhdr": open_nrrd,
}
SUFFIXES = tuple(_OPENERS)
NOT_DICOM = tuple(suffix for suffix, opener in _OPENERS.items() if opener is not open_dicom)
_OF_VOLUMES = (open_nifti, open_metaimage, open_nrrd)
VOLUMES = tuple(suffix for suffix, opener in _OPENERS.items() if opener in _OF_VOLUMES)


def _opener(path: Path) -> Callable[[Path], Stack]:
    name = path.name.lower()
    suffix = ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()
    if suffix in _OPENERS:
        return _OPENERS[suffix]
    try:
        if is_dicom(path):  # scanners and archives often name files without an extension
            return open_dicom
    except OSError as error:
        raise unreadable(path, error) from error
    raise UserError(
        path,
        found=f"the extension {suffix!r} and no DICOM file",
        expected=f"{', '.join(_OPENERS)}",
        remedy="convert it to one of these",
    )
