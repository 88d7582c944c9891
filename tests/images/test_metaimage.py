"""MetaImage beside ITK's reading of the same files; what is short, damaged or no image."""

import numpy as np
import pytest

from casgan_jax.images import open_stack, read_scan
from tests.faults import fault_of
from tests.images.scans import itk, noise, write_metaimage
from tests.shared_data import shared_data

# Columns: where the voxel axes point to, in ITK's axes (left, posterior, superior).
DIRECTIONS = {
    "axial": np.eye(3),
    "turned round": np.diag([-1, -1, 1]),
    "upside down": np.diag([1, -1, -1]),
    "sagittal": np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]]),
    "coronal": np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]]),
    "oblique": np.array([[0.96, -0.28, 0], [0.28, 0.96, 0], [0, 0, 1]]),
}


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize("suffix", [".mhd", ".mha"])
@pytest.mark.parametrize("compressed", [False, True])
def test_slices_are_those_of_itk(tmp_path, name, suffix, compressed):
    path = write_metaimage(
        tmp_path / f"scan{suffix}",
        noise((6, 5, 4)),
        spacing=(0.5, 0.75, 2.0),
        directions=DIRECTIONS[name],
        useCompression=compressed,
    )
    expected = itk.DICOMOrient(itk.ReadImage(str(path)), "LPS")
    stack = open_stack(path)
    assert stack.count == expected.GetSize()[2]
    for index in range(stack.count):
        scan = stack.read(index)
        np.testing.assert_array_equal(scan.values, itk.GetArrayFromImage(expected)[index])
        column, row, _ = expected.GetSpacing()
        assert (scan.spacing_mm, scan.unit) == ((row, column), "stored")
        assert type(scan.values) is np.ndarray


@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"], ids=str
)
def test_types_of_values(tmp_path, dtype):
    voxels = noise((6, 5, 2), 0, 100, dtype)
    scan = read_scan(write_metaimage(tmp_path / "scan.mhd", voxels), slice_index=1)
    np.testing.assert_array_equal(scan.values, voxels[:, :, 1].T)
    kept = {"u1": np.uint8, "u2": np.uint16, "f4": np.float32, "f8": np.float32}
    assert scan.values.dtype == kept.get(dtype, np.int16)


def test_one_plane_needs_no_index(tmp_path):
    voxels = noise((6, 5))
    scan = read_scan(write_metaimage(tmp_path / "scan.mha", voxels, spacing=(0.5, 0.75)))
    np.testing.assert_array_equal(scan.values, voxels.T)
    assert scan.spacing_mm == (0.75, 0.5)


HEADER = """ObjectType = Image
NDims = 3
DimSize = 6 5 4
ElementType = MET_SHORT
ElementDataFile = scan.raw
"""


@pytest.fixture
def path(tmp_path):
    noise((4, 5, 6)).tofile(tmp_path / "scan.raw")
    (tmp_path / "scan.mhd").write_text(HEADER)
    return tmp_path / "scan.mhd"


def test_the_least_header_says_no_spacing(path):
    scan = read_scan(path, slice_index=3)
    np.testing.assert_array_equal(scan.values, noise((4, 5, 6))[3])
    assert scan.spacing_mm is None


def test_byte_order_and_bytes_before_the_data(path):
    swapped = noise((4, 5, 6)).astype(">i2").tobytes()
    for order in ("BinaryDataByteOrderMSB", "ElementByteOrderMSB"):
        for size, before in (("7", bytes(7)), ("-1", bytes(99))):
            path.with_suffix(".raw").write_bytes(before + swapped)
            extra = f"{order} = True\nHeaderSize = {size}\nElementDataFile"
            path.write_text(HEADER.replace("ElementDataFile", extra))
            scan = read_scan(path, slice_index=2)
            np.testing.assert_array_equal(scan.values, noise((4, 5, 6))[2])


BAD_HEADERS = [
    pytest.param("NDims = 3", "NDims = 4", id="NDims 4"),
    pytest.param("NDims = 3\n", "", id="no NDims"),
    pytest.param("6 5 4", "6 5", id="DimSize 6 5 for NDims 3"),
    pytest.param("6 5 4", "6 5 0", id="DimSize 6 5 0"),
    pytest.param("6 5 4", "6 5 -4", id="DimSize 6 5 -4"),
    pytest.param("6 5 4", "6 5 x", id="DimSize 6 5 x"),
    pytest.param("MET_SHORT", "MET_UCHAR_ARRAY", id="ElementType MET_UCHAR_ARRAY"),
    pytest.param("scan.raw", "gone.raw", id="ElementDataFile gone.raw"),
    pytest.param("scan.raw", "slice%02d.raw 1 4 1", id="binary data in one file"),
    pytest.param("scan.raw", "LIST", id="binary data in one file"),
    pytest.param("ElementDataFile = scan.raw\n", "", id="a header without ElementDataFile"),
    pytest.param("NDims", "NDims = 3\nNDims", id="the header line NDims = 3"),
    pytest.param("NDims =", "\x00\x01\n", id="the header line x00 x01 n"),
    pytest.param("ElementData", "BinaryData = False\nElementData", id="binary"),
    pytest.param("ElementData", "ElementNumberOfChannels = 3\nElementData", id="one grey channel"),
    pytest.param("ElementData", "ElementSpacing = 1 0 1\nElementData", id="ElementSpacing 1 0 1"),
    pytest.param(
        "ElementData", "ElementSpacing = 1 nan 1\nElementData", id="ElementSpacing 1 nan 1"
    ),
    pytest.param("ElementData", "TransformMatrix = 1 2\nElementData", id="TransformMatrix 1 2"),
    pytest.param("ElementData", f"TransformMatrix ={' 0' * 9}\nElementData", id="three directions"),
    pytest.param("ElementData", "HeaderSize = x\nElementData", id="HeaderSize x"),
]


@pytest.mark.parametrize(("old", "new"), BAD_HEADERS)
def test_headers_of_no_image(path, old, new):
    path.write_text(HEADER.replace(old, new, 1))
    assert fault_of(read_scan, path, slice_index=0).what.endswith("/scan.mhd")


def test_short_data_tell_both_sizes(path):
    raw = path.with_suffix(".raw")
    raw.write_bytes(raw.read_bytes()[:-1])
    error = fault_of(read_scan, path, slice_index=0)
    assert (
        error.what == str(raw)
        and "239 bytes" in error.found
        and "240" in error.found
        and "6 x 5 x 4" in error.found
        and "MET_SHORT" in error.found
    )


def test_compressed_data_are_whole_or_refused(tmp_path):
    path = write_metaimage(tmp_path / "scan.mha", noise((6, 5, 4)), useCompression=True)
    whole = path.read_bytes()
    start = whole.index(b"LOCAL\n") + len(b"LOCAL\n")
    flipped = bytearray(whole)
    flipped[start + 40] ^= 255
    for damaged in [
        whole.replace(b"6 5 4", b"6 7 4"),
        whole.replace(b"6 5 4", b"6 3 4"),
        whole[:-1],
        whole[: start + 30],
        bytes(flipped),
    ]:
        path.write_bytes(damaged)
        assert fault_of(read_scan, path, slice_index=0).what == str(path)


def test_prostate_cases_and_their_outlines():
    for case in range(10):
        image = open_stack(shared_data("promise12", f"Case{case:02d}.mhd"))
        outline = open_stack(shared_data("promise12", f"Case{case:02d}_segmentation.mhd"))
        assert image.count == outline.count == 2
        raw = np.fromfile(shared_data("promise12", f"Case{case:02d}.raw"), "<i2")
        scan, mask = image.read(1), outline.read(1)
        np.testing.assert_array_equal(scan.values, raw.reshape(2, *scan.values.shape)[1])
        assert mask.values.shape == scan.values.shape
        assert mask.spacing_mm == scan.spacing_mm == (0.625, 0.625)
        assert len(np.unique(mask.values)) == 2
