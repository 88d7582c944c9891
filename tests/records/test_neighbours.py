"""Which slices are beside one, and what a network sees of them."""

import numpy as np
import pytest

from casgan_jax.records.checks import check_planes
from casgan_jax.records.neighbours import check_neighbours, shown_neighbours, slices_beside
from tests.faults import fault_of


@pytest.mark.parametrize(
    ("index", "count", "expected"),
    [
        (5, 1, (4, 6)),
        (0, 1, (0, 1)),
        (9, 1, (8, 9)),
        (1, 2, (0, 2, 0, 3)),
        (9, 2, (8, 9, 7, 9)),
        (5, 0, ()),
    ],
)
def test_where_slices_end_the_last_one_is_repeated(index, count, expected):
    assert slices_beside(index, 0, 9, count) == expected


def test_a_single_slice_stands_for_both():
    assert slices_beside(3, 3, 3, 1) == (3, 3)


def test_the_nearest_are_shown_in_the_window():
    planes = np.arange(4, dtype=np.uint8) * np.ones((2, 2, 4), np.uint8)
    shown = shown_neighbours({"neighbours": planes}, (0, 2), 1)
    np.testing.assert_array_equal(shown[0, 0], [0.0, 0.5])
    assert shown.dtype == np.float32


def test_a_data_set_with_fewer_is_refused():
    check_neighbours({"neighbours": 2}, 1, field="data.neighbours")
    error = fault_of(check_neighbours, {}, 1, field="data.neighbours")
    assert error.what == "data.neighbours" and "0 slices" in error.found


def test_slices_of_another_size_are_named():
    shapes = {"image": (8, 8), "alpha": (16, 16), "neighbours": (8, 4, 2)}
    error = fault_of(check_planes, shapes)
    assert error.what == "neighbours" and "(8, 4, 2)" in error.found
