"""NIfTI volumes (.nii, .nii.gz): axial slices in, volumes out."""

from __future__ import annotations

import functools
import io
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.files import write_whole
from casgan_jax.images.checks import (
    checked_path,
    checked_spacing,
    checked_values,
    checked_volume,
    damaged,
    import_extra,
    narrowed,
    telling_damage,
    unsupported,
)
from casgan_jax.images.compression import compressed, slices_of
from casgan_jax.images.geometry import RAS_TO_LPS, Geometry
from casgan_jax.images.orientation import AxialView, axial_view
from casgan_jax.images.stack import Scan, Stack, Volume

# nibabel tells on standard error what it corrects in a header.
_telling_damage = functools.partial(telling_damage, kind="NIfTI", logger="nibabel.global")
_DATA_OFFSET = 352  # header and the four bytes that say that no extension follows
_MM = {"mm": 1.0, "unknown": 1.0, "meter": 1e3, "micron": 1e-3}


def open_nifti(path: Path) -> Stack:
    """The axial slices of a NIfTI-1 or NIfTI-2 volume, of which only those asked for are read.

    Values have the file's slope and intercept applied. Where the header does not say the unit of
    its spacing, it is mm.

    Raises:
      UserError: a damaged file, colour, more than three dimensions, voxels without a place.
    """
    nibabel = import_extra("nibabel", path, "NIfTI")
    with _telling_damage(path):
        image = nibabel.load(path)
        if not isinstance(image, nibabel.Nifti1Image):
            raise damaged(path, "NIfTI", f"a {type(image).__name__}")
        shape = _volume_shape(path, image.shape)
        if image.get_data_dtype().kind not in "iuf":
            raise unsupported(path, image.get_data_dtype())
        if path.suffix.lower() != ".gz":
            _check_size(path, image)
        affine = _affine_mm(image)
        view = axial_view(path, shape, affine)
        spacing_mm = view.in_plane(nibabel.affines.voxel_sizes(affine))
    placeless = _placeless(image)
    place = None if placeless else Geometry.from_affine(shape, RAS_TO_LPS @ affine)

    def placed(index: int) -> Geometry | None:
        return None if place is None else view.geometry(place, index)

    def read(index: int) -> Scan:
        values, faults = _read_plane(path, image, view, index)
        where = placed(index)
        return Scan(values, spacing_mm, geometry=where, placeless=placeless, faults=faults)

    volume = place and Volume(place, lambda ranges: _read_voxels(path, image, ranges))
    return Stack(view.count, read, (volume,) if volume else (), place=placed)


def write_nifti(
    path: Path | str,
    image: np.ndarray,
    spacing_mm: tuple[float, float] | None,
    geometry: Geometry | None = None,
) -> Path:
    """Writes a NIfTI-1 volume, as `casgan_jax.images.volume_files.write_volume`.

    Without a geometry its rows run from anterior to posterior, its columns from right to left, and
    without a spacing 1 is written and its unit left unknown. `read_scan` gives the same image and
    spacing of a slice that is axial.
    """
    path = checked_path(path, ".nii", ".nii.gz")
    nibabel = import_extra("nibabel", path, "NIfTI")
    row, column = checked_spacing(path, spacing_mm) or (1.0, 1.0)
    volume = checked_volume(path, image)
    affine = np.diag([-column, -row, 1.0, 1.0])
    if geometry is not None:
        affine = RAS_TO_LPS @ geometry.affine
    made = nibabel.Nifti1Image(volume.T, affine)
    if geometry is not None:  # both, as not every program reads the same one
        made.set_sform(affine, code="scanner")
        # A turn cannot say what is sheared, as a tilted gantry's slices are.
        made.set_qform(affine, code="scanner" if geometry.is_rectangular else "unknown")
    known = geometry is not None or spacing_mm is not None
    made.header.set_xyzt_units("mm" if known else "unknown")
    made.update_header()
    header = io.BytesIO()
    made.header.set_data_offset(_DATA_OFFSET)
    made.header.set_slope_inter(1, 0)
    made.header.write_to(header)
    parts = itertools.chain([header.getvalue()], slices_of(volume))
    return write_whole(path, compressed(parts, "gzip") if path.suffix == ".gz" else b"".join(parts))


def _read_plane(
    path: Path, image: Any, view: AxialView, index: int
) -> tuple[np.ndarray, dict[str, UserError]]:
    return checked_values(path, view.plane(_read_voxels(path, image, view.selection(index))))


def _read_voxels(path: Path, image: Any, ranges: Sequence[slice]) -> np.ndarray:
    """Reads a part; trailing dimensions of size 1 are dropped, a third is added to a plane."""
    places = [*ranges[: image.ndim], *[0] * (image.ndim - 3)]
    with _telling_damage(path):
        voxels = np.asanyarray(image.dataobj[tuple(places)])
    return narrowed(path, voxels[..., None] if voxels.ndim == 2 else voxels)


def _placeless(image: Any) -> str:
    """What a header lacks that says nothing of where the volume lies."""
    codes = image.header["qform_code"], image.header["sform_code"]
    return "" if any(code > 0 for code in codes) else "qform_code 0 and sform_code 0"


def _volume_shape(path: Path, shape: tuple[int, ...]) -> tuple[int, int, int]:
    if not len(shape) >= 2 or 0 in shape or max(shape[3:], default=1) > 1:
        raise UserError(
            path,
            found=f"an array of shape {shape}",
            expected="one volume (X, Y, Z)",
            remedy="save one volume, or one channel of it, as its own file",
        )
    columns, rows, slices = (*shape, 1)[:3]
    return columns, rows, slices


def _check_size(path: Path, image: Any) -> None:
    found = path.stat().st_size
    count = math.prod(int(size) for size in image.shape)
    expected = int(image.dataobj.offset) + count * image.get_data_dtype().itemsize
    if found < expected:
        raise damaged(
            path, "NIfTI", f"{found} bytes instead of {expected} for the shape {image.shape}"
        )


def _affine_mm(image: Any) -> np.ndarray:
    unit = image.header.get_xyzt_units()[0]
    return np.diag([_MM[unit]] * 3 + [1.0]) @ image.affine.astype(np.float64)
