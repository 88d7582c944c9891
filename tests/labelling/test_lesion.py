"""Reading a lesion: window, spacing, unit, and marks that do not fit."""

import dataclasses

import numpy as np
import pytest

from casgan_jax.annotations import Annotation, read_annotations
from casgan_jax.grid import Box
from casgan_jax.images import Scan, write_nifti, write_npy, write_png
from casgan_jax.labelling.label import LabelOptions, label_lesion
from casgan_jax.labelling.lesion import default_window, read_lesion
from casgan_jax.soft_mask.recist import EXCHANGED
from casgan_jax.soft_mask.trimap import AnnotationError
from tests.faults import fault_of
from tests.images.scans import write_dicom, write_volume
from tests.labelling import lesions
from tests.shared_data import shared_data

CENTRE = (90.0, 60.0)


@pytest.fixture
def annotation(tmp_path):
    """A lesion of radius 10 with one mask."""
    return Annotation(
        key="one",
        patient="Ann",
        image=lesions.write_image(tmp_path / "a.png", lesions.picture(10, CENTRE)),
        mask=lesions.write_mask(tmp_path / "m.png", lesions.disc(10, CENTRE)),
    )


def changed(annotation, **fields):
    return dataclasses.replace(annotation, **fields)


def test_a_mask_and_its_extent(annotation):
    lesion = read_lesion(annotation)
    np.testing.assert_array_equal(lesion.values, lesions.picture(10, CENTRE))
    np.testing.assert_array_equal(lesion.masks[..., 0], lesions.disc(10, CENTRE))
    assert lesion.extent == Box(80, 50, 101, 71)
    assert (lesion.unit, lesion.window, lesion.spacing_mm) == ("stored", (0, 255), None)


def test_axes_and_their_extent(annotation):
    lesion = read_lesion(changed(annotation, mask=None, recist=lesions.axes(10.2, CENTRE)))
    assert lesion.masks is None
    assert lesion.extent == Box(80, 50, 101, 71)


def test_readers_who_marked_nothing_do_not_count(annotation, tmp_path):
    drawn = [lesions.disc(9, CENTRE), np.zeros((160, 160), bool), lesions.disc(11, CENTRE)]
    files = tuple(lesions.write_mask(tmp_path / f"{i}.png", m) for i, m in enumerate(drawn))
    lesion = read_lesion(changed(annotation, mask=None, reader_masks=files))
    np.testing.assert_array_equal(lesion.masks, np.stack([drawn[0], drawn[2]], axis=2))


def test_the_window_that_is_known_first(annotation):
    assert read_lesion(annotation, window=(1, 2)).window == (1, 2)
    given = changed(annotation, window=(3, 4), hu_offset=-1000)
    assert read_lesion(given, window=(1, 2)).window == (1, 2)
    assert read_lesion(given).window == (3, 4)
    assert read_lesion(changed(given, window=None)).window == (-1000, 400)
    assert read_lesion(annotation).window == (0, 255)
    values = np.arange(10_000, dtype=np.uint16).reshape(100, 100)
    assert default_window(Scan(values)) == pytest.approx((50, 9949), abs=1)
    values[:] = 7
    values[0, 0] = 9
    assert default_window(Scan(values)) == (7, 9)
    assert default_window(Scan(values, window=(1.0, 5.0))) == (1, 5)


def test_an_offset_makes_hounsfield_units(annotation, tmp_path):
    stored = lesions.picture(10, CENTRE).astype(np.uint16) + 31768
    image = write_png(tmp_path / "ct.png", stored)
    lesion = read_lesion(changed(annotation, image=image, hu_offset=-32768))
    assert (lesion.unit, lesion.values.dtype) == ("HU", np.int16)
    np.testing.assert_array_equal(lesion.values, lesions.picture(10, CENTRE).astype(int) - 1000)
    image = write_npy(tmp_path / "ct.npy", stored.astype(np.float32))
    lesion = read_lesion(changed(annotation, image=image, hu_offset=-0.5))
    np.testing.assert_array_equal(lesion.values, stored - 0.5)


def test_the_tables_spacing_comes_before_the_files(annotation, tmp_path):
    image = write_nifti(tmp_path / "a.nii.gz", lesions.picture(10, CENTRE), (0.5, 0.6))
    mask = write_nifti(tmp_path / "m.nii.gz", lesions.disc(10, CENTRE).astype(np.uint8), (0.5, 0.6))
    scanned = changed(annotation, image=image, mask=mask)
    assert read_lesion(scanned).spacing_mm == pytest.approx((0.5, 0.6))
    assert read_lesion(changed(scanned, spacing_mm=(1.0, 2.0))).spacing_mm == (1.0, 2.0)


def test_one_slice_of_a_volume(annotation, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    volume = np.zeros((160, 160, 3), np.uint8)
    masks = np.zeros((160, 160, 3), np.uint8)
    for k in range(3):
        volume[..., k] = lesions.picture(10 + k, CENTRE)
        masks[..., k] = lesions.disc(10 + k, CENTRE)
    for name, array in (("v.nii.gz", volume), ("w.nii.gz", masks)):
        nibabel.save(nibabel.Nifti1Image(array, np.diag([0.5, 0.5, 2, 1])), tmp_path / name)
    slices = changed(annotation, image=tmp_path / "v.nii.gz", mask=tmp_path / "w.nii.gz")
    for k in range(3):
        found = read_lesion(changed(slices, slice_index=k))
        assert found.masks.sum() == lesions.disc(10 + k, CENTRE).sum()
    single = read_lesion(changed(slices, slice_index=1, mask=annotation.mask))
    np.testing.assert_array_equal(single.masks[..., 0], lesions.disc(10, CENTRE))
    error = fault_of(read_lesion, slices)
    assert (
        error.what.endswith("/v.nii.gz")
        and "3 slices" in error.found
        and "slice_index" in error.found
    )


def test_an_empty_mask_has_its_reason(annotation, tmp_path):
    empty = lesions.write_mask(tmp_path / "empty.png", np.zeros((160, 160), bool))
    for marks in ({"mask": empty}, {"mask": None, "reader_masks": (empty, empty)}):
        error = fault_of(read_lesion, changed(annotation, **marks))
        assert isinstance(error, AnnotationError) and error.reason == "no_mask"


def test_marks_and_images_that_do_not_fit(annotation, tmp_path):
    small = lesions.write_mask(tmp_path / "small.png", lesions.disc(5, (30, 30), 80))
    grey = write_png(tmp_path / "grey.png", lesions.picture(10, CENTRE))
    flat = write_png(tmp_path / "flat.png", np.full((160, 160), 7, np.uint8))
    (tmp_path / "torn.png").write_bytes(grey.read_bytes()[:200])
    outside = lesions.axes(10, (900, 60))
    for fields, what in [
        ({"mask": small}, str(small)),
        ({"mask": grey}, str(grey)),
        ({"mask": tmp_path / "none.png"}, str(tmp_path / "none.png")),
        ({"image": tmp_path / "torn.png"}, str(tmp_path / "torn.png")),
        ({"image": flat}, str(flat)),
        ({"slice_index": 2}, str(tmp_path / "a.png")),
        ({"mask": None, "recist": outside}, "recist"),
    ]:
        assert fault_of(read_lesion, changed(annotation, **fields)).what == what


def test_an_offset_for_what_is_in_hounsfield_units(annotation):
    pydicom_data = pytest.importorskip("pydicom.data")
    scan = pydicom_data.get_testdata_file("CT_small.dcm", download=False)
    one = changed(annotation, image=scan, mask=None, recist=lesions.axes(10, (60, 60)))
    lesion = read_lesion(one)
    assert (lesion.unit, lesion.window) == ("HU", (-1000, 400))
    error = fault_of(read_lesion, changed(one, hu_offset=-1024), varies=True)  # in pydicom's folder
    assert error.what == str(scan) and "-1024" in error.found


def test_real_lesions():
    for one in read_annotations(shared_data("deeplesion", "DL_info.csv")).annotations:
        lesion = read_lesion(one)
        assert (lesion.unit, lesion.values.shape) == ("HU", (512, 512))
        assert -1100 < np.percentile(lesion.values, 5) < -500  # air around the patient
        left, top, right, bottom = lesion.extent
        assert 5 < right - left < 120 and 5 < bottom - top < 120


def test_axes_in_the_other_order_are_exchanged_and_told(annotation):
    axes = np.float32([80, 60, 100, 60, 90, 53, 90, 67])
    right = changed(annotation, mask=None, recist=axes, spacing_mm=(0.5, 0.5))
    assert read_lesion(right).notes == ()
    swapped = read_lesion(changed(right, recist=np.roll(axes, 4), diameters_mm=(10, 7)))
    np.testing.assert_array_equal(swapped.recist, axes)
    assert swapped.notes == (EXCHANGED,)
    beyond = changed(right, recist=np.float32([80, 60, 100, 60, 90, -5, 90, 12]))
    assert len(read_lesion(beyond).notes) == 2  # outside of the image, and not crossing
    tall = read_lesion(changed(right, spacing_mm=(1.0, 0.5)))  # 10 mm across, 14 mm high
    np.testing.assert_array_equal(tall.recist, np.roll(axes, 4))
    assert label_lesion(right, LabelOptions(scale=1)).diameters_px[0] > 15


def test_axes_are_compared_with_the_diameters_in_mm(annotation):
    axes = lesions.axes(10, CENTRE)
    drawn = changed(annotation, mask=None, recist=axes, spacing_mm=(0.5, 0.5))
    assert read_lesion(changed(drawn, diameters_mm=(10.4, 9.8))).recist is axes
    in_mm = changed(drawn, recist=axes / 2, diameters_mm=(10, 10))
    assert fault_of(read_lesion, in_mm).what == "recist"
    other = changed(drawn, diameters_mm=(14, 10))
    error = fault_of(read_lesion, other)
    assert error.what == "recist" and "10.0" in error.found and "14.0" in error.found
    unknown = changed(drawn, spacing_mm=None, diameters_mm=(10, 10))
    error = fault_of(read_lesion, unknown)
    assert error.what.endswith("/a.png") and "diameters_mm" in error.found


def test_what_the_line_says_replaces_what_the_file_says_wrongly(annotation, tmp_path):
    stored = lesions.picture(10, CENTRE).astype(np.int16)
    image = write_dicom(tmp_path / "a.dcm", stored, Modality="CT", PixelSpacing=[0, 0])
    one = changed(annotation, image=image)
    error = fault_of(read_lesion, one)
    assert error.what.endswith("/a.dcm") and "0.0" in error.found
    error = fault_of(read_lesion, changed(one, spacing_mm=(0.5, 0.5)))
    assert error.what.endswith("/a.dcm") and "hu_offset" in error.remedy
    lesion = read_lesion(changed(one, spacing_mm=(0.5, 0.5), hu_offset=-1024))
    assert (lesion.unit, lesion.spacing_mm) == ("HU", (0.5, 0.5))
    np.testing.assert_array_equal(lesion.values, stored - 1024)


def test_only_what_is_near_the_lesion_must_be_finite(annotation, tmp_path):
    values = lesions.picture(10, CENTRE).astype(np.float32)
    values[:, :5] = np.nan
    image = tmp_path / "nan.npy"
    np.save(image, values)
    label = label_lesion(changed(annotation, image=image), LabelOptions(scale=1))
    assert label.window[0] < 60 and label.quality > 0.8
    values[60, 85] = np.inf
    np.save(image, values)
    assert fault_of(label_lesion, changed(annotation, image=image)).what.endswith("/nan.npy")
    np.save(image, np.full_like(values, np.nan))
    assert fault_of(read_lesion, changed(annotation, image=image)).what.endswith("/nan.npy")


def test_notes_tell_how_masks_were_joined(annotation, tmp_path):
    image = write_volume(
        tmp_path / "a.nii", lesions.picture(10, CENTRE).T[..., None], np.diag([-1, -1, 1, 1])
    )
    coarse = lesions.disc(5, (45, 30), 80).astype(np.uint8)
    affine = np.diag([-2.0, -2.0, 1.0, 1.0])
    affine[:2, 3] = -0.5
    mask = write_volume(tmp_path / "m.nii", coarse.T[..., None], affine)
    lesion = read_lesion(changed(annotation, image=image, mask=mask))
    assert lesion.notes == ("m.nii resampled onto the image from a grid of 2 x 2 x 1 mm",)
    assert lesion.geometry.size == (160, 160, 1)
