"""Bars are of a round length, at most a third of the picture, and drawn as long as they say."""

import numpy as np
import pytest

from casgan_jax.report.scale_bar import scale_bar, with_scale_bar


@pytest.mark.parametrize(
    ("width", "spacing", "length", "text"),
    [
        (64, 0.5, 20.0, "10 mm"),
        (60, 0.5, 20.0, "10 mm"),
        (59, 0.5, 10.0, "5 mm"),
        (512, 0.7, 100 / 0.7, "100 mm"),
        (40, 0.02, 10.0, "0.2 mm"),
        (512, None, 100.0, "100 px"),
        (512, 0.0, 100.0, "100 px"),
        (30, None, 10.0, "10 px"),
    ],
)
def test_the_length_is_round(width, spacing, length, text):
    bar = scale_bar(width, spacing)
    assert bar.length == pytest.approx(length) and bar.text == text


@pytest.mark.parametrize("shape", [(64, 64), (32, 64)])
def test_the_bar_is_drawn_in_the_pictures_corner(shape):
    grey = np.full(shape, 0.5, np.float32)
    drawn = with_scale_bar(grey, 0.5, tile=192)
    assert drawn.shape == (192, 192, 3) and drawn.dtype == np.uint8
    bottom = (192 + 3 * shape[0]) // 2 - 6
    white = (drawn[bottom] == 255).all(axis=1)
    assert 60 <= white.sum() <= 63 and 5 <= np.flatnonzero(white)[0] <= 6  # 20 of 64 pixels
    assert (drawn[96, 96] == 128).all()


def test_the_picture_itself_stays():
    picture = np.zeros((192, 192, 3), np.uint8)
    with_scale_bar(picture, None, tile=192)
    assert not picture.any()
