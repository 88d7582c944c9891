"""Measures of soft volumes, against what is known of balls and boxes."""

import numpy as np
import pytest

from casgan_jax.soft_mask.volume_measures import (
    longest_diameters,
    measure_volume,
    sphere_diameter,
    surface_mm2,
    weighted_values,
)
from tests.faults import fault_of

SPACING = (2.0, 0.8, 0.5)  # slice, row, column
SHAPE = (24, 60, 90)
THRESHOLD = 0.5


def ball(radius, *, shape=SHAPE, spacing=SPACING, centre=None, soft=1.5):
    """A ball in mm whose border is `soft` mm wide."""
    middle = (np.array(shape) - 1) / 2 * spacing if centre is None else np.array(centre)
    offsets = np.moveaxis(np.indices(shape), 0, -1) * spacing - middle
    far = np.linalg.norm(offsets, axis=-1)
    return np.clip((radius - far) / soft + 0.5, 0, 1).astype(np.float32)


def test_a_balls_measures_are_those_of_a_ball():
    radius = 15.0
    found = measure_volume(ball(radius), np.full(SHAPE, 40), SPACING, threshold=THRESHOLD)
    assert found.volume_mm3 == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.01)
    assert found.hard_volume_mm3 == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.01)
    assert found.surface_mm2 == pytest.approx(4 * np.pi * radius**2, rel=0.02)
    assert found.sphere_mm == pytest.approx(2 * radius, rel=0.005)
    assert found.diameters.long_mm == pytest.approx(2 * radius, abs=0.5)
    assert found.diameters.short_mm == pytest.approx(2 * radius, abs=0.5)
    assert (found.mean, found.percentiles) == (40, (40, 40, 40))


def test_volumes_count_shares_of_voxels_and_whole_ones_by_the_threshold():
    alpha = np.zeros((3, 4, 5), np.float32)
    alpha[1, 1, 1:4] = 0.25, 0.5, 1
    found = measure_volume(alpha, np.zeros(alpha.shape), (2, 3, 4), threshold=THRESHOLD)
    assert found.volume_mm3 == pytest.approx(1.75 * 24)
    assert found.hard_volume_mm3 == 2 * 24


def test_the_longest_diameter_is_of_the_slice_that_has_it():
    alpha = np.zeros((5, 40, 40), np.float32)
    alpha[1, 10:20, 10:14] = 1
    alpha[3, 10:14, 10:31] = 1  # 21 x 4 pixels
    alpha[4, 5, 5] = 0.4
    found = longest_diameters(alpha, (5, 1, 1), threshold=THRESHOLD)
    assert found.slice == 3
    assert found.long_mm == pytest.approx(np.hypot(21, 3), abs=0.2)
    wide = longest_diameters(alpha, (5, 3, 1), threshold=THRESHOLD)  # tall pixels
    assert wide.slice == 1 and wide.long_mm > found.long_mm


@pytest.mark.parametrize("radius", [6.0, 10.0])
def test_a_hard_balls_surface_is_some_percent_too_large(radius):
    hard = (ball(radius, spacing=(0.5, 0.5, 0.5), shape=(60, 60, 60)) > 0.5).astype(np.float32)
    assert surface_mm2(hard, (0.5, 0.5, 0.5)) == pytest.approx(4 * np.pi * radius**2, rel=0.06)


def test_a_boxs_surface_is_the_sum_of_its_sides_up_to_its_edges():
    box = np.zeros((40, 50, 60), np.float32)
    box[5:35, 5:45, 5:55] = 1
    a, b, c = 30 * 2.0, 40 * 0.8, 50 * 0.5
    assert surface_mm2(box, SPACING) == pytest.approx(2 * (a * b + b * c + a * c), rel=0.03)
    assert surface_mm2(0 * box, SPACING) == 0


def test_a_lesion_that_fills_the_volume_has_its_outer_surface():
    full = np.ones((20, 20, 20), np.float32)
    assert surface_mm2(full, (1, 1, 1)) == pytest.approx(6 * 20**2, rel=0.03)


def test_values_are_weighted_by_alpha():
    values, weights = np.array([300.0, -100.0, 0.0, 50.0]), np.array([0.0, 0.5, 1.0, 0.5])
    mean, (low, middle, high) = weighted_values(values, weights)
    assert mean == pytest.approx((-50 + 25) / 2)
    assert (low, middle, high) == (-100, 0, 50)


def test_the_sphere_of_a_volume():
    assert sphere_diameter(4 / 3 * np.pi * 5**3) == pytest.approx(10)


def test_bad_input_is_told_in_one_line():
    empty = np.zeros((2, 3, 3), np.float32)
    error = fault_of(longest_diameters, empty, SPACING, threshold=0.5)
    assert error.what == "alpha" and "0.5" in error.expected
    values = np.full((2, 3, 3), np.nan)
    assert fault_of(measure_volume, empty + 1, values, SPACING, threshold=0.5).what == "values"
