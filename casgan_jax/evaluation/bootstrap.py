"""Means over lesions with bootstrap intervals that respect that lesions of one patient go together.

Two slices of one nodule are nearly the same case, so resampling slices would promise more than the
data hold: whole patients are resampled (the cluster bootstrap: Davison & Hinkley, "Bootstrap
Methods and their Application", 1997, section 3.8).

    >>> cluster_mean([0.8, 0.9, 0.7], ["a", "a", "b"]).mean
    0.8
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """A mean and its percentile bootstrap interval; `low` and `high` are None for 1 patient."""

    mean: float
    low: float | None
    high: float | None
    n: int  # values that counted
    patients: int  # clusters they came from

    def __str__(self) -> str:
        if not self.n:
            return "-"
        if self.low is None:
            return f"{self.mean:.4f}"
        return f"{self.mean:.4f} [{self.low:.4f}, {self.high:.4f}]"


def cluster_mean(
    values: Sequence[float] | np.ndarray,
    patients: Sequence[str] | np.ndarray,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Interval:
    """Mean over all values, with an interval from resampling patients with replacement.

    Values that are NaN do not exist for their lesion (an AUC of a truth with one class) and are
    left out. Every resample draws as many patients as there are and takes the mean over all their
    values. The same arguments give the same interval.

    Args:
      values: one number a lesion.
      patients: the patient of each lesion.
      confidence: of the interval, in (0, 1).
      resamples: number of bootstrap resamples.
      seed: of the resampling.

    Raises:
      ValueError: the lengths differ or the confidence is out of range.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or len(values) != len(patients):
        raise ValueError(f"values: found shape {values.shape}, expected ({len(patients)},)")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence: found {confidence}, expected a number in (0, 1), like 0.95")
    kept = ~np.isnan(values)
    values = np.asarray(values[kept])
    names, cluster = np.unique(np.asarray(patients, str)[kept], return_inverse=True)
    if not len(values):
        return Interval(math.nan, None, None, 0, 0)
    mean = float(values.mean())
    if len(names) < 2:
        return Interval(mean, None, None, len(values), len(names))
    sums = np.bincount(cluster, weights=values)
    counts = np.bincount(cluster).astype(np.float64)
    draws = _draws(len(names), resamples, seed)
    means = (draws @ sums) / (draws @ counts)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return Interval(mean, float(low), float(high), len(values), len(names))


def cluster_weights(
    patients: Sequence[str] | np.ndarray, *, resamples: int = 2000, seed: int = 0
) -> np.ndarray:
    """How often each lesion counts in each resample of `cluster_mean`, (resamples, lesions).

    For statistics that are no means: their bootstrap is then paired with that of the means.
    """
    names, cluster = np.unique(np.asarray(patients, str), return_inverse=True)
    return _draws(len(names), resamples, seed)[:, cluster]


@functools.lru_cache(maxsize=4)  # many metrics of the same patients come one after the other
def _draws(clusters: int, resamples: int, seed: int) -> np.ndarray:
    """How often each cluster is drawn in each resample, (resamples, clusters)."""
    generator = np.random.default_rng(seed)
    shares = np.full(clusters, 1.0 / clusters)
    return generator.multinomial(clusters, shares, size=resamples).astype(np.float64)
