"""Masks as several lesions: slices, segments, values, connected parts."""

import nibabel
import numpy as np
import pytest
import tifffile

from casgan_jax.annotations import Annotation
from casgan_jax.annotations.readers import readers_of
from casgan_jax.images import write_png
from casgan_jax.labelling.expand import lesions_of
from casgan_jax.labelling.lesion import read_lesion
from tests.dicom.reports import write_contours
from tests.faults import fault_of
from tests.images.scans import noise, write_volume
from tests.labelling.lesions import axes, disc, picture
from tests.labelling.studies import FRAME, to_patient, write_series

AFFINE = np.diag([-1.0, -1, 2, 1])


@pytest.fixture
def labelled(tmp_path):
    """An image of four slices, and a volume of labels 1 and 2 on two of them."""
    labels = np.zeros((20, 20, 4), np.uint8)
    labels[2:5, 2:5, 1] = labels[10:14, 10:14, 1] = 1
    labels[8:10, 2:5, 1] = labels[4:8, 4:8, 3] = 2
    image = write_volume(tmp_path / "im.nii", noise((20, 20, 4)), AFFINE)
    mask = write_volume(tmp_path / "labels.nii", labels, AFFINE)
    return Annotation(key="a", patient="p", image=image, mask=mask)


def test_every_value_of_every_slice(labelled):
    found = lesions_of(labelled, every_segment=True)
    assert [(one.key, one.slice_index, one.segment) for one in found] == [
        ("a_segment-1_slice-1", 1, "1"),
        ("a_segment-2_slice-1", 1, "2"),
        ("a_segment-2_slice-3", 3, "2"),
    ]
    assert [int(read_lesion(one).masks.sum()) for one in found] == [25, 6, 16]


def test_connected_parts(labelled):
    found = lesions_of(labelled, every_segment=True, components=True)
    assert [one.key for one in found][:2] == [
        "a_segment-1_slice-1_part-1",
        "a_segment-1_slice-1_part-2",
    ]
    assert [int(read_lesion(one).masks.sum()) for one in found] == [9, 16, 6, 16]
    third = Annotation(**vars(found[0]) | {"component": 3})
    error = fault_of(read_lesion, third)
    assert error.what == "component" and "2 parts" in error.found


def test_one_value_or_one_slice(labelled):
    two = Annotation(**vars(labelled) | {"segment": "2"})
    assert [one.key for one in lesions_of(two)] == ["a_slice-1", "a_slice-3"]
    (only,) = lesions_of(Annotation(**vars(two) | {"slice_index": 3}))
    assert only.slice_index == 3
    error = fault_of(lesions_of, labelled)
    assert (
        error.what.endswith("/labels.nii") and "3 values" in error.found and "0 to 2" in error.found
    )
    none = Annotation(**vars(labelled) | {"segment": "7"})
    error = fault_of(lesions_of, none)
    assert error.what.endswith("/labels.nii") and "4 slices" in error.found


def test_contours_on_a_series_and_on_its_nifti(tmp_path):
    folder = write_series(tmp_path / "series", 4)
    square = np.array([[29.5, 19.5], [49.5, 19.5], [49.5, 59.5], [29.5, 59.5]])
    drawn = [(to_patient(square, 2.0), "1.2.5.2"), (to_patient(square, 6.0), None)]
    mask = write_contours(tmp_path / "rt.dcm", {"A": drawn}, frame=FRAME)
    one = Annotation(key="a", patient="p", image=folder, mask=mask, segment="a")
    found = lesions_of(one)
    assert [each.key for each in found] == ["a_slice-1", "a_slice-3"]
    assert [int(read_lesion(each).masks.sum()) for each in found] == [800, 800]
    other = write_contours(tmp_path / "other.dcm", {"A": drawn}, frame="1.9")
    wrong = Annotation(key="a", patient="p", image=folder, slice_index=1, mask=other)
    error = fault_of(read_lesion, wrong)
    assert error.what.endswith("/other.dcm") and "1.9" in error.found
    affine = np.diag([-0.8, -0.5, 2, 1.0])
    affine[:3, 3] = 20, 30, 0
    image = write_volume(tmp_path / "im.nii", noise((96, 96, 4)), affine)
    on_nifti = lesions_of(Annotation(key="a", patient="p", image=image, mask=mask))
    assert [int(read_lesion(each).masks.sum()) for each in on_nifti] == [800, 800]
    png = write_png(tmp_path / "im.png", picture(9, (50, 50)))
    placeless = Annotation(key="a", patient="p", image=png, mask=mask)
    assert fault_of(read_lesion, placeless).what.endswith("/rt.dcm")


def test_a_page_of_a_mask_with_an_image_of_one_slice(tmp_path):
    image = write_png(tmp_path / "im.png", picture(12, (80, 60)))
    pages = np.stack([disc(5, (20, 20)), disc(12, (80, 60)), disc(3, (9, 9))]).astype(np.uint8)
    tifffile.imwrite(tmp_path / "m.tif", pages, photometric="minisblack")
    one = Annotation(key="a", patient="p", image=image, slice_index=1, mask=tmp_path / "m.tif")
    np.testing.assert_array_equal(read_lesion(one).masks[..., 0], disc(12, (80, 60)))
    beyond = Annotation(**vars(one) | {"slice_index": 3})
    error = fault_of(read_lesion, beyond)
    assert (
        error.what.endswith("/im.png") and "slice_index" in error.found and "1 slice" in error.found
    )
    marked = Annotation(key="a", patient="p", image=image, slice_index=1, recist=axes(12, (80, 60)))
    error = fault_of(read_lesion, marked)
    assert (
        error.what.endswith("/im.png") and "slice_index" in error.found and "1 slice" in error.found
    )


def test_a_slice_that_is_named_must_be_where_the_image_is(tmp_path):
    series = write_series(tmp_path / "series", 4)
    affine = np.diag([-0.8, -0.5, 2, 1.0])
    affine[:3, 3] = 20, 30, 0
    labels = np.zeros((96, 96, 4), np.uint8)
    labels[30:50, 20:60, 2] = 1
    nibabel.save(nibabel.Nifti1Image(labels, affine), tmp_path / "m.nii")
    image = series / "1.2.5-2.dcm"
    one = Annotation(
        key="a", patient="p", image=image, slice_index=2, mask=tmp_path / "m.nii", segment="1"
    )
    assert read_lesion(one).masks.sum() == 800
    wrong = Annotation(**vars(one) | {"slice_index": 1})
    assert fault_of(read_lesion, wrong).what.endswith("/m.nii")


def test_regions_of_one_file_are_readers_where_the_user_says_so(tmp_path):
    series = write_series(tmp_path / "series", 2)
    angle = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    circle = np.stack([50 + 14 * np.cos(angle), 40 + 22 * np.sin(angle)], axis=1)
    drawn = {
        name: [(to_patient(circle + (shift, 0), z), None)]
        for name, shift, z in (("Ann", 0, 2), ("Bob", 2, 2), ("Cy", 0, 0), ("Body", 9, 2))
    }
    path = write_contours(tmp_path / "rt.dcm", drawn, frame=FRAME)
    marks = readers_of([path], ["Ann", "2", "Cy"])
    one = Annotation(key="a", patient="p", image=series, slice_index=1, **marks)
    masks = read_lesion(one).masks  # Cy marked nothing on this slice
    assert masks.shape[2] == 2
    np.testing.assert_array_equal(masks[:, 2:, 1], masks[:, :-2, 0])
