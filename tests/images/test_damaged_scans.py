"""Damaged headers and data: a valid image or one line comes out, and nothing is printed.

The examples are the same in every run (`derandomize`).
"""

import functools
import gzip
import io
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import RLELossless

from casgan_jax.errors import UserError
from casgan_jax.images import open_stack
from tests.faults import fault_of
from tests.images.scans import HU, dicom, noise, write_metaimage

pytestmark = pytest.mark.slow

fuzz = functools.partial(
    settings,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

NASTY = [b"\x00", b"\xff", b"\x7f\xff\xff\xff", b"\x80\x00", b"0", b"-", b" ", b"99999999", b"\n"]
HEADERS = {
    ".mhd": 400,
    ".mha": 400,
    ".nrrd": 400,
    ".nii": 352,
    ".nii.gz": 352,
    ".dcm": 900,
    ".tif": 500,
}


def coded(suffix: str, folder: Path) -> bytes:
    """A small stack of four slices in a format, as bytes; gzip is left to the test."""
    voxels = noise((6, 5, 4))
    path = folder / f"whole{suffix}"
    if suffix in (".mhd", ".mha", ".nrrd"):
        write_metaimage(path, voxels, useCompression=suffix != ".mhd")
        return path.read_bytes()
    if suffix in (".nii", ".nii.gz"):
        return nibabel.Nifti1Image(voxels, np.diag([-1, -1, 1, 1])).to_bytes()
    frames, buffer = np.ascontiguousarray(voxels.T), io.BytesIO()
    if suffix == ".tif":
        tifffile.imwrite(buffer, frames, photometric="minisblack", compression="zlib")
        return buffer.getvalue()
    dataset = dicom(path, frames, **HU)
    dataset.compress(RLELossless)
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@st.composite
def damages(draw):
    """A function of (bytes, length of the header): flips, overwrites, inserts, cuts."""
    share = st.floats(0, 1, exclude_max=True)
    flips = draw(st.lists(st.tuples(share, st.integers(1, 255)), max_size=3))
    pieces = draw(st.lists(st.tuples(share, st.sampled_from(NASTY), st.booleans()), max_size=2))
    end = draw(st.one_of(st.just(1.0), st.just(1.0), share))

    def apply(data: bytes, header: int) -> bytes:
        changed, header = bytearray(data), min(header, len(data))
        for position, mask in flips:
            changed[int(position * header)] ^= mask
        for position, piece, inserted in pieces:
            start = int(position * header)
            changed[start : start + (0 if inserted else len(piece))] = piece
        return bytes(changed[: int(end * len(changed))])

    return apply


@pytest.mark.parametrize("suffix", HEADERS)
@fuzz(max_examples=120)
@given(apply=damages(), whole_gzip=st.booleans())
def test_damaged_scans_give_an_image_or_a_line(tmp_path, capfd, suffix, apply, whole_gzip):
    path = tmp_path / f"scan{suffix}"
    data = coded(suffix, tmp_path)
    if suffix == ".nii.gz":
        data = (
            gzip.compress(apply(data, HEADERS[suffix]))
            if whole_gzip
            else apply(gzip.compress(data), len(data))
        )
    else:
        data = apply(data, HEADERS[suffix])
    path.write_bytes(data)
    if suffix == ".mhd":
        (tmp_path / "whole.raw").write_bytes(noise((4, 5, 6)).tobytes())
    try:
        stack = open_stack(path)
        scans = [stack.read(index) for index in {0, stack.count - 1}]
    except UserError as error:
        line = str(error)
        assert line.isprintable() and str(tmp_path) in line and len(line) < 1000
    else:
        for scan in scans:
            check(scan)
    assert capfd.readouterr() == ("", "")


def check(scan):
    assert scan.values.ndim == 2 and scan.values.size
    assert np.isfinite(scan.values).all() or "finite" in scan.faults
    assert scan.values.dtype in (np.uint8, np.uint16, np.int16, np.float32)
    assert scan.unit in ("HU", "stored")
    if scan.spacing_mm is not None:
        assert all(0 < each < np.inf for each in scan.spacing_mm)
    if scan.window is not None:
        assert -np.inf < scan.window[0] < scan.window[1] < np.inf


def test_a_tiff_that_promises_too_many_rows_is_refused_at_once(tmp_path):
    path = tmp_path / "scan.tif"
    path.write_bytes(coded(".tif", tmp_path))
    with tifffile.TiffFile(path) as file:
        rows = file.pages[0].tags["ImageLength"]
    with path.open("r+b") as file:
        file.seek(rows.valueoffset)
        file.write(b"\xff\xff")
    error = fault_of(open_stack(path).read, 0)
    assert (
        error.what.endswith("/scan.tif")
        and "13107 strips" in error.found
        and "65535" in error.found
    )
