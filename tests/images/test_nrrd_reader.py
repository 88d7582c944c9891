"""NRRD beside ITK's reading of the same files; what is short, damaged or no image."""

import numpy as np
import pytest

from casgan_jax.images import open_stack, read_scan, write_volume
from casgan_jax.images.geometry import Geometry
from tests.faults import fault_of
from tests.images.scans import itk, noise, write_metaimage
from tests.images.test_metaimage import DIRECTIONS

HEADER = "NRRD0004\n# a comment\ntype: short\ndimension: 3\nsizes: 2 3 2\nkey:=value\n"
VOXELS = np.arange(12, dtype="<i2").tobytes()


def write(path, header, data=VOXELS):
    path.write_bytes((header + "\n").encode() + data)
    return path


@pytest.mark.parametrize("name", DIRECTIONS)
@pytest.mark.parametrize("compressed", [False, True])
def test_slices_are_those_of_itk(tmp_path, name, compressed):
    path = write_metaimage(
        tmp_path / "scan.nrrd",
        noise((6, 5, 4)),
        spacing=(0.5, 0.75, 2.0),
        directions=DIRECTIONS[name],
        origin=(-20, 7.5, 100),
        useCompression=compressed,
    )
    expected = itk.DICOMOrient(itk.ReadImage(str(path)), "LPS")
    stack = open_stack(path)
    assert stack.count == expected.GetSize()[2]
    for index in range(stack.count):
        scan = stack.read(index)
        np.testing.assert_array_equal(scan.values, itk.GetArrayFromImage(expected)[index])
        column, row, _ = expected.GetSpacing()
        np.testing.assert_allclose(scan.spacing_mm, (row, column))
        corner = expected.TransformIndexToPhysicalPoint((0, 0, index))
        np.testing.assert_allclose(scan.geometry.origin, corner, atol=1e-6)
        np.testing.assert_allclose(stack.place(index).origin, corner, atol=1e-6)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
def test_types_of_values(tmp_path, dtype):
    voxels = noise((6, 5, 2), 0, 100, dtype)
    scan = read_scan(write_metaimage(tmp_path / "scan.nrrd", voxels), slice_index=1)
    np.testing.assert_array_equal(scan.values, voxels[:, :, 1].T)


def test_what_is_written_is_read(tmp_path):
    place = Geometry((7, 5, 3), np.array([-20, 4.5, 9]), np.array([0.5, 0.75, 2]), np.eye(3))
    voxels = noise((3, 5, 7), 0, 250, np.float32)
    stack = open_stack(write_volume(tmp_path / "a.nrrd", voxels, None, place))
    for index, plane in enumerate(voxels):
        np.testing.assert_array_equal(stack.read(index).values, plane)
    whole = stack.volumes[0].read((slice(0, 7), slice(0, 5), slice(0, 3)))
    np.testing.assert_array_equal(whole, voxels.T)


def test_other_spaces_and_a_file_beside_the_header(tmp_path):
    (tmp_path / "a.raw").write_bytes(VOXELS)
    header = HEADER + "encoding: raw\nendian: little\nspace: RAS\ndata file: a.raw\n"
    header += "space directions: (-0.5,0,0) (0,-0.75,0) (0,0,2)\nspace origin: (20,-4.5,9)\n"
    scan = read_scan(write(tmp_path / "a.nhdr", header, b""), slice_index=0)
    np.testing.assert_allclose(scan.geometry.origin, [-20, 4.5, 9])
    np.testing.assert_array_equal(scan.values, np.arange(6).reshape(3, 2))


def test_without_directions_there_is_no_place(tmp_path):
    header = HEADER + "encoding: raw\nendian: little\nspacings: 0.5 0.75 2\n"
    stack = open_stack(write(tmp_path / "a.nrrd", header))
    scan = stack.read(1)
    assert (scan.geometry, scan.placeless) == (None, "no space directions")
    assert scan.spacing_mm == (0.75, 0.5) and stack.place(0) is None and not stack.volumes
    np.testing.assert_array_equal(scan.values, np.arange(6, 12).reshape(3, 2))


RAW = "encoding: raw\nendian: little\n"
SPACE = "space: LPS\nspace directions: "


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(HEADER + "encoding: hex\n", id="encoding hex"),
        pytest.param(HEADER + RAW + "byte skip: 7\n", id="byte skip 7"),
        pytest.param(HEADER + RAW + "data file: b.raw\n", id="data file b.raw but no such file"),
        pytest.param(HEADER + RAW + SPACE + "(1,0,0) (0,1,0)\n", id="space directions"),
        pytest.param(HEADER + RAW + SPACE + "(1,0,0) (0,1,0) (0,0,x)\n", id="space directions"),
        pytest.param(HEADER + RAW + SPACE + "(1,0,0) (0,1,0) (0,0,0)\n", id="space directions"),
        pytest.param(HEADER + RAW + "spacings: 1 -1 1\n", id="spacings 1 -1 1"),
        pytest.param(HEADER.replace("short", "block") + RAW, id="type block"),
        pytest.param(HEADER.replace("3 2\n", "4 2\n") + RAW, id="24 bytes of data instead of 32"),
        pytest.param(HEADER.replace("3 2\n", "0 2\n") + RAW, id="sizes 2 0 2"),
        pytest.param(HEADER.replace("3\n", "4\n", 1) + RAW, id="dimension 4"),
        pytest.param(HEADER + RAW.replace("little", "odd"), id="endian odd"),
        pytest.param(HEADER + "what\n", id="the header line what n"),
        pytest.param(HEADER + "encoding: gzip\n", id="data that cannot be decoded"),
        pytest.param("NRRX\n", id="another file"),
    ],
)
def test_what_is_damaged_or_no_volume_is_told(tmp_path, header):
    assert fault_of(open_stack, write(tmp_path / "a.nrrd", header)).what.endswith("/a.nrrd")
