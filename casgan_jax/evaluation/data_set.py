"""Measures a trained system on prepared records.

    system = load_system(workdir)
    evaluation = evaluate(system, load_split(data_dir, "test"), read_metadata(data_dir))
    print(evaluation.summary().headline)

What is measured of each record, and on which grid, is in `casgan_jax.evaluation.case`.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from casgan_jax import metrics
from casgan_jax.errors import UserError
from casgan_jax.evaluation.case import POPULATIONS, SWEEP, Case, by_population, measure
from casgan_jax.evaluation.curves import Curves, mean_curves
from casgan_jax.evaluation.example import Example, example_of
from casgan_jax.evaluation.looking import Cascade
from casgan_jax.evaluation.marks import Show, by_click
from casgan_jax.evaluation.prediction import (
    Failure,
    failure_of,
    predict_records,
)
from casgan_jax.evaluation.summary import Summary, summarise
from casgan_jax.progress import followed
from casgan_jax.records.neighbours import check_neighbours


@dataclass
class Evaluation:
    """All measured cases, the failures and the worst examples.

    Attributes:
      threshold: the system's: chosen on validation, or 0.5 for one whose masks are binary.
      cases: one for each record that could be measured.
      failures: one for each that could not.
      worst: examples of the lowest Dice, worst first; the headline's population before others.
    """

    threshold: float
    cases: list[Case] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    worst: list[Example] = field(default_factory=list)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict of numbers for each lesion; a metric that does not apply is absent."""
        return [case.row for case in self.cases]

    def summary(self, *, seed: int = 0) -> Summary:
        """Means with 95% intervals by population, headline, counts and failures.

        Args:
          seed: of the bootstrap.
        """
        return summarise(self.cases, self.failures, self.threshold, seed=seed)

    def curves(self) -> Curves:
        """Mean Dice by threshold for each population, and how calibrated alpha is."""
        return mean_curves(self.cases)


class ThresholdChoice(NamedTuple):
    """The chosen threshold and the mean Dice it reaches: over whom, against what, over how many."""

    threshold: float
    dice: float
    population: str  # of POPULATIONS
    against: str  # "consensus" or "label"
    n: int


def evaluate(
    cascade: Cascade,
    records: Sequence[Mapping[str, Any]],
    metadata: Mapping[str, Any],
    *,
    show: Show = by_click,
    batch_size: int = 64,
    worst: int = 12,
    progress: bool = True,
) -> Evaluation:
    """Predicts and measures every record; holds one batch of pictures at a time.

    Args:
      cascade: the trained system.
      records: decoded records of a prepared segmentation data set (`casgan_jax.records.features`).
      metadata: that data set's metadata; its window normalises the images.
      show: which marks of each record a system that sees marks is shown
        (`casgan_jax.evaluation.marks`).
      batch_size: patches given to the cascade at once.
      worst: how many of the worst cases are kept as examples.
      progress: whether to tell on standard error how far it has come.

    Raises:
      UserError: the data set does not fit the cascade, or not a single record could be measured.
    """
    _check_data(cascade, records, metadata)
    evaluation = Evaluation(threshold=cascade.threshold)
    ranked: list[tuple[int, Example]] = []
    predicted = predict_records(
        cascade, records, metadata["window"], show=show, batch_size=batch_size
    )
    for item in followed(predicted, "evaluate", total=len(records), unit="lesion", show=progress):
        if isinstance(item, Failure):
            evaluation.failures.append(item)
            continue
        try:
            case = measure(item, cascade.threshold)
        except (KeyError, ValueError) as error:
            evaluation.failures.append(failure_of(item.record, error))
            continue
        evaluation.cases.append(case)
        ranked.append((POPULATIONS.index(case.facts.populations[0]), example_of(item, case)))
        ranked = heapq.nsmallest(worst, ranked, key=lambda r: (r[0], r[1].dice, r[1].key))
    if not evaluation.cases:
        first = evaluation.failures[0]
        raise UserError(
            "records",
            found=(
                f"none of {len(records)} that could be evaluated, the first, {first.key}, because "
                f"of {first.reason}"
            ),
            expected="at least one",
            remedy="check that the data set fits the workdir",
        )
    evaluation.worst = [example for _, example in ranked]
    return evaluation


def choose_threshold(evaluation: Evaluation) -> ThresholdChoice:
    """The threshold of the best mean Dice, among the codes of SWEEP; on validation.

    Dice against the consensus at native resolution, over the slices with four readers, with at
    least two where none has four, or with one where none has several; against the label at 128/255
    where no slice was outlined.
    """
    population, cases = next(iter(by_population(evaluation.cases).items()))
    against = "label" if population == "all" else "consensus"
    chosen = metrics.best_threshold(np.stack([case.curves[against] for case in cases]), SWEEP)
    return ThresholdChoice(*chosen, population, against, len(cases))


def _check_data(
    cascade: Cascade, records: Sequence[Mapping[str, Any]], metadata: Mapping[str, Any]
) -> None:
    if metadata.get("kind") != "segmentation":
        raise UserError(
            "data set",
            found=f"kind {metadata.get('kind')!r}",
            expected="'segmentation'",
            remedy="name a data set with soft masks by `data_dir`",
        )
    if metadata["scale"] % cascade.scale:
        raise UserError(
            "data set",
            found=f"soft masks at {metadata['scale']} x",
            expected=f"a multiple of the cascade's {cascade.scale} x",
            remedy="rebuild the data set at that scale",
        )
    check_neighbours(metadata, cascade.neighbours, field="data set")
    if not len(records):
        raise UserError(
            "records",
            found="none in this split",
            expected="at least one",
            remedy="rebuild the data",
        )
