"""Several systems measured on the same lesions: figures with intervals, and paired differences.

A figure is what a report tells of a system in one column. Most are means over lesions
(`LesionMeans`); one of all lesions together, such as the area under a curve, has the same methods
(`casgan_jax.radiomics.scores.AreaUnderCurve`).
"""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, Self

import numpy as np

from casgan_jax.evaluation.bootstrap import Interval, cluster_mean
from casgan_jax.workdir.layout import LESIONS

Lesion = tuple[str, str]  # patient, key


class Difference(NamedTuple):
    """One system minus another on the same lesions.

    Attributes:
      interval: of the mean difference, 95%, resampled by patient.
      p: two-sided, of the null hypothesis of no difference; NaN where it cannot be told.
    """

    interval: Interval
    p: float


class Figure(Protocol):
    """One figure of one system, over its seeds.

    Lesions are what a result is to hold for, and are resampled, by patient; seeds are repetitions,
    and their values are told beside.
    """

    @property
    def by_seed(self) -> Sequence[float]:
        """The figure of each seed."""

    @property
    def lesions(self) -> Sequence[Lesion]:
        """The lesions that it was measured on."""

    def mean(self) -> Interval:
        """The figure, with its interval."""

    def difference(self, other: Self) -> Difference:
        """This one minus the other, on the lesions that both have."""


@dataclasses.dataclass(frozen=True)
class LesionMeans:
    """A mean over lesions.

    Attributes:
      by_lesion: {(patient, key): mean over the seeds}.
      by_seed: the mean over lesions of each seed.
    """

    by_lesion: Mapping[Lesion, float]
    by_seed: Sequence[float]

    @classmethod
    def read(cls, folders: Sequence[Path], column: str, *, having: str = "") -> LesionMeans | None:
        """One column of the `lesions.csv` of a system's seeds; None where they have none.

        Args:
          folders: of the seeds' evaluations.
          column: of the table.
          having: another column; lesions without a value there are left out.
        """
        seeds = [_column(folder / LESIONS, column, having) for folder in folders]
        if not seeds or not all(seeds):
            return None
        shared = set.intersection(*(set(seed) for seed in seeds))
        return cls(
            {lesion: float(np.mean([seed[lesion] for seed in seeds])) for lesion in sorted(shared)},
            [float(np.mean(list(seed.values()))) for seed in seeds],
        )

    @property
    def lesions(self) -> Sequence[Lesion]:
        """The lesions that it was measured on."""
        return list(self.by_lesion)

    def mean(self) -> Interval:
        """Mean over lesions, with its interval."""
        return cluster_mean(
            list(self.by_lesion.values()), [patient for patient, _ in self.by_lesion]
        )

    def difference(self, other: Self, *, draws: int = 10000, seed: int = 0) -> Difference:
        """The mean difference over the lesions that both have.

        p is that of Fisher's paired permutation test: the signs of the patients' differences are
        drawn at random; NaN for less than two patients.
        """
        shared = sorted(set(self.by_lesion) & set(other.by_lesion))
        differences = np.array([self.by_lesion[key] - other.by_lesion[key] for key in shared])
        patients = [patient for patient, _ in shared]
        interval = cluster_mean(differences, patients)
        names, cluster = np.unique(np.asarray(patients, str), return_inverse=True)
        if len(names) < 2:
            return Difference(interval, math.nan)
        sums = np.bincount(cluster, weights=differences)
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(draws, len(sums)))
        at_least = np.abs(signs @ sums) >= abs(sums.sum()) * (1 - 1e-12)
        return Difference(interval, float((at_least.sum() + 1) / (draws + 1)))


def best(figures: Mapping[str, Figure], *, higher_is_better: bool) -> str | None:
    """The name with the best mean; None of none."""
    if not figures:
        return None
    choose = max if higher_is_better else min
    return choose(figures, key=lambda name: figures[name].mean().mean)


def _column(path: Path, column: str, having: str) -> dict[Lesion, float]:
    with path.open(newline="") as file:
        return {
            (row["patient"], row["key"]): float(row[column])
            for row in csv.DictReader(file)
            if row.get(column) and row.get(having or column)
        }
