"""Learning curves and reliability of systems that are compared, in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from casgan_jax.evaluation.curves import Calibration
from launch.benchmarks.peers.trained import Point

_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7")  # Okabe and Ito


def draw_curves(
    curves: Mapping[str, Sequence[Sequence[Point]]],
    calibrations: Mapping[str, Sequence[Calibration]],
    path: Path,
) -> Path:
    """Draws a line for each system and fold.

    Args:
      curves: of each system, of every fold.
      calibrations: of each system, of every fold.
      path: of the PNG.
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.set(xlabel="seconds of training", ylabel="Dice, validation records")
    right.set(xlabel="predicted", ylabel="share of the readers", xlim=(0, 1), ylim=(0, 1))
    right.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    for colour, (name, folds) in zip(_COLOURS, curves.items(), strict=False):
        for fold, curve in enumerate(folds):
            label = None if fold else name
            seconds, dice = [one.seconds for one in curve], [one.dice for one in curve]
            left.plot(seconds, dice, color=colour, label=label)
        for calibration in calibrations[name]:
            bins = calibration.readers or ()
            right.plot([b.predicted for b in bins], [b.target for b in bins], color=colour)
    left.legend(frameon=False)
    figure.savefig(path, dpi=120)
    return path
