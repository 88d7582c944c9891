"""Axes as a hand draws them."""

import numpy as np
import pytest

from casgan_jax.soft_mask.hand import WRONG_BY, drawn_by_hand
from casgan_jax.soft_mask.recist import axis_lengths, check_recist

AXES = np.array([20, 30, 44, 30, 32, 22, 32, 38], np.float32)
SHAPE = (64, 64)


def drawn(seed, recist=AXES, **options):
    return drawn_by_hand(recist, SHAPE, np.random.default_rng(seed), **options)


def test_a_hand_without_noise_leaves_them_alone():
    np.testing.assert_array_equal(drawn(0, noise=0.0), AXES)


@pytest.mark.parametrize("noise", [0.5, 1.0])
def test_noise_has_its_deviation_on_every_coordinate(noise):
    moved = np.stack([drawn(seed, noise=noise) - AXES for seed in range(400)])
    np.testing.assert_allclose(moved.std(axis=0), noise, rtol=0.15)
    np.testing.assert_allclose(moved.mean(axis=0), 0, atol=0.2 * noise)


def test_a_wrong_end_is_off_by_its_share_of_the_long_axis():
    for seed in range(20):
        moved = (drawn(seed, noise=0.0, wrong=True) - AXES).reshape(4, 2)
        lengths = np.linalg.norm(moved, axis=1)
        assert np.count_nonzero(lengths > 1e-4) == 1
        assert lengths.max() == pytest.approx(WRONG_BY * 24, rel=1e-4)


def test_axes_that_no_lesion_has_are_drawn_again():
    small = np.array([30, 30, 33, 30, 31.5, 29, 31.5, 31], np.float32)
    for seed in range(50):
        found = drawn(seed, small, noise=1.0)
        check_recist(found, SHAPE)
        assert np.subtract(*axis_lengths(found)) >= 0  # the long one first


def test_after_many_refusals_they_stay():
    outside = AXES + 200  # no noise brings them into the image
    np.testing.assert_array_equal(drawn(0, outside, noise=0.5), outside)
