"""RECIST 1.1's categories at their limits, and growth."""

import pytest

from casgan_jax.labelling.volumes.response import Sums, doubling_days, relative_change, response


@pytest.mark.parametrize(
    ("sums", "category"),
    [
        (Sums(100, 100, 70), "PR"),  # at least 30% less than the baseline
        (Sums(100, 100, 70.01), "SD"),
        (Sums(100, 100, 119.99), "SD"),
        (Sums(100, 100, 120), "PD"),  # at least 20% more than the nadir
        (Sums(20, 20, 24.9), "SD"),  # 24.5%, but less than 5 mm
        (Sums(20, 20, 25), "PD"),
        (Sums(100, 50, 55), "PR"),  # 10% above the nadir, 45% below the baseline
        (Sums(100, 50, 60), "PD"),  # from the nadir, though below the baseline
        (Sums(100, 50, 56), "PR"),  # more than 5 mm, but not 20%
        (Sums(0.1 + 0.2, 0.3, 0.21), "PR"),
    ],
)
def test_categories_at_their_limits(sums, category):
    assert response(sums) == category


def test_lesions_that_are_gone_new_or_not_measured():
    assert response(Sums(30, 30, 0), all_gone=True) == "CR"
    assert response(Sums(30, 30, 8), all_gone=True) == "CR"  # a lymph node of 8 mm is normal
    assert response(None) == "NE"
    assert response(None, new_lesions=True) == "PD"
    assert response(Sums(30, 30, 0), all_gone=True, new_lesions=True) == "PD"


@pytest.mark.parametrize(
    ("before", "after", "days", "expected"),
    [
        (100, 200, 30, 30),
        (100, 400, 30, 15),
        (200, 100, 30, -30),  # halved
        (100, 100, 30, None),
        (0, 100, 30, None),
        (100, 0, 30, None),
        (100, 200, 0, None),
    ],
)
def test_doubling_times(before, after, days, expected):
    assert doubling_days(before, after, days) == (expected and pytest.approx(expected))


def test_relative_changes():
    assert relative_change(50, 40) == pytest.approx(-0.2)
    assert relative_change(0, 40) is None
