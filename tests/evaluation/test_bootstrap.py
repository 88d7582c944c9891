"""The bootstrap over patients."""

import math

import numpy as np
import pytest

from casgan_jax.evaluation.bootstrap import cluster_mean, cluster_weights


def test_mean_is_over_lesions_and_nan_is_left_out():
    interval = cluster_mean([0.8, 0.9, 0.7, math.nan], ["a", "a", "b", "c"])
    assert interval.mean == pytest.approx(0.8)
    assert (interval.n, interval.patients) == (3, 2)
    assert interval.low <= interval.mean <= interval.high


def test_seeded():
    values, patients = np.linspace(0, 1, 30), [str(i % 7) for i in range(30)]
    first = cluster_mean(values, patients)
    assert first == cluster_mean(values, patients)
    assert first != cluster_mean(values, patients, seed=1)


def test_agrees_with_the_standard_error_where_every_patient_has_one_lesion():
    values = np.random.default_rng(0).normal(0.8, 0.1, 200)
    interval = cluster_mean(values, [str(i) for i in range(200)], resamples=5000)
    half = 1.96 * values.std(ddof=1) / math.sqrt(200)
    assert interval.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_repeating_a_patients_lesions_does_not_narrow_the_interval():
    values = np.random.default_rng(0).normal(0.8, 0.1, 50)
    patients = [str(i) for i in range(50)]
    once = cluster_mean(values, patients)
    tenfold = cluster_mean(np.repeat(values, 10), np.repeat(patients, 10))
    assert tenfold.high - tenfold.low == pytest.approx(once.high - once.low)


def test_one_patient_or_none_has_no_interval():
    one = cluster_mean([0.5, 0.7], ["a", "a"])
    assert one.mean == pytest.approx(0.6) and one.low is None
    assert str(one) == "0.6000"
    nothing = cluster_mean([math.nan], ["a"])
    assert nothing.n == 0 and math.isnan(nothing.mean) and str(nothing) == "-"


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="values: found shape"):
        cluster_mean([1.0, 2.0], ["a"])
    with pytest.raises(ValueError, match="confidence: found 95"):
        cluster_mean([1.0, 2.0], ["a", "b"], confidence=95)


def test_weights_are_those_of_the_mean():
    values, patients = np.random.default_rng(0).random(30), [str(i % 7) for i in range(30)]
    weights = cluster_weights(patients)
    means = (weights @ values) / weights.sum(axis=1)
    interval = cluster_mean(values, patients)
    assert np.quantile(means, [0.025, 0.975]) == pytest.approx((interval.low, interval.high))
    np.testing.assert_array_equal(weights[:, :7], weights[:, 7:14])  # whole patients are drawn
