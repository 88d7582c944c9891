"""Smooth against spiculated lesions from their features: the classifiers of the paper's table 5.

The paper names a decision tree, k-NN and an SVM and nothing else. With 60 lesions and 93 features
the protocol decides the number, so it is strict here: the choice of features, scaling and the
choice of hyperparameters see the training part of each fold only (nested cross-validation: Varma &
Simon, "Bias in error estimation when using cross-validation for model selection", BMC
Bioinformatics 2006), no patient is in two folds, and all is repeated with several seeds.

    first, second = (cross_validate(x, positive, patients, "SVM") for x in (binary, soft))
    print(accuracy(first), auc(first), auc_difference(second, first))

Intervals come from resampling patients of the out-of-fold scores. They say how far the result
depends on which lesions were measured, not on which the classifiers were trained with.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.evaluation.bootstrap import Interval, cluster_mean, cluster_weights
from casgan_jax.evaluation.comparison import Difference
from casgan_jax.progress import followed

_LARGEST_F = 1e12  # stands for the F value of a feature without variance within the classes
FEWEST = 18  # patients of a class: with 2 folds in 2, k-NN is trained with its largest k at least
_FEWEST_GROUPS = 20  # the same where lesions are folded in pairs
_PERCENTILES = (10, 100)  # share of the features that is kept, by their F value

_GRIDS: dict[str, dict[str, Sequence[Any]]] = {
    "decision tree": {"max_depth": (1, 2, 4)},
    "k-NN": {"n_neighbors": (3, 5, 9)},
    "SVM": {"C": (0.1, 1.0, 10.0)},
}
CLASSIFIERS = tuple(_GRIDS)


class OutOfFold(NamedTuple):
    """What classifiers said of lesions that they were not trained with, in R repetitions.

    Attributes:
      scores: (R, N), higher is more positive: a probability, or the SVM's signed distance.
      predicted: (R, N) bool, the predicted class.
      positive: (N,) bool, the true class.
      patients: (N,) names.
      folds: (R, N), the fold in which the lesion was left out.
    """

    scores: np.ndarray
    predicted: np.ndarray
    positive: np.ndarray
    patients: np.ndarray
    folds: np.ndarray


def cross_validate(
    features: np.ndarray,
    positive: Sequence[bool] | np.ndarray,
    patients: Sequence[str] | np.ndarray,
    classifier: str,
    *,
    groups: Sequence[str] | np.ndarray | None = None,
    folds: int = 5,
    inner_folds: int = 3,
    seeds: Collection[int] = range(10),
    progress: bool = False,
) -> OutOfFold:
    """Out-of-fold scores of every lesion, once a seed, by nested cross-validation.

    The folds depend on the classes, groups and seeds alone: two feature sets of the same lesions
    meet the same folds.

    Args:
      features: (N, F).
      positive: (N,), the class.
      patients: (N,), the patient of each lesion.
      groups: (N,), lesions that must stay in one fold, of whole patients; by default the patients.
      classifier: one of CLASSIFIERS.
      folds: of the outer loop, which measures.
      inner_folds: of the inner loop, which chooses features and hyperparameters by AUC.
      seeds: one repetition each.
      progress: tell on standard error how far it has come.

    Raises:
      UserError: the shapes differ, a value is not finite, no feature varies, a class has less than
        18 patients, there are less than 20 groups, or there is no such classifier.
    """
    from sklearn import config_context
    from sklearn.model_selection import StratifiedGroupKFold
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    if classifier not in CLASSIFIERS:
        raise UserError(
            "classifier",
            found=f"{classifier!r}",
            expected=f"one of {', '.join(CLASSIFIERS)}",
        )
    features, positive = np.asarray(features, np.float64), np.asarray(positive, bool)
    patients = np.asarray(patients, str)
    groups = patients if groups is None else np.asarray(groups, str)
    _check(features, positive, patients, groups)
    scores = np.empty((len(seeds), len(positive)))
    predicted = np.empty(scores.shape, bool)
    fold_of = np.empty(scores.shape, int)
    told = followed(seeds, classifier, total=len(seeds), unit="repetition", show=progress)
    # Thousands of fits of some milliseconds: threads and repeated checks would cost more than they.
    with (
        threadpool_limits(1),
        config_context(assume_finite=True, skip_parameter_validation=True),
    ):
        for repetition, seed in enumerate(told):
            outer = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
            for fold, (train, test) in enumerate(outer.split(features, positive, groups)):
                search = _search(classifier, features.shape[1], inner_folds, seed)
                search.fit(features[train], positive[train], groups=groups[train])
                scores[repetition, test] = _positive_scores(search, features[test])
                predicted[repetition, test] = search.predict(features[test])
                fold_of[repetition, test] = fold
    return OutOfFold(scores, predicted, positive, patients, fold_of)


def accuracy(result: OutOfFold) -> Interval:
    """Share of lesions that were classified correctly, mean over repetitions."""
    return cluster_mean(correct(result), result.patients)


def auc(result: OutOfFold) -> Interval:
    """Area under the ROC curve of the pooled out-of-fold scores, mean over repetitions."""
    return _auc_interval(_wins(result), result)


def auc_difference(first: OutOfFold, second: OutOfFold) -> Difference:
    """The first's area under the ROC curve minus the second's, over the same resamples.

    p is two-sided, that of the difference over the standard deviation of its resamples as a normal
    variate (Robin et al., "pROC", BMC Bioinformatics 2011); NaN where they do not vary.

    Raises:
      ValueError: they are not of the same lesions and folds.
    """
    if not (
        np.array_equal(first.patients, second.patients)
        and np.array_equal(first.positive, second.positive)
        and np.array_equal(first.folds, second.folds)
    ):
        raise ValueError("results: found different lesions or folds, expected the same")
    wins = _wins(first) - _wins(second)
    interval = _auc_interval(wins, first)
    deviation = _resampled(wins, first).std()
    p = math.erfc(abs(interval.mean) / deviation / math.sqrt(2)) if deviation > 0 else math.nan
    return Difference(interval, p)


def correct(result: OutOfFold) -> np.ndarray:
    """(N,) share of the repetitions in which each lesion was classified correctly."""
    return (result.predicted == result.positive).mean(axis=0)


def _wins(result: OutOfFold) -> np.ndarray:
    """(P, N): how often each positive lesion has a higher score than each negative, ties half."""
    positive = result.scores[:, result.positive, None]
    negative = result.scores[:, None, ~result.positive]
    return ((positive > negative) + 0.5 * (positive == negative)).mean(axis=0)


def _auc_interval(wins: np.ndarray, result: OutOfFold, confidence: float = 0.95) -> Interval:
    """Mean of `wins` over pairs, and its percentile interval over resampled patients."""
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(_resampled(wins, result), [tail, 1.0 - tail])
    patients = len(np.unique(result.patients))
    return Interval(float(wins.mean()), float(low), float(high), len(result.positive), patients)


def _resampled(wins: np.ndarray, result: OutOfFold) -> np.ndarray:
    """Mean of `wins` over pairs in each resample of patients that has both classes."""
    weights = cluster_weights(result.patients)
    positive, negative = weights[:, result.positive], weights[:, ~result.positive]
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    both = pairs > 0  # a resample without one of the classes has no AUC
    return ((positive[both] @ wins) * negative[both]).sum(axis=1) / pairs[both]


def _search(classifier: str, features: int, inner_folds: int, seed: int) -> Any:
    """The pipeline of one fold; all that it learns, it learns from what it is fitted to."""
    from sklearn.feature_selection import SelectPercentile
    from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = Pipeline(
        [
            ("select", SelectPercentile(_f_values)),  # F values do not depend on the scale
            ("scale", StandardScaler()),
            ("classify", _classifier(classifier, seed)),
        ]
    )
    grid = {f"classify__{name}": values for name, values in _GRIDS[classifier].items()}
    percentiles = _PERCENTILES if features > 1 else (100,)  # a share of one feature is none
    return GridSearchCV(
        pipeline,
        grid | {"select__percentile": percentiles},
        scoring="roc_auc",
        cv=StratifiedGroupKFold(inner_folds, shuffle=True, random_state=seed),
        error_score="raise",
    )


def _classifier(name: str, seed: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC
    from sklearn.tree import DecisionTreeClassifier

    if name == "decision tree":
        return DecisionTreeClassifier(min_samples_leaf=3, random_state=seed)
    return KNeighborsClassifier() if name == "k-NN" else SVC()  # SVC: radial basis functions


def _f_values(features: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """F value of each feature: 0 for a constant, finite for one without variance within classes."""
    from sklearn.feature_selection import f_classif

    varies = np.ptp(features, axis=0) > 0
    values = np.zeros(features.shape[1])
    with np.errstate(divide="ignore"):
        values[varies] = f_classif(features[:, varies], positive)[0]
    return np.minimum(values, _LARGEST_F)


def _positive_scores(search: Any, features: np.ndarray) -> np.ndarray:
    if hasattr(search, "predict_proba"):
        return search.predict_proba(features)[:, 1]
    return search.decision_function(features)


def _check(
    features: np.ndarray, positive: np.ndarray, patients: np.ndarray, groups: np.ndarray
) -> None:
    lengths = {len(features), len(positive), len(patients), len(groups)}
    if features.ndim != 2 or len(lengths) > 1:
        raise UserError(
            "features",
            found=(
                f"the shape {features.shape}, {len(positive)} classes and {len(patients)} patients"
            ),
            expected="one row, class and patient a lesion",
        )
    if not np.isfinite(features).all():
        raise UserError(
            "features",
            found=f"{(~np.isfinite(features)).sum()} values that are not finite",
            expected="none",
            remedy="leave these lesions out",
        )
    if not np.ptp(features, axis=0).any():
        raise UserError(
            "features",
            found="the same for all lesions",
            expected="some that vary",
        )
    counts = [len(np.unique(patients[positive == value])) for value in (False, True)]
    if min(counts) < FEWEST:
        raise UserError(
            "patients",
            found=f"{counts[0]} with a negative and {counts[1]} with a positive lesion",
            expected=f"{FEWEST} or more of both",
            remedy="take more lesions",
        )
    if len(np.unique(groups)) < _FEWEST_GROUPS:
        raise UserError(
            "groups",
            found=f"{len(np.unique(groups))}",
            expected=f"{_FEWEST_GROUPS} or more",
            remedy="take more lesions",
        )
