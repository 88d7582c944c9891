"""One entry for all formats: which reader, which slice, which window."""

import sys

import numpy as np
import pytest
import tifffile

from casgan_jax.images import open_stack, read_scan, write_npy, write_png, write_tiff
from tests.faults import fault_of
from tests.images.scans import HU, noise, write_dicom, write_metaimage, write_volume
from tests.shared_data import shared_data


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_single_images_are_what_read_image_reads(tmp_path, dtype):
    image = noise((5, 7), 0, 200, dtype)
    for path in (
        write_png(tmp_path / "a.png", image),
        write_npy(tmp_path / "a.npy", image),
        write_tiff(tmp_path / "a.tif", image),
    ):
        for index in (None, 0):
            scan = read_scan(path, slice_index=index)
            np.testing.assert_array_equal(scan.values, image)
            assert scan.values.dtype == dtype and scan.unit == "stored"
            assert scan.spacing_mm is None
            assert scan.window == ((0, 255) if dtype == np.uint8 else None)


def test_pages_of_a_tiff_are_slices(tmp_path):
    pages = noise((3, 5, 7), 0, 200, np.uint8)
    path = tmp_path / "pages.tif"
    tifffile.imwrite(path, pages, photometric="minisblack")
    assert open_stack(path).count == 3
    for index, page in enumerate(pages):
        np.testing.assert_array_equal(read_scan(path, slice_index=index).values, page)


def test_the_published_isbi_stacks_have_pages_of_one_size():
    images = open_stack(shared_data("isbi2012", "train-volume.tif"))
    labels = open_stack(shared_data("isbi2012", "train-labels.tif"))
    assert images.count == labels.count == 24
    label = labels.read(23).values
    assert label.shape == images.read(23).values.shape == (512, 512)
    assert set(np.unique(label)) == {0, 255}


def all_stacks(folder):
    voxels = noise((6, 5, 4))
    tifffile.imwrite(folder / "a.tif", voxels.T, photometric="minisblack")
    return [
        folder / "a.tif",
        write_dicom(folder / "a.dcm", np.ascontiguousarray(voxels.T), **HU),
        write_volume(folder / "a.nii.gz", voxels, np.diag([-1, -1, 1, 1])),
        write_metaimage(folder / "a.mhd", voxels),
    ]


def test_a_stack_needs_a_slice_index_that_is_there(tmp_path):
    for path in all_stacks(tmp_path):
        error = fault_of(read_scan, path)
        assert (
            error.what == str(path)
            and "4 slices" in error.found
            and "slice_index" in error.found
            and "0 to 3" in error.expected
        )
        for index in (4, -1):
            error = fault_of(read_scan, path, slice_index=index)
            assert (
                error.what == str(path)
                and f"slice_index {index}" in error.found
                and "4 slices" in error.found
                and error.expected == "one of 0 to 3"
            )
    single = write_png(tmp_path / "a.png", noise((5, 7), 0, 200, np.uint8))
    error = fault_of(read_scan, single, slice_index=1)
    assert (
        error.what.endswith("/a.png") and "slice_index" in error.found and "1 slice" in error.found
    )


def test_the_same_voxels_are_the_same_slices_in_all_formats(tmp_path):
    first, *others = (read_scan(path, slice_index=2) for path in all_stacks(tmp_path))
    for other in others:
        expected = first.values - 1024 if other.unit == "HU" else first.values
        np.testing.assert_array_equal(other.values, expected)


def test_dicom_is_recognised_whatever_its_name(tmp_path):
    stored = noise((5, 7))
    for name in ("IM00001", "1.2.840.113", "SCAN.DCM", "slice.ima"):
        path = write_dicom(tmp_path / name, stored, **HU)
        np.testing.assert_array_equal(read_scan(path).values, stored - 1024)


@pytest.mark.parametrize(
    "name",
    [
        "photo.jpg",
        "name",
        "volume.mnc",
        "archive.tar.gz",
        "scan.dcm",
        "scan.nii",
        "scan.nii.gz",
        "scan.mhd",
        "scan.mha",
        "scan.tif",
        "scan.png",
    ],
)
def test_files_that_are_no_image(tmp_path, name):
    path = tmp_path / name
    path.write_text("file,x,y\n\na.png,1,2\n")
    assert fault_of(read_scan, path).what == str(path)


def test_missing_files_and_folders(tmp_path):
    assert fault_of(read_scan, tmp_path / "none.dcm").what.endswith("/none.dcm")
    assert fault_of(read_scan, tmp_path).what == str(tmp_path)


@pytest.mark.parametrize(("name", "library"), [("a.dcm", "pydicom"), ("a.nii.gz", "nibabel")])
def test_without_the_library_the_line_names_the_extra(tmp_path, monkeypatch, name, library):
    all_stacks(tmp_path)
    monkeypatch.setitem(sys.modules, library, None)
    error = fault_of(read_scan, tmp_path / name, slice_index=0)
    assert error.what == str(tmp_path / name) and library in error.found
    assert "casgan_jax[medical]" in error.remedy
