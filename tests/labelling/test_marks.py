"""Masks joined to their image: by place, by segment, by value, and what is refused."""

import numpy as np
import pytest
import tifffile

from casgan_jax.images import open_stack, read_scan, write_npy, write_png
from casgan_jax.labelling.marked_slices import marked_slices
from casgan_jax.labelling.marks import read_mask
from tests.faults import fault_of
from tests.images.scans import HU, noise, write_dicom, write_metaimage, write_volume
from tests.images.segmentations import frame_group, write_segmentation
from tests.shared_data import shared_data

LPS = np.diag([-0.5, -0.5, 2.0, 1.0])
SIDE = 12
PLACE = {
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "PixelSpacing": [0.5, 0.5],
    "SliceThickness": 2,
    "FrameOfReferenceUID": "1.2.9",
}


def blob(left=3, top=4, size=4):
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[top : top + size, left : left + size] = 1
    return mask


@pytest.fixture
def image(tmp_path):
    """A function that writes a CT slice at a height and reads it."""

    def written(z=0, **tags):
        tags = HU | PLACE | {"ImagePositionPatient": [0, 0, z]} | tags
        return read_scan(write_dicom(tmp_path / f"ct{z}.dcm", noise((SIDE, SIDE)), **tags))

    return written


@pytest.fixture
def segmentation(tmp_path):
    """A function that writes a segmentation upon those slices."""

    def written(frames, groups, **options):
        options = {"spacing": (0.5, 0.5), "FrameOfReferenceUID": "1.2.9"} | options
        return write_segmentation(tmp_path / "seg.dcm", frames, groups, **options)

    return written


def mark(path, scan, *, index=None, segment=None):
    return read_mask(path, scan, slice_index=index, segment=segment)


def test_one_slice_of_a_series_with_the_mask_of_all(image, tmp_path):
    volume = np.zeros((SIDE, SIDE, 5), np.uint8)
    volume[..., 3] = blob().T
    path = write_volume(tmp_path / "mask.nii.gz", volume, LPS)
    found = mark(path, image(z=6))
    np.testing.assert_array_equal(found.mask, blob() == 1)
    assert found.note == ""
    empty = mark(path, image(z=2))
    assert not empty.mask.any() and "from (0, 0, 2) towards LPS" in empty.place
    error = fault_of(mark, path, image(z=20))
    assert (
        error.what.endswith("/mask.nii.gz")
        and "12 x 12 x 5" in error.found
        and "(0, 0, 20)" in error.expected
    )


def test_another_grid_of_the_same_space_is_resampled_and_said(image, tmp_path):
    coarse = np.zeros((6, 6, 2), np.uint8)
    coarse[2:4, 1:4, 0] = 1
    affine = np.diag([-1.0, -1.0, 4.0, 1.0])
    affine[:3, 3] = -0.25, -0.25, 0
    found = mark(write_volume(tmp_path / "mask.nii", coarse, affine), image(z=0))
    np.testing.assert_array_equal(found.mask, np.kron(coarse[..., 0].T, np.ones((2, 2))) == 1)
    assert found.note == "mask.nii resampled onto the image from a grid of 1 x 1 x 4 mm"


def test_a_mask_that_was_moved_is_where_it_was_moved_to(image, tmp_path):
    moved = LPS.copy()
    moved[0, 3] = -1.5  # three pixels to the left
    volume = np.repeat(blob().T[..., None], 3, axis=2)
    found = mark(write_volume(tmp_path / "mask.nii", volume, moved), image(z=2))
    np.testing.assert_array_equal(found.mask, blob(left=6) == 1)


def test_files_without_a_place_must_have_the_images_size(image, tmp_path):
    for path in (write_png(tmp_path / "a.png", blob()), write_npy(tmp_path / "a.npy", blob())):
        np.testing.assert_array_equal(mark(path, image()).mask, blob() == 1)
    small = write_png(tmp_path / "small.png", blob()[:6])
    error = fault_of(mark, small, image())
    assert (
        error.what.endswith("/small.png")
        and "12 x 6" in error.found
        and "12 x 12" in error.expected
    )
    tifffile.imwrite(tmp_path / "a.tif", np.stack([0 * blob(), blob()]), photometric="minisblack")
    assert mark(tmp_path / "a.tif", image(), index=1).mask.sum() == 16
    grey = read_scan(write_png(tmp_path / "image.png", noise((SIDE, SIDE), 0, 99, np.uint8)))
    volume = write_volume(tmp_path / "mask.nii", blob().T[..., None], LPS)
    np.testing.assert_array_equal(mark(volume, grey).mask, blob() == 1)


def test_a_volume_that_lost_its_place_is_not_guessed(image, tmp_path):
    path = write_metaimage(tmp_path / "mask.mhd", blob().T[..., None])
    kept = [line for line in path.read_text().splitlines() if "Spacing" not in line]
    path.write_text("\n".join(kept) + "\n")
    assert fault_of(mark, path, image()).what.endswith("/mask.mhd")
    np.testing.assert_array_equal(mark(path, read_scan(path)).mask, blob() == 1)


def test_another_frame_of_reference_is_refused(image, segmentation):
    path = segmentation([blob()], [frame_group((0, 0, 0), 1)])
    assert mark(path, image()).mask.any()
    error = fault_of(mark, path, image(FrameOfReferenceUID="1.2.10"))
    assert error.what.endswith("/seg.dcm") and "1.2.9" in error.found and "1.2.10" in error.expected


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_frames_of_a_segmentation_are_known_by_place_and_segment(image, segmentation, kind):
    """Slices 0, 4 and 6 are marked, in no order; 2 is left out; two segments."""
    first, second = blob(), blob(left=1, top=0, size=3)
    drawn = [(4, 1, first), (6, 2, second), (0, 1, blob(size=2)), (4, 2, second)]
    if kind == "LABELMAP":
        frames = [np.maximum(first, 2 * second), 2 * second, blob(size=2)]
        groups = [frame_group((0, 0, z)) for z in (4, 6, 0)]
    else:
        frames = np.stack([mask for *_, mask in drawn]) * (255 if kind == "FRACTIONAL" else 1)
        groups = [frame_group((0, 0, z), segment) for z, segment, _ in drawn]
    more = {"MaximumFractionalValue": 255} if kind == "FRACTIONAL" else {}
    path = segmentation(frames, groups, kind=kind, names=("Liver", "Tumour"), **more)
    for segment in ("2", "2.0", "tumour"):
        for z in (4, 6):
            np.testing.assert_array_equal(mark(path, image(z), segment=segment).mask, second == 1)
    np.testing.assert_array_equal(mark(path, image(0)).mask, blob(size=2) == 1)
    assert "segment 1 (Liver), the only one of 2 that is marked here" in mark(path, image(0)).note
    assert not mark(path, image(2)).mask.any() and not mark(path, image(0), segment="2").mask.any()
    error = fault_of(mark, path, image(4))
    assert error.what.endswith("/seg.dcm") and "2 segments" in error.found
    error = fault_of(mark, path, image(4), segment="lung")
    assert error.what == "segment" and "lung" in error.found


def test_shares_of_a_pixel_are_cut_where_the_note_says(image, segmentation):
    frame = np.zeros((SIDE, SIDE), np.uint8)
    frame[2, 2:5] = 63, 64, 127
    groups = [frame_group((0, 0, 0), 1)]
    path = segmentation([frame], groups, kind="FRACTIONAL", MaximumFractionalValue=127)
    found = mark(path, image())
    assert np.argwhere(found.mask).tolist() == [[2, 3], [2, 4]]
    assert "counted from 0.502" in found.note
    broken = segmentation([frame], groups, kind="FRACTIONAL", MaximumFractionalValue=0)
    assert fault_of(mark, broken, image()).what.endswith("/seg.dcm")


def test_frames_without_a_place_are_those_drawn_on_the_image(image, segmentation):
    groups = [frame_group(None, 1, "1.2.8"), frame_group(None, 1, "1.2.3")]
    path = segmentation([blob(left=0), blob()], groups)
    np.testing.assert_array_equal(mark(path, image()).mask, blob() == 1)
    assert not mark(path, image(SOPInstanceUID="1.2.77")).mask.any()
    path = segmentation([blob()], [frame_group(None, 1)])
    assert fault_of(mark, path, image()).what.endswith("/seg.dcm")


def test_a_value_of_several_is_named(image, tmp_path):
    two = np.maximum(blob(), 2 * blob(left=0, top=0, size=3))
    path = write_png(tmp_path / "a.png", two)
    error = fault_of(mark, path, image())
    assert error.what.endswith("/a.png") and "3 values" in error.found and "0 to 2" in error.found
    np.testing.assert_array_equal(mark(path, image(), segment="1").mask, two == 1)
    np.testing.assert_array_equal(mark(path, image(), segment="2").mask, two == 2)
    assert not mark(path, image(), segment="3").mask.any()
    for wrong in ("liver", "0", "nan"):
        assert fault_of(mark, path, image(), segment=wrong).what == "segment"
    only = write_png(tmp_path / "b.png", 2 * blob())
    assert mark(only, image()).note == "b.png has the value 2 here"


def test_published_segmentations_lie_on_their_slices():
    path = shared_data("dicom", "dcmqi", "liver_seg.dcm")
    stack = open_stack(path)
    (segment,) = stack.segments
    assert str(segment) == "1 (Liver)" and stack.count == 3
    for name in ("ct_01.dcm", "ct_02.dcm", "ct_03.dcm"):
        scan = read_scan(shared_data("dicom", "dcmqi", name))
        found = mark(path, scan)
        (frame,) = segment.frames[scan.instance[0], 0]
        np.testing.assert_array_equal(found.mask, segment.read(frame) == 1)
        assert found.mask.any()
        assert -200 < np.median(scan.values[found.mask]) < 300  # soft tissue


def test_marked_slices_are_found_by_place(tmp_path, segmentation):
    volume = write_volume(tmp_path / "image.nii", noise((SIDE, SIDE, 5)), LPS)
    upper = LPS.copy()
    upper[2, 3] = 4  # a mask of the upper three slices, of which the last is empty
    masks = np.stack([blob().T, blob(left=1).T, 0 * blob()], axis=2)
    path = write_volume(tmp_path / "mask.nii", masks, upper)
    assert marked_slices(volume, [path]) == [2, 3]
    frames = segmentation([blob(), blob()], [frame_group((0, 0, z), 1) for z in (8, 0)])
    assert marked_slices(volume, [path, frames]) == [0, 2, 3, 4]
    picture = write_png(tmp_path / "a.png", blob())
    assert marked_slices(volume, [picture]) is None
    assert marked_slices(picture, [path]) is None
