"""What an evaluation comes to: means with intervals by population, a headline, failures.

    summary = evaluate(system, records, metadata).summary()
    summary.mean("all", "label_soft_mae")  # an Interval
    summary.headline.chosen

`casgan_jax.evaluation.files` writes it as metrics.json and reads it again: the fields here are the
names there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from casgan_jax.evaluation.bootstrap import Interval, cluster_mean
from casgan_jax.evaluation.case import POPULATIONS, Case, by_population
from casgan_jax.evaluation.prediction import Failure
from casgan_jax.grid import PAPER_THRESHOLD
from casgan_jax.records.features import MAX_READERS

NO_LESION = Interval(math.nan, None, None, 0, 0)


@dataclass(frozen=True)
class Subject:
    """What was measured, and on what.

    Attributes:
      workdir: of the system.
      data_dir: of the data set.
      split: of the data set.
      patch: side of the native patches in pixels.
      scale: r, pixels of a mask along a native one.
      data: digest of the data set; "" where a version before 0.4 measured it.
      notes: lines that the figures are not to be read without.
      marks: that the system was shown of each lesion, see `casgan_jax.inference.evaluate.MARKS`;
        None for a system that sees none.
      noise: standard deviation of the axes' coordinates in native pixels; None without marks.
    """

    workdir: str
    data_dir: str
    split: str
    patch: int
    scale: int
    data: str = ""
    notes: tuple[str, ...] = ()
    marks: str | None = None
    noise: float | None = None


@dataclass(frozen=True)
class Thresholds:
    """Where soft masks were made binary: as chosen on validation, and the paper's 128/255."""

    chosen: float
    paper: float


@dataclass(frozen=True)
class Headline:
    """The one figure that a system is told by.

    Attributes:
      population: of POPULATIONS, the first that has a lesion.
      metric: "consensus_dice", or "label_dice" where there are no readers.
      chosen: its mean at the chosen threshold.
      paper: at 128/255.
      human: Dice of a reader against the majority of the others; None without four readers.
    """

    population: str
    metric: str
    chosen: Interval
    paper: Interval
    human: Interval | None = None


@dataclass(frozen=True)
class Agreement:
    """Mean Dice of four readers, their consensus and a network with each other (paper, table 2).

    Attributes:
      names: of the N masks.
      dice: (N, N).
      others: Dice of each reader against the majority of the other three.
    """

    names: tuple[str, ...]
    dice: tuple[tuple[float, ...], ...]
    others: tuple[float, ...]


@dataclass(frozen=True)
class Summary:
    """What an evaluation comes to.

    Attributes:
      records: that were measured.
      patients: whose lesions they are.
      failed: records that could not be measured.
      failures: each of them.
      threshold: where soft masks were made binary.
      headline: the one figure.
      empty_predictions: masks without a pixel at the chosen threshold.
      full_predictions: masks of the whole patch.
      metrics: {population: {metric: mean over its lesions}}, without those that no lesion has.
      agreement: of readers and network; None without four readers.
    """

    records: int
    patients: int
    failed: int
    failures: tuple[Failure, ...]
    threshold: Thresholds
    headline: Headline
    empty_predictions: int
    full_predictions: int
    metrics: Mapping[str, Mapping[str, Interval]]
    agreement: Agreement | None = None

    def mean(self, population: str, metric: str) -> Interval:
        """The mean of a metric over a population; one of no lesion where none has it."""
        return self.metrics.get(population, {}).get(metric, NO_LESION)


def summarise(
    cases: Sequence[Case], failures: Sequence[Failure], threshold: float, *, seed: int = 0
) -> Summary:
    """The summary of measured records.

    Args:
      cases: one or more.
      failures: records that could not be measured.
      threshold: the system's.
      seed: of the bootstrap.
    """
    populations = by_population(cases)
    metrics = {name: _means(some, seed) for name, some in populations.items()}
    return Summary(
        records=len(cases),
        patients=len({case.facts.patient for case in cases}),
        failed=len(failures),
        failures=tuple(failures),
        threshold=Thresholds(threshold, PAPER_THRESHOLD),
        headline=_headline(metrics),
        empty_predictions=sum(case.predicted_share == 0.0 for case in cases),
        full_predictions=sum(case.predicted_share == 1.0 for case in cases),
        metrics=metrics,
        agreement=_agreement(populations.get("four_readers", [])),
    )


def _means(cases: Sequence[Case], seed: int) -> dict[str, Interval]:
    patients = [case.facts.patient for case in cases]
    names = dict.fromkeys(name for case in cases for name in case.figures)
    values = {name: [case.figures.get(name, math.nan) for case in cases] for name in names}
    means = {name: cluster_mean(each, patients, seed=seed) for name, each in values.items()}
    return {name: mean for name, mean in means.items() if mean.n}


def _headline(metrics: Mapping[str, Mapping[str, Interval]]) -> Headline:
    population = next(name for name in POPULATIONS if name in metrics)
    metric = "label_dice" if population == "all" else "consensus_dice"
    means = metrics[population]
    return Headline(
        population, metric, means[metric], means[f"{metric}_128"], means.get("human_dice")
    )


def _agreement(cases: Sequence[Case]) -> Agreement | None:
    """Over slices with four readers, at the chosen threshold."""
    tables = [case.agreement for case in cases if case.agreement is not None]
    if not tables:
        return None
    readers = range(1, MAX_READERS + 1)
    others = [[case.figures[f"human_{i}_dice"] for i in readers] for case in cases]
    return Agreement(
        (*(f"reader_{i}" for i in readers), "consensus", "network"),
        tuple(tuple(line) for line in np.mean(tables, axis=0).round(4).tolist()),
        tuple(np.mean(others, axis=0).round(4).tolist()),
    )
