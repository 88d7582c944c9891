"""Trimaps from readers and from one mask."""

import cv2
import numpy as np
import pytest

from casgan_jax.soft_mask.trimap import (
    trimap_from_binary,
    trimap_from_readers,
    upsample_mask,
)
from tests.faults import fault_of


def disc(radius, size=32, centre=(16, 16)):
    y, x = np.mgrid[:size, :size]
    return np.hypot(y - centre[0], x - centre[1]) <= radius


def test_readers_intersection_union_and_rest():
    readers = np.zeros((4, 5, 4), np.uint8)
    readers[1, 1:4, 0] = 255
    readers[1, 1:3, 1] = 255
    readers[1, 1:3, 2] = 255  # the last marked nothing and does not count
    expected = np.zeros((4, 5), np.uint8)
    expected[1, 1:3], expected[1, 3] = 255, 128
    np.testing.assert_array_equal(trimap_from_readers(readers), expected)


@pytest.mark.parametrize(
    "readers, reason",
    [
        (np.zeros((8, 8, 4), bool), "no_mask"),
        (np.stack([disc(1, 8, (1, 1)), disc(1, 8, (6, 6))], axis=2), "empty_intersection"),
        (np.ones((8, 8, 3), bool), "no_background"),
    ],
)
def test_readers_without_a_trimap_tell_why(readers, reason):
    error = fault_of(trimap_from_readers, readers, scale=2)
    assert error.what == "reader_masks" and error.reason == reason


def test_upsampled_outline_is_smooth_and_averages_back_to_the_mask():
    mask = disc(6.3)
    fine = upsample_mask(mask, 4)
    back = cv2.resize(fine.astype(np.float32), (32, 32), interpolation=cv2.INTER_AREA) >= 0.5
    np.testing.assert_array_equal(back, mask)
    staircase = np.kron(mask, np.ones((4, 4), bool))
    assert fine.sum() == pytest.approx(staircase.sum(), rel=0.01)
    true = disc(4 * 6.3, 128, (65.5, 65.5))  # the same disc on the fine grid
    assert (fine ^ true).sum() < (staircase ^ true).sum()


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_a_lone_pixel_survives(scale):
    readers = np.zeros((9, 9, 2), bool)
    readers[4, 4], readers[4, 4:7, 1] = True, True
    assert set(np.unique(trimap_from_readers(readers, scale=scale))) == {0, 128, 255}


@pytest.mark.parametrize("scale", [1, 4])
def test_binary_band_grows_with_the_lesion(scale):
    widths = []
    for radius in (3, 6, 12):
        mask = disc(radius, 64, (32, 32))
        trimap = trimap_from_binary(mask, scale=scale)
        fine = upsample_mask(mask, scale)
        assert (trimap[fine] > 0).all() and (trimap[~fine] < 255).all()
        row = trimap[32 * scale]
        widths.append((row == 128).sum() / scale)
    assert widths[0] < widths[2] and widths == sorted(widths)
    assert widths[2] == pytest.approx(4 * 0.2 * 12, abs=2.5)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_binary_keeps_a_seed_in_every_part(scale):
    mask = disc(8)
    mask[2, 2] = mask[28, 3:5] = True
    trimap = trimap_from_binary(mask, scale=scale)
    for part in (trimap[: 5 * scale, : 5 * scale], trimap[26 * scale :, : 8 * scale]):
        assert (part == 255).any() and (part == 128).any()


def test_binary_at_the_image_border_is_not_eroded_from_outside():
    mask = np.zeros((32, 32), bool)
    mask[8:24, :12] = True
    trimap = trimap_from_binary(mask)
    assert trimap[16, 0] == 255


@pytest.mark.parametrize(
    "mask, reason",
    [(np.zeros((8, 8), bool), "no_mask"), (np.ones((8, 8), bool), "no_background")],
)
def test_binary_without_a_trimap_tells_why(mask, reason):
    error = fault_of(trimap_from_binary, mask, told_remedy=False)
    assert error.what == "mask" and error.reason == reason


def test_shapes_are_checked():
    error = fault_of(trimap_from_readers, np.ones((8, 8)))
    assert error.what == "reader_masks" and "(8, 8)" in error.found
    error = fault_of(trimap_from_binary, np.ones((8, 8, 2)))
    assert error.what == "mask" and "(8, 8, 2)" in error.found
