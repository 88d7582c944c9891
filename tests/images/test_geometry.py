"""Where slices lie: the same as nibabel and ITK say, for all orders of axes and positions."""

import itertools

import nibabel
import numpy as np
import pytest

from casgan_jax.images import open_stack, read_scan, write_nifti, write_png
from casgan_jax.images.geometry import RAS_TO_LPS, Geometry
from tests.images.scans import HU, itk, noise, write_dicom, write_metaimage, write_volume
from tests.images.test_nifti import CODES, LPS, stored_as

TURN = np.array([[0.96, -0.28, 0], [0.28, 0.96, 0], [0, 0, 1]])
POSITIONS = {  # ImageOrientationPatient of axial slices
    "head first supine": [1, 0, 0, 0, 1, 0],
    "head first prone": [-1, 0, 0, 0, -1, 0],
    "feet first supine": [-1, 0, 0, 0, 1, 0],
    "decubitus": [0, -1, 0, 1, 0, 0],
    "sagittal": [0, 1, 0, 0, 0, -1],
    "coronal": [1, 0, 0, 0, 0, -1],
    "oblique": [0.96, 0.28, 0, -0.28, 0.96, 0],
}


def corners(geometry):
    """(3, 8) mm of the outermost pixels of a grid."""
    ends = itertools.product(*((0, size - 1) for size in geometry.size))
    return (geometry.affine @ np.array([(*end, 1) for end in ends]).T)[:3]


@pytest.mark.slow
@pytest.mark.parametrize("codes", CODES)
@pytest.mark.parametrize("suffix", [".nii", ".mha"])
def test_pixels_of_slices_lie_where_their_voxels_do(tmp_path, codes, suffix):
    """The value of a voxel says where it is."""
    oblique = np.eye(4)
    oblique[:3, :3] = TURN
    affine = oblique @ LPS
    affine[:3, 3] = 11, -7, 31
    voxels = np.arange(120, dtype=np.int16).reshape(6, 5, 4)
    moved, place = stored_as(codes, voxels, affine)
    path = tmp_path / f"scan{suffix}"
    if suffix == ".nii":
        write_volume(path, moved, place)
    else:
        place_lps = RAS_TO_LPS @ place
        spacing = np.linalg.norm(place_lps[:3, :3], axis=0)
        write_metaimage(
            path,
            moved,
            spacing=spacing.tolist(),
            directions=place_lps[:3, :3] / spacing,
            origin=place_lps[:3, 3].tolist(),
        )
    for index in range(4):
        scan = read_scan(path, slice_index=index)
        assert scan.geometry.size == (6, 5, 1)
        np.testing.assert_allclose(scan.geometry.spacing, (0.5, 0.75, 2), rtol=1e-6)
        row, column = np.mgrid[:5, :6].reshape(2, -1)
        flat = np.zeros_like(row)
        found = scan.geometry.affine @ (column, row, flat, flat + 1)
        voxel = np.unravel_index(scan.values[row, column], voxels.shape)
        expected = RAS_TO_LPS @ affine @ (*voxel, flat + 1)
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("position", POSITIONS)
def test_dicom_slices_lie_where_itk_puts_them(tmp_path, position):
    tags = {"ImagePositionPatient": [10, -20, 30], "ImageOrientationPatient": POSITIONS[position]}
    path = write_dicom(
        tmp_path / "a.dcm",
        noise((5, 7)),
        **HU | tags,
        PixelSpacing=[0.5, 0.75],
        SliceThickness=2,
        FrameOfReferenceUID="1.2.9",
    )
    found, expected = read_scan(path).geometry, itk.ReadImage(str(path))
    assert (found.size, found.frame) == (expected.GetSize(), "1.2.9")
    np.testing.assert_allclose(found.origin, expected.GetOrigin())
    np.testing.assert_allclose(found.spacing[:2], expected.GetSpacing()[:2])
    np.testing.assert_allclose(found.direction.ravel(), expected.GetDirection(), atol=1e-6)
    assert found.spacing[2] == 2


def test_units_of_nifti_become_mm(tmp_path):
    image = nibabel.Nifti1Image(noise((6, 5, 4)), LPS)
    image.header.set_xyzt_units("meter")
    nibabel.save(image, tmp_path / "a.nii")
    geometry = read_scan(tmp_path / "a.nii", slice_index=1).geometry
    np.testing.assert_allclose(geometry.spacing, (500, 750, 2000))
    np.testing.assert_allclose(geometry.origin, (0, 0, 2000))


def test_a_qform_is_enough(tmp_path):
    image = nibabel.Nifti1Image(noise((6, 5, 4)), None)
    image.header.set_qform(LPS, code=1)
    nibabel.save(image, tmp_path / "a.nii")
    found = read_scan(tmp_path / "a.nii", slice_index=0).geometry
    np.testing.assert_allclose(found.direction, np.eye(3), atol=1e-6)


@pytest.mark.parametrize(
    "tags",
    [
        {"ImagePositionPatient": None},
        {"ImageOrientationPatient": None},
        {"PixelSpacing": None},
        {"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]},
        {"ImageOrientationPatient": [0, 0, 0, 0, 1, 0]},
        {"ImagePositionPatient": [1, 2]},
    ],
)
def test_dicom_slices_that_do_not_say_where_they_lie(tmp_path, tags):
    whole = {
        "ImagePositionPatient": [0, 0, 0],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [1, 1],
    }
    path = write_dicom(tmp_path / "a.dcm", noise((5, 7)), **HU | whole | tags)
    assert read_scan(path).geometry is None and not open_stack(path).volumes


def test_pictures_have_no_place(tmp_path):
    assert read_scan(write_png(tmp_path / "a.png", noise((5, 7), 0, 9, np.uint8))).geometry is None


def test_finer_pixels_cover_the_same_ground():
    coarse = Geometry((4, 3, 1), np.array([1.0, 2, 3]), np.array([0.5, 0.75, 2]), TURN, "1.2")
    fine = coarse.finer(4)
    assert (fine.size, fine.frame) == ((16, 12, 1), "1.2")
    middle = fine.affine @ (1.5, 1.5, 0, 1)  # of the 4 x 4 pixels in the place of the first
    np.testing.assert_allclose(middle[:3], coarse.origin)
    np.testing.assert_allclose(corners(fine).mean(axis=1), corners(coarse).mean(axis=1))


def test_a_grid_is_told_in_one_line():
    place = Geometry((4, 3, 1), np.array([1.0, -0.0001, 3]), np.array([0.5, 0.75, 2]), np.eye(3))
    assert str(place) == "4 x 3 x 1 pixels of 0.5 x 0.75 x 2 mm from (1, 0, 3) towards LPS"


@pytest.mark.parametrize("scale", [1, 4])
@pytest.mark.parametrize("position", POSITIONS)
def test_what_is_written_lies_on_its_source_for_itk(tmp_path, position, scale):
    tags = {"ImagePositionPatient": [10, -20, 30], "ImageOrientationPatient": POSITIONS[position]}
    source = write_dicom(
        tmp_path / "a.dcm", noise((40, 48)), **HU | tags, PixelSpacing=[0.5, 0.75], SliceThickness=2
    )
    mask = np.zeros((40, 48), np.float32)
    mask[10:20, 30:35] = 1
    fine = np.kron(mask, np.ones((scale, scale), np.float32))
    geometry = read_scan(source).geometry.finer(scale)
    path = write_nifti(tmp_path / "soft.nii.gz", fine, None, geometry)
    image = itk.ReadImage(str(source))
    found = itk.Resample(itk.ReadImage(str(path)), image, itk.Transform(), itk.sitkLinear, 0.0)
    resampled = itk.GetArrayFromImage(found)[0]
    np.testing.assert_allclose(resampled, mask, atol=1e-5)
    again = read_scan(path)
    assert again.geometry.size[:2] in (geometry.size[:2], geometry.size[1::-1])
    assert (again.values > 0).sum() == (fine > 0).sum()


def test_a_damaged_frame_of_reference_is_told_in_letters():
    grid = Geometry((4, 3, 1), np.zeros(3), np.ones(3), np.eye(3), "1.2\x1b.8")
    assert str(grid).endswith("frame of reference 1.2\\x1b.8")
