"""Slices of a tilted gantry on a canvas where they lie straight above each other, and back."""

import numpy as np

from casgan_jax.labelling.volumes.straight import Straight
from casgan_jax.soft_mask.strokes import Stroke
from casgan_jax.soft_mask.volume_marks import Correction, VolumeMark

SHAPE = (4, 6, 8)
SHIFT = np.array([0.0, 1.4])  # rows down, from slice to slice


def stack():
    return np.random.default_rng(0).random(SHAPE, np.float32)


def test_slices_go_back_to_the_pixels_that_they_came_from():
    straight = Straight(SHAPE, SHIFT, still=1)
    moved = straight.moved(stack())
    assert moved.shape == (4, 6 + 4, 8)
    np.testing.assert_array_equal(straight.back(moved), stack())


def test_without_a_tilt_nothing_moves():
    straight = Straight(SHAPE, np.zeros(2), still=0)
    np.testing.assert_array_equal(straight.moved(stack()), stack())


def test_marks_and_strokes_stay_on_their_pixels():
    straight = Straight(SHAPE, SHIFT, still=1)
    right, down = straight.moves[3]
    mask = np.zeros(SHAPE[1:], bool)
    mask[2, 5] = True
    found = straight.mark(VolumeMark(3, mask=mask)).mask
    assert np.argwhere(found).tolist() == [[2 + down, 5 + right]]
    axes = np.array([5, 1, 5, 3, 4, 2, 6, 2], np.float32)
    moved = straight.mark(VolumeMark(3, recist=axes)).recist
    assert moved.dtype == axes.dtype
    np.testing.assert_array_equal(moved - axes, np.tile([right, down], 4))
    stroke = Stroke("background", 1.5, ((5.0, 2.0), (6.0, 2.5)))
    (shown,) = straight.correction(Correction(3, (stroke,))).strokes
    assert shown.points == ((5.0 + right, 2.0 + down), (6.0 + right, 2.5 + down))
    assert (shown.value, shown.radius) == (stroke.value, stroke.radius)
