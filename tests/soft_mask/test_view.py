"""Lesions as networks see them by their axes, and masks back in the image."""

import numpy as np
import pytest

from casgan_jax.grid import Box, area_mean
from casgan_jax.soft_mask.recist import axis_lengths, relative_distance
from casgan_jax.soft_mask.view import FARTHEST, NEAREST, View, view_of_axes, view_of_box

SIDE, SHARE = 64, 0.4
LESIONS = {
    "upright": [30.0, 20.0, 30.0, 44.0, 22.0, 33.0, 38.0, 33.0],
    "slanted": [20.5, 24.0, 41.0, 39.5, 34.0, 25.5, 27.0, 36.0],
    "small": [30.2, 31.0, 35.7, 32.1, 32.4, 34.0, 33.1, 29.4],
    "large": [6.0, 60.0, 58.0, 8.0, 20.0, 22.0, 45.0, 48.0],
}


@pytest.fixture(params=LESIONS)
def recist(request):
    return np.array(LESIONS[request.param])


def smooth(shape):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return (0.5 + 0.25 * np.sin(x / 9.0) + 0.25 * np.cos(y / 7.0)).astype(np.float32)


def test_the_long_axis_lies_on_a_row_and_takes_its_share(recist):
    view = view_of_axes(recist, SIDE, share=SHARE)
    inside = np.linalg.solve(view.matrix, recist.reshape(4, 2).T - view.centre[:, None]).T
    start, stop = inside[:2]
    assert start[1] == pytest.approx(stop[1]) and stop[0] > start[0]
    assert stop[0] - start[0] == pytest.approx(SHARE * SIDE)
    assert np.linalg.det(view.matrix) > 0, "nothing is mirrored"
    assert view.pixel == pytest.approx(axis_lengths(recist)[0] / (SHARE * SIDE))


@pytest.mark.parametrize(("length", "pixel"), [(1.0, NEAREST), (500.0, FARTHEST)])
def test_neither_nearer_nor_farther_than_helps(length, pixel):
    recist = np.array([0, 0, length, 0, length / 2, -length / 4, length / 2, length / 4])
    assert view_of_axes(recist, SIDE, share=SHARE).pixel == pytest.approx(pixel)


def test_positions_are_where_samples_are_taken(recist):
    view = view_of_axes(recist, SIDE, share=SHARE)
    x, y = view.positions(SIDE)
    columns = np.tile(np.arange(80, dtype=np.float32), (80, 1))
    inside = (x > 0) & (x < 79) & (y > 0) & (y < 79)
    np.testing.assert_allclose(view.sample(columns, SIDE)[inside], x[inside], atol=0.05)
    np.testing.assert_allclose(view.sample(columns.T.copy(), SIDE)[inside], y[inside], atol=0.05)


def test_a_box_of_native_pixels_is_seen_and_given_back_as_it_is():
    image, box = smooth((50, 60)), Box(10, 5, 26, 21)
    view = view_of_box(box)
    np.testing.assert_allclose(view.sample(image, 16), box.crop(image), atol=1e-6)
    fine = smooth((32, 32))
    np.testing.assert_allclose(view.onto(fine, box, 16, 2), fine, atol=1e-6)
    np.testing.assert_allclose(view.onto(fine, box, 16, 1), area_mean(fine, 2), atol=1e-6)


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_what_is_drawn_in_the_view_falls_on_the_lesion(recist, scale):
    view = view_of_axes(recist, SIDE, share=SHARE)
    fine = View(view.matrix / 2, view.centre)
    x, y = fine.positions(2 * SIDE)
    shape = (72, 72)
    truth = relative_distance(recist, shape)
    radius = np.clip(truth, 0.0, 2.0)
    seen = fine.sample(radius.astype(np.float32), 2 * SIDE)
    placed = view.onto(seen, Box.of(shape), SIDE, scale)
    native = area_mean(placed, scale)
    inner = (truth < 0.9) & (truth > 0.2)
    inner[[0, -1]] = inner[:, [0, -1]] = False
    assert inner.any()
    np.testing.assert_allclose(native[inner], truth[inner], atol=0.12)
    assert x.shape == y.shape == seen.shape


def test_areas_are_kept(recist):
    view = view_of_axes(recist, SIDE, share=SHARE)
    offset = np.hypot(*(np.mgrid[: 2 * SIDE, : 2 * SIDE] - (2 * SIDE - 1) / 2))
    disc = (offset < 20).astype(np.float32)
    box = view.extent(SIDE)
    placed = view.onto(disc, box, SIDE, 2)
    assert placed.shape == (2 * box.shape[0], 2 * box.shape[1])
    expected = disc.sum() / 4 * view.pixel**2
    assert placed.sum() / 4 == pytest.approx(expected, rel=0.01)
    assert placed.min() >= 0.0 and placed.max() <= 1.0


def test_beyond_the_patch_there_is_nothing(recist):
    view = view_of_axes(recist, SIDE, share=SHARE)
    box = view.extent(SIDE).grown(20)
    placed = view.onto(np.ones((SIDE, SIDE), np.float32), box, SIDE, 1)
    assert placed[:15].max() == placed[:, -15:].max() == 0.0
    assert placed.max() == 1.0
