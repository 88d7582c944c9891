"""Axes that a record holds or that are measured from its masks."""

import numpy as np
import pytest

from casgan_jax.records.marks import measured_axes
from casgan_jax.soft_mask.recist import axis_lengths, centre
from tests.outlined_discs import record_of

GIVEN = np.arange(8, dtype=np.float32)


def test_the_consensus_comes_first_then_each_reader():
    axes = measured_axes(record_of())
    assert axes.shape == (5, 8) and axes.dtype == np.float32
    # Readers' radii 4, 5, 5, 6; the consensus is a disc of 5.
    for row, radius in zip(axes, (5, 4, 5, 5, 6), strict=True):
        assert axis_lengths(row)[0] == pytest.approx(2 * radius, abs=1.0)
        np.testing.assert_allclose(centre(row), 15.5, atol=0.5)


def test_readers_who_are_not_there_have_none():
    axes = measured_axes(record_of(readers=2))
    assert not np.isnan(axes[:3]).any() and np.isnan(axes[3:]).all()


def test_axes_that_a_lesion_was_labelled_from_count_where_nobody_outlined_it():
    np.testing.assert_array_equal(measured_axes(record_of(readers=0, recist=GIVEN))[0], GIVEN)
    assert np.isnan(measured_axes(record_of(readers=0, recist=0 * GIVEN))).all()
    assert np.isnan(measured_axes(record_of(readers=0))).all()
    labelled = record_of(recist=GIVEN) | {"reader_masks": np.zeros((32, 32, 4), np.uint8)}
    np.testing.assert_array_equal(measured_axes(labelled)[0], GIVEN)
    outlined = measured_axes(record_of(recist=GIVEN))
    np.testing.assert_array_equal(outlined, measured_axes(record_of()))
