"""NIfTI: the same axial slices however the voxels are stored; writing and reading back."""

import gzip
import itertools

import nibabel
import numpy as np
import pytest
from nibabel import orientations

from casgan_jax.images import open_stack, read_scan, write_nifti
from tests.faults import fault_of
from tests.images.scans import noise, write_metaimage, write_volume

LPS = np.diag([-0.5, -0.75, 2.0, 1.0])  # x to the left, y to posterior, z to superior
CODES = [
    "".join(signs)
    for axes in itertools.permutations(("RL", "AP", "SI"))
    for signs in itertools.product(*axes)
]


def stored_as(codes, voxels, affine):
    """The same volume with its voxel axes in another order."""
    turn = orientations.ornt_transform(
        orientations.io_orientation(affine), orientations.axcodes2ornt(codes)
    )
    moved = orientations.apply_orientation(voxels, turn)
    return moved, affine @ orientations.inv_ornt_aff(turn, voxels.shape)


@pytest.mark.slow
@pytest.mark.parametrize("codes", CODES)
def test_slices_do_not_depend_on_the_order_of_the_voxels(tmp_path, codes):
    voxels = noise((6, 5, 4))
    moved, affine = stored_as(codes, voxels, LPS)
    path = write_volume(tmp_path / "scan.nii", moved, affine)
    assert open_stack(path).count == 4
    for index in (0, 3):
        scan = read_scan(path, slice_index=index)
        np.testing.assert_array_equal(scan.values, voxels[:, :, index].T)
        assert scan.values.dtype == np.int16 and scan.values.flags.c_contiguous
        assert (scan.spacing_mm, scan.unit, scan.window) == ((0.75, 0.5), "stored", None)


@pytest.mark.parametrize("codes", ["LPS", "RAS", "SPL", "IRA"])
def test_a_mask_is_cut_as_its_image(tmp_path, codes):
    voxels = noise((6, 5, 4))
    for name, volume in (
        ("image.nii.gz", voxels),
        ("mask.nii.gz", (voxels > 900).astype(np.uint8)),
    ):
        write_volume(tmp_path / name, *stored_as(codes, volume, LPS))
    image = read_scan(tmp_path / "image.nii.gz", slice_index=1)
    mask = read_scan(tmp_path / "mask.nii.gz", slice_index=1)
    assert mask.values.dtype == np.uint8
    np.testing.assert_array_equal(mask.values == 1, image.values > 900)


def test_oblique_volumes_are_cut_along_the_nearest_axes(tmp_path):
    angle = np.deg2rad(20)
    turn = np.eye(4)
    turn[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    voxels = noise((6, 5, 4))
    path = write_volume(tmp_path / "scan.nii", voxels, turn @ LPS)
    scan = read_scan(path, slice_index=2)
    np.testing.assert_array_equal(scan.values, voxels[:, :, 2].T)
    np.testing.assert_allclose(scan.spacing_mm, (0.75, 0.5), rtol=1e-6)


@pytest.mark.parametrize("axis", [0, 1], ids=["sagittal", "coronal"])
def test_a_single_plane_is_shown_as_it_usually_is(tmp_path, axis):
    voxels = noise((6, 5, 4)).take([0], axis)
    scan = read_scan(write_volume(tmp_path / "scan.nii", voxels, LPS))
    plane = voxels.take(0, axis)  # (x or y, z), to the left or to posterior, and to superior
    np.testing.assert_array_equal(scan.values, plane.T[::-1])


@pytest.mark.parametrize(
    ("dtype", "read_as"),
    [
        (np.uint8, np.uint8),
        (np.int8, np.int16),
        (np.uint16, np.uint16),
        (np.int32, np.int16),
        (np.int64, np.int16),
        (np.float32, np.float32),
        (np.float64, np.float32),
        (">i2", np.int16),
    ],
)
def test_types_of_values(tmp_path, dtype, read_as):
    voxels = noise((6, 5, 1), 0, 100).astype(dtype)
    header = nibabel.Nifti1Header(endianness=">" if dtype == ">i2" else "<")
    header.set_data_dtype(dtype)
    image = nibabel.Nifti1Image(voxels, LPS, header, dtype=np.dtype(dtype))
    nibabel.save(image, tmp_path / "scan.nii")
    scan = read_scan(tmp_path / "scan.nii")
    assert scan.values.dtype == read_as
    np.testing.assert_array_equal(scan.values, voxels[..., 0].T)


def test_slope_and_intercept_are_applied(tmp_path):
    image = nibabel.Nifti1Image(noise((6, 5, 4)), LPS)
    path = tmp_path / "scan.nii"
    nibabel.save(image, path)
    with path.open("r+b") as file:  # scl_slope and scl_inter of the public header
        file.seek(112)
        file.write(np.array([0.5, -1024], "<f4").tobytes())
    scan = read_scan(path, slice_index=1)
    assert scan.values.dtype == np.float32
    np.testing.assert_array_equal(scan.values, noise((6, 5, 4))[:, :, 1].T * 0.5 - 1024)


def test_spacing_in_other_units_becomes_mm(tmp_path):
    for unit, factor in (("meter", 1000), ("micron", 0.001), ("mm", 1), ("unknown", 1)):
        image = nibabel.Nifti1Image(noise((6, 5, 1)), LPS)
        image.header.set_xyzt_units(unit)
        nibabel.save(image, tmp_path / "scan.nii")
        found = read_scan(tmp_path / "scan.nii").spacing_mm
        np.testing.assert_allclose(found, (0.75 * factor, 0.5 * factor), rtol=1e-6)


def test_a_plane_and_trailing_dimensions_of_one(tmp_path):
    voxels = noise((6, 5))
    for shape in ((6, 5), (6, 5, 1), (6, 5, 1, 1), (6, 5, 1, 1, 1)):
        path = write_volume(tmp_path / "scan.nii", voxels.reshape(shape), LPS)
        np.testing.assert_array_equal(read_scan(path).values, voxels.T)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_what_is_written_is_read(tmp_path, suffix, dtype):
    image = noise((5, 7), 0, 250, dtype)
    path = write_nifti(tmp_path / f"mask{suffix}", image, (0.75, 0.5))
    scan = read_scan(path)
    np.testing.assert_array_equal(scan.values, image)
    assert scan.values.dtype == dtype and scan.spacing_mm == (0.75, 0.5)
    assert write_nifti(path, image, (0.75, 0.5)).read_bytes() == path.read_bytes()
    assert nibabel.aff2axcodes(nibabel.load(path).affine) == ("L", "P", "S")


def test_without_spacing_the_unit_is_unknown(tmp_path):
    path = write_nifti(tmp_path / "mask.nii.gz", noise((5, 7)), None)
    assert nibabel.load(path).header.get_xyzt_units()[0] == "unknown"


def test_bad_writes_are_refused(tmp_path):
    image = noise((5, 7))
    for name, array, spacing_mm, what in [
        ("mask.png", image, None, "mask.png"),
        ("mask.gz", image, None, "mask.gz"),
        ("none/mask.nii", image, None, "none"),
        ("mask.nii", image, (0, 1), "mask.nii"),
        ("mask.nii", image, (1, np.nan), "mask.nii"),
        ("mask.nii", image[None, None], None, "mask.nii"),
        ("mask.nii", image.astype(np.int64), None, "mask.nii"),
        ("mask.nii", np.full((2, 2), np.nan), None, "mask.nii"),
    ]:
        error = fault_of(write_nifti, tmp_path / name, array, spacing_mm)
        assert error.what == str(tmp_path / what)
    assert not list(tmp_path.iterdir())


COLOUR = np.zeros((6, 5, 1), [("R", "u1"), ("G", "u1"), ("B", "u1")])
BAD_VOLUMES = [
    pytest.param(np.zeros((6, 5, 4, 3), np.int16), LPS, id="an array of shape 6 5 4 3"),
    pytest.param(COLOUR, LPS, id="values of type R u1"),
    pytest.param(np.zeros((6, 5, 1), np.complex64), LPS, id="values of type complex64"),
    pytest.param(np.full((6, 5, 1), np.nan, np.float32), LPS, id="NaN or infinite values"),
    pytest.param(np.full((6, 5, 1), 2**30, np.int32), LPS, id="whole numbers of at most 24 bits"),
    pytest.param(
        np.zeros((6, 5, 1), np.int16), np.diag([1, 1, 0, 1]), id="three directions of positive"
    ),
    pytest.param(np.zeros((6, 1, 1), np.int16), LPS, id="a volume of 1x6 voxels in its"),
]


@pytest.mark.parametrize(("voxels", "affine"), BAD_VOLUMES)
def test_volumes_that_are_no_image(tmp_path, voxels, affine):
    header = nibabel.Nifti1Header()
    header.set_data_dtype(voxels.dtype)
    header.set_sform(affine, code=1)
    path = tmp_path / "scan.nii"
    path.write_bytes(nibabel.Nifti1Image(voxels, None, header).to_bytes())
    assert fault_of(read_scan, path, slice_index=0).what.endswith("/scan.nii")


def test_short_files_tell_both_sizes(tmp_path):
    path = write_volume(tmp_path / "scan.nii", noise((6, 5, 4)), LPS)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    error = fault_of(read_scan, path, slice_index=0)
    assert (
        error.what.endswith("/scan.nii")
        and "591 bytes" in error.found
        and "592" in error.found
        and "(6, 5, 4)" in error.found
    )
    packed = tmp_path / "scan.nii.gz"
    packed.write_bytes(gzip.compress(whole[:-100]))
    assert fault_of(read_scan, packed, slice_index=3).what.endswith("/scan.nii.gz")
    packed.write_bytes(gzip.compress(whole)[:-100])
    assert fault_of(read_scan, packed, slice_index=3).what.endswith("/scan.nii.gz")


def test_corrections_of_a_header_are_not_printed(tmp_path, capfd):
    path = write_volume(tmp_path / "scan.nii", noise((6, 5, 4)), LPS)
    with path.open("r+b") as file:
        file.seek(76)  # pixdim[0], which must be 1 or -1
        file.write(np.array([5], "<f4").tobytes())
    assert read_scan(path, slice_index=0).values.shape == (5, 6)
    assert capfd.readouterr() == ("", "")


def test_metaimage_has_the_same_slices(tmp_path):
    voxels = noise((6, 5, 4))
    directions = np.array([[0, 0, 1], [-1, 0, 0], [0, 1, 0]])  # LPS
    affine = np.eye(4)
    affine[:3, :3] = np.diag([-1, -1, 1]) @ directions @ np.diag([0.5, 0.75, 2])
    first = write_metaimage(
        tmp_path / "a.mha", voxels, spacing=(0.5, 0.75, 2.0), directions=directions
    )
    second = write_volume(tmp_path / "a.nii", voxels, affine)
    assert open_stack(first).count == open_stack(second).count == 5
    one, other = (read_scan(path, slice_index=3) for path in (first, second))
    np.testing.assert_array_equal(one.values, other.values)
    assert one.spacing_mm == other.spacing_mm == (0.5, 2.0)


def test_values_that_are_not_finite_are_told_unless_they_do_not_matter(tmp_path):
    voxels = noise((6, 5, 4)).astype(np.float32)
    voxels[0, :, 1] = np.nan
    path = write_volume(tmp_path / "scan.nii", voxels, LPS)
    assert read_scan(path, slice_index=0).values.shape == (5, 6)
    assert fault_of(read_scan, path, slice_index=1).what.endswith("/scan.nii")
    scan = read_scan(path, slice_index=1, known=["finite"])
    np.testing.assert_array_equal(scan.values, voxels[:, :, 1].T)
