"""Several systems measured on the same lesions: means with intervals, and paired differences.

A system's values are a lesion's means over its seeds: lesions are what a result is to hold for, and
are resampled, by patient; seeds are repetitions, and their means are told beside.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from casgan_jax.statistics import Interval, cluster_mean


class Values(NamedTuple):
    """One figure of one system.

    Attributes:
      by_lesion: {(patient, key): mean over the seeds}.
      by_seed: the mean over lesions of each seed.
    """

    by_lesion: dict[tuple[str, str], float]
    by_seed: list[float]


class Difference(NamedTuple):
    """One system minus another on the same lesions.

    Attributes:
      interval: mean and 95% interval, resampled by patient.
      p: two-sided, of the null hypothesis of no difference: the signs of the patients' differences
        are drawn at random (Fisher's paired permutation test); NaN for less than two patients.
    """

    interval: Interval
    p: float


def read_values(tables: Sequence[Path], column: str) -> Values | None:
    """One column of the `lesions.csv` of a system's seeds; None where they have none."""
    seeds = [_column(path, column) for path in tables]
    if not seeds or not all(seeds):
        return None
    shared = set.intersection(*(set(seed) for seed in seeds))
    return Values(
        {lesion: float(np.mean([seed[lesion] for seed in seeds])) for lesion in sorted(shared)},
        [float(np.mean(list(seed.values()))) for seed in seeds],
    )


def mean_of(values: Values) -> Interval:
    """Mean over lesions, with its interval."""
    return cluster_mean(
        list(values.by_lesion.values()), [patient for patient, _ in values.by_lesion]
    )


def difference(ours: Values, theirs: Values, *, draws: int = 10000, seed: int = 0) -> Difference:
    """The mean difference over the lesions that both have."""
    shared = sorted(set(ours.by_lesion) & set(theirs.by_lesion))
    differences = np.array([ours.by_lesion[key] - theirs.by_lesion[key] for key in shared])
    patients = [patient for patient, _ in shared]
    interval = cluster_mean(differences, patients)
    names, cluster = np.unique(np.asarray(patients, str), return_inverse=True)
    if len(names) < 2:
        return Difference(interval, math.nan)
    sums = np.bincount(cluster, weights=differences)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(draws, len(sums)))
    at_least = np.abs(signs @ sums) >= abs(sums.sum()) * (1 - 1e-12)
    return Difference(interval, float((at_least.sum() + 1) / (draws + 1)))


def best(values: Mapping[str, Values], *, higher_is_better: bool) -> str | None:
    """The name with the best mean; None of none."""
    if not values:
        return None
    choose = max if higher_is_better else min
    return choose(values, key=lambda name: mean_of(values[name]).mean)


def json_interval(interval: Interval, seeds: Sequence[float]) -> dict[str, Any]:
    """Mean, interval and seeds for a report; None for what is not known."""
    low, high = (None if math.isnan(end) else end for end in (interval.low, interval.high))
    return {"mean": interval.mean, "low": low, "high": high, "seeds": list(seeds)}


def _column(path: Path, column: str) -> dict[tuple[str, str], float]:
    with path.open(newline="") as file:
        return {
            (row["patient"], row["key"]): float(row[column])
            for row in csv.DictReader(file)
            if row.get(column)
        }
