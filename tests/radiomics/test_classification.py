"""Nested cross-validation: that nothing leaks, and that its numbers are what they say."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from casgan_jax.radiomics.classification import (
    CLASSIFIERS,
    OutOfFold,
    accuracy,
    auc,
    auc_difference,
    cross_validate,
)
from tests.faults import fault_of

N = 36
POSITIVE = np.arange(N) % 2 == 0
PATIENTS = [f"p{index}" for index in range(N)]


def noise(features, seed=0):
    return np.random.default_rng(seed).normal(size=(N, features))


def quick(features, classifier="k-NN", positive=POSITIVE, patients=PATIENTS, seeds=(0,)):
    return cross_validate(
        features, positive, patients, classifier, folds=2, inner_folds=2, seeds=seeds
    )


@pytest.mark.slow
@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_finds_what_is_there(classifier):
    features = noise(12)
    features[:, 3:7] += 4.0 * POSITIVE[:, None]
    features[:, 9] = 1.0  # constant: no warning
    result = quick(features, classifier)
    assert accuracy(result).mean >= 0.9
    assert auc(result).mean >= 0.9
    np.testing.assert_array_equal(np.bincount(result.folds[0]), [N // 2] * 2)


def test_features_are_chosen_within_the_folds():
    # Chosen from all lesions, the best of 1,000 noise features classify nearly perfectly.
    assert 0.2 < auc(quick(noise(1000), "SVM")).mean < 0.8


def test_patients_are_in_one_fold_each():
    # Twins of the same patient with the same features: seen in training, they tell the class.
    patients = np.repeat(PATIENTS, 2)
    result = quick(np.repeat(noise(5), 2, axis=0), "k-NN", np.repeat(POSITIVE, 2), patients)
    np.testing.assert_array_equal(result.folds[:, ::2], result.folds[:, 1::2])
    assert auc(result).mean < 0.8


@pytest.mark.slow
def test_groups_of_patients_are_in_one_fold():
    # One positive and one negative of each size: with its partner in training, a lesion's nearest
    # neighbour is of the other class.
    pairs = 24
    sizes = np.repeat(np.random.default_rng(0).permutation(pairs), 2)[:, None].astype(float)
    positive = np.arange(2 * pairs) % 2 == 0
    patients = [f"p{index}" for index in range(2 * pairs)]
    groups = [f"pair {index // 2}" for index in range(2 * pairs)]
    options = dict(folds=3, inner_folds=2, seeds=(0, 1))
    apart = cross_validate(sizes, positive, patients, "k-NN", **options)
    together = cross_validate(sizes, positive, patients, "k-NN", groups=groups, **options)
    np.testing.assert_array_equal(together.folds[:, ::2], together.folds[:, 1::2])
    assert auc(apart).mean < 0.4 < auc(together).mean < 0.6
    assert together.patients.tolist() == patients
    error = fault_of(
        cross_validate, sizes, positive, patients, "k-NN", groups=["a", "b", "c", "d"] * 12
    )
    assert error.what == "groups" and "20" in error.expected


def test_a_feature_that_separates_perfectly_gives_no_warning():
    features = noise(3)
    features[:, 0] = POSITIVE
    assert auc(quick(features)).mean == 1.0


@pytest.mark.slow
def test_seeded_and_repeated():
    features = noise(5) + 0.5 * POSITIVE[:, None]
    first = quick(features, seeds=(0, 1))
    again = quick(features, seeds=(1,))
    np.testing.assert_array_equal(first.scores[1], again.scores[0])
    assert (first.folds[0] != first.folds[1]).any()


def test_two_feature_sets_meet_the_same_folds():
    first, second = quick(noise(5)), quick(noise(8, seed=9))
    np.testing.assert_array_equal(first.folds, second.folds)
    assert (first.scores != second.scores).any()
    assert np.isfinite(auc_difference(first, second).interval).all()


def result_of(scores, positive, patients=None):
    scores = np.atleast_2d(np.asarray(scores, float))
    names = np.array(patients or [str(index) for index in range(scores.shape[1])])
    return OutOfFold(
        scores, scores > 0, np.asarray(positive, bool), names, np.zeros(scores.shape, int)
    )


def test_auc_is_the_mean_of_the_repetitions():
    rng = np.random.default_rng(0)
    positive = rng.random(50) < 0.4
    scores = np.round(rng.normal(size=(3, 50)) + positive, 1)  # rounded: with ties
    expected = np.mean([roc_auc_score(positive, row) for row in scores])
    found = auc(result_of(scores, positive))
    assert found.mean == pytest.approx(expected)
    assert found.low < expected < found.high
    assert accuracy(result_of(scores, positive)).mean == ((scores > 0) == positive).mean()


def test_the_interval_of_the_auc_agrees_with_hanley_and_mcneil():
    rng = np.random.default_rng(0)
    positive = np.arange(200) % 2 == 0
    found = auc(result_of(rng.normal(size=200) + positive, positive))
    area = found.mean
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    error = np.sqrt((area * (1 - area) + 99 * (q1 - area**2) + 99 * (q2 - area**2)) / 100**2)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * error, rel=0.15)


def test_more_lesions_of_the_same_patients_do_not_narrow_the_interval():
    rng = np.random.default_rng(0)
    positive = np.arange(40) % 2 == 0
    scores = rng.normal(size=40) + positive
    once = auc(result_of(scores, positive))
    names = [str(index // 5) for index in range(200)]
    fivefold = auc(result_of(np.repeat(scores, 5), np.repeat(positive, 5), names))
    assert (fivefold.low, fivefold.high) == pytest.approx((once.low, once.high))
    assert fivefold.patients == 40


def test_the_difference_of_areas_is_paired():
    rng = np.random.default_rng(0)
    positive = np.arange(60) % 2 == 0
    first = result_of(rng.normal(size=60) + positive, positive)
    better = result_of(first.scores + 0.2 * (2.0 * positive - 1), positive)
    same = auc_difference(first, first)
    assert same.interval[:3] == (0.0, 0.0, 0.0) and np.isnan(same.p)
    found = auc_difference(better, first)
    assert found.interval.mean == pytest.approx(auc(better).mean - auc(first).mean)
    # The shift helps everywhere: the paired interval sees it, those of both overlap.
    assert found.interval.low > 0
    assert auc(first).high > auc(better).low
    assert found.p < 0.05
    assert auc_difference(first, better).p == pytest.approx(found.p)


@pytest.mark.slow
def test_p_of_equal_areas_is_uniform():
    rng = np.random.default_rng(0)
    positive = np.arange(60) % 2 == 0
    small = 0
    for _ in range(100):
        shared = rng.normal(size=60) + positive
        first, second = (result_of(shared + rng.normal(size=60), positive) for _ in range(2))
        small += auc_difference(first, second).p < 0.2
    assert 10 <= small <= 30


def test_a_difference_wants_the_same_folds():
    first = result_of([1, 2, 3], [0, 1, 1])
    with pytest.raises(ValueError, match="expected the same"):
        auc_difference(first, first._replace(folds=first.folds + 1))


def test_one_feature_is_always_kept():
    found = auc(quick(noise(1) + 2.0 * POSITIVE[:, None], "SVM"))
    assert found.mean > 0.7


@pytest.mark.parametrize(
    ("features", "positive", "patients", "what"),
    [
        pytest.param(noise(3)[:-1], POSITIVE, PATIENTS, "features", id="one row class and patient"),
        pytest.param(
            noise(3) * np.nan, POSITIVE, PATIENTS, "features", id="108 values that are not finite"
        ),
        pytest.param(np.ones((N, 3)), POSITIVE, PATIENTS, "features", id="some that vary"),
        pytest.param(noise(3), np.arange(N) < 2, PATIENTS, "patients", id="2 with a positive"),
        pytest.param(noise(3), POSITIVE, ["a", "b"] * (N // 2), "patients", id="1 with a negative"),
    ],
)
def test_refuses(features, positive, patients, what):
    error = fault_of(quick, features, positive=positive, patients=patients, told_remedy=False)
    assert error.what == what


def test_refuses_an_unknown_classifier():
    error = fault_of(quick, noise(3), "forest", told_remedy=False)
    assert error.what == "classifier" and error.found == "'forest'"
