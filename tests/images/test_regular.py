"""Slices of a series that make a volume, and what ends it."""

from pathlib import Path

import numpy as np
import pytest

from casgan_jax.images.geometry import Geometry
from casgan_jax.images.regular import regular_run
from tests.faults import fault_of

FLIPPED = np.diag([1.0, -1.0, -1.0])


def places(heights, *, shift=0.0, direction=None):
    """Slices at heights, each shifted along its rows by so many mm per mm."""
    return [
        Geometry(
            (60, 50, 1),
            np.array([-20 + shift * z, -30, z]),
            np.array([0.8, 0.5, 9.0]),
            np.eye(3) if direction is None else direction,
        )
        for z in heights
    ]


def run(found, index=0):
    return regular_run(Path("series"), found, index, [f"{k}.dcm" for k in range(len(found))])


def test_a_whole_series_is_one_volume():
    found = run(places([5, 7.5, 10, 12.52]), 2)
    assert (found.first, found.count, found.breaks) == (0, 4, ("", ""))
    assert found.geometry.size == (60, 50, 4)
    np.testing.assert_allclose(found.geometry.spacing, [0.8, 0.5, 2.5], atol=0.01)
    np.testing.assert_allclose(found.geometry.affine @ (0, 0, 3, 1), [-20, -30, 12.52, 1])


def test_slices_that_look_down_are_counted_upwards():
    found = run(places([0, 2, 4], direction=FLIPPED))
    np.testing.assert_allclose(found.geometry.affine @ (0, 0, 2, 1), [-20, -30, 4, 1])


@pytest.mark.parametrize(
    ("index", "first", "count", "breaks"),
    [
        (0, 0, 3, ("", "5 mm instead of 2.5 between 2.dcm and 3.dcm")),
        (2, 0, 3, ("", "5 mm instead of 2.5 between 2.dcm and 3.dcm")),
        (3, 3, 3, ("5 mm instead of 2.5 between 2.dcm and 3.dcm", "")),
    ],
)
def test_a_missing_slice_ends_a_volume(index, first, count, breaks):
    found = run(places([0, 2.5, 5, 10, 12.5, 15]), index)
    assert (found.first, found.count, found.breaks) == (first, count, breaks)


def test_a_part_of_another_distance_is_a_volume_of_its_own():
    found = run(places([0, 1, 2, 3, 8, 13]), 4)
    assert (found.first, found.count) == (3, 3)
    assert found.geometry.spacing[2] == 5


def test_one_slice_is_told():
    error = fault_of(run, places([0]))
    assert error.what == "series" and error.found == "1 slice"


def test_a_tilted_gantry_is_an_oblique_grid():
    found = run(places(range(0, 60, 2), shift=0.2))
    assert found.step_mm == pytest.approx(2)  # along the normal, not from corner to corner
    assert found.geometry.spacing[2] == pytest.approx(2 * np.hypot(1, 0.2))
    np.testing.assert_allclose(found.shift, [-0.5, 0])
    assert not found.geometry.is_rectangular
    for number, place in enumerate(places(range(0, 60, 2), shift=0.2)):
        corner = found.geometry.affine @ (0, 0, number, 1)
        np.testing.assert_allclose(corner[:3], place.origin, atol=1e-9)


def test_straight_slices_are_not_shifted():
    found = run(places(range(0, 60, 2), shift=0.001))
    assert found.geometry.is_rectangular and not found.shift.any()


def test_a_sheared_volume_is_the_same_as_its_slices():
    series = places(range(0, 60, 2), shift=0.2)
    volume = run(series).geometry
    slices = [volume.part(np.array([0, 0, k]), np.eye(3), (60, 50, 1)) for k in range(len(series))]
    found = run(slices)
    assert found.step_mm == pytest.approx(2)
    np.testing.assert_allclose(found.geometry.affine, volume.affine, atol=1e-9)


def test_slices_that_are_shifted_unevenly_are_refused():
    found = places(range(10))
    found[5].origin[0] += 2
    assert fault_of(run, found).what == "series"
