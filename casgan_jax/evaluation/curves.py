"""Dice at every threshold, and how well soft values are calibrated, over all measured records.

`casgan_jax.evaluation.files` writes them as curves.json: the fields here are the names there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from casgan_jax.evaluation.case import SWEEP, Case, by_population


@dataclass(frozen=True)
class DiceCurves:
    """Mean Dice of a population at every threshold.

    Attributes:
      label: of the prediction against the label at 128/255.
      consensus: of the prediction against the readers' consensus; None without readers.
      label_against_consensus: of the label against it; None without readers.
    """

    label: tuple[float, ...]
    consensus: tuple[float, ...] | None = None
    label_against_consensus: tuple[float, ...] | None = None

    def against(self, truth: str) -> tuple[float, ...]:
        """The prediction's curve against "consensus" or "label".

        Raises:
          KeyError: no reader, and so no curve of that name.
        """
        curve = {"label": self.label, "consensus": self.consensus}[truth]
        if curve is None:
            raise KeyError(truth)
        return curve


class Bin(NamedTuple):
    """Pixels whose predictions are alike: how many, the mean prediction and the mean target."""

    pixels: int
    predicted: float
    target: float


@dataclass(frozen=True)
class Calibration:
    """Predictions beside what they should be: bins from low to high, without empty ones.

    Attributes:
      label: on the fine grid, the target is the label.
      readers: on the native grid, it is the share of readers; None without readers.
    """

    label: tuple[Bin, ...]
    readers: tuple[Bin, ...] | None = None


@dataclass(frozen=True)
class Curves:
    """Curves of an evaluation.

    Attributes:
      thresholds: those of the Dice curves.
      dice: by population.
      calibration: over all records.
    """

    thresholds: tuple[float, ...]
    dice: Mapping[str, DiceCurves]
    calibration: Calibration


def mean_curves(cases: Sequence[Case]) -> Curves:
    """The curves of measured records, one or more."""
    dice = {name: _dice_curves(name, some) for name, some in by_population(cases).items()}
    return Curves(
        tuple(SWEEP.tolist()),
        dice,
        Calibration(
            _bins([case.calibration["label"] for case in cases]),
            _bins([c.calibration["readers"] for c in cases if "readers" in c.calibration]) or None,
        ),
    )


def _dice_curves(population: str, cases: Sequence[Case]) -> DiceCurves:
    def mean(name: str) -> tuple[float, ...]:
        return tuple(np.mean([case.curves[name] for case in cases], axis=0).tolist())

    if population == "all":  # some of them without readers
        return DiceCurves(mean("label"))
    return DiceCurves(mean("label"), mean("consensus"), mean("label_against_consensus"))


def _bins(sums: Sequence[np.ndarray]) -> tuple[Bin, ...]:
    """Of (3, bins) arrays: pixels, sum of predictions and sum of targets."""
    if not sums:
        return ()
    columns = np.sum(sums, axis=0).T.tolist()
    return tuple(Bin(int(n), predicted / n, target / n) for n, predicted, target in columns if n)
