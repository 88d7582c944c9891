"""Grey levels of images for a system whose training images were stretched crops."""

import numpy as np
import pytest

from casgan_jax.grid import Box, normalise
from casgan_jax.inference.levels import extremes_around
from tests.faults import fault_of


def slice_in_hu(seed=0):
    rng = np.random.default_rng(seed)
    image = rng.normal(-800.0, 40.0, (300, 260)).astype(np.float32)
    image[120:132, 90:104] = 40.0
    return image


def test_a_slice_and_its_stretched_crop_look_the_same():
    image, mark, side = slice_in_hu(), (96.5, 125.5), 128
    box = Box.centred(mark, side)
    levels = extremes_around(image, mark, side)
    crop = normalise(box.crop(image), levels)
    coded = np.round(255 * crop).astype(np.uint8)
    again = extremes_around(coded, (63.5, 63.5), side)
    assert again == (0.0, 255.0)
    np.testing.assert_allclose(normalise(coded, again), crop, atol=0.5 / 255 + 1e-6)


def test_values_that_are_not_finite_do_not_count():
    image = slice_in_hu()
    image[60, 60], image[61, 61] = np.nan, np.inf
    low, high = extremes_around(image, (96.5, 125.5), 128)
    assert np.isfinite([low, high]).all() and high == 40.0


def test_what_a_scanner_writes_outside_of_its_field_of_view_counts_as_air():
    image = slice_in_hu()
    low, high = extremes_around(image, (96.5, 125.5), 128)
    image[60:90, 60:70] = -3024.0
    assert extremes_around(image, (96.5, 125.5), 128) == (-1024.0, high)
    assert low > -1024
    assert extremes_around(image - 5000, (96.5, 125.5), 128) == (-8024.0, high - 5000)  # no HU


def test_at_the_border_the_crop_is_moved_inside():
    image = slice_in_hu()
    assert extremes_around(image, (0, 0), 128) == (image[:128, :128].min(), image[:128, :128].max())
    small = image[:50, :60]
    assert extremes_around(small, (20, 20), 128) == (small.min(), small.max())


@pytest.mark.parametrize("value", [7.0, np.nan])
def test_a_crop_without_grey_levels_is_named(value):
    error = fault_of(extremes_around, np.full((200, 200), value, np.float32), (90, 90), 128)
    assert error.what == "image" and "128 pixels" in error.found
