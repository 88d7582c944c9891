"""What a network is shown of a user's marks."""

import numpy as np
import pytest

from casgan_jax.soft_mask.mark_planes import KINDS, Marks, mark_planes
from casgan_jax.soft_mask.recist import relative_distance

AXES = np.array([4, 10, 16, 11, 9, 6, 11, 15], np.float32)
X, Y = np.arange(20), np.arange(18)[:, None]


def planes(*kinds, **marks):
    return mark_planes(kinds or KINDS, Marks(**marks), X, Y)


def test_a_click_is_its_distance_in_sixteenths_of_the_reach():
    click = planes("click", click=(5, 7))[..., 0]
    assert click.dtype == np.float32 and click.shape == (18, 20)
    assert click[7, 5] == 0.0
    assert click[7, 9] == pytest.approx(4 / 16) and click[10, 1] == pytest.approx(5 / 16)
    assert click.max() <= 1.0


def test_axes_are_their_relative_distance_over_three():
    axes = planes("axes", recist=AXES)[..., 0]
    expected = np.minimum(relative_distance(AXES, (18, 20)) / 3, 1)
    np.testing.assert_allclose(axes, expected, rtol=1e-6)
    assert axes[10, 16] == pytest.approx(1 / 3, abs=0.05)  # an end lies on the outline


def test_a_mark_that_is_not_there_is_infinitely_far():
    both = planes()
    assert both.shape == (18, 20, 2) and (both == 1.0).all()
    with_axes = planes(recist=AXES)
    assert (with_axes[..., 0] == 1.0).all() and with_axes[..., 1].min() < 0.1


def test_points_may_lie_anywhere():
    turned = mark_planes(KINDS, Marks((5.0, 7.0), AXES), X[None] + 0 * Y, Y + 0 * X[None])
    np.testing.assert_array_equal(turned, planes(click=(5.0, 7.0), recist=AXES))
