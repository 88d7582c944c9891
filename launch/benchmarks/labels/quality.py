"""How well the quality of labels from RECIST axes tells bad labels (docs/labels.md).

The axes of the readers' consensus make better labels than a person's. So they are also given noise,
and errors that a review has to find: one end moved by 30% of the long diameter, all axes moved by
half of it, and another lesion's axes moved by half of theirs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from casgan_jax.errors import UserError
from casgan_jax.grid import PAPER_THRESHOLD, area_mean, binarise
from casgan_jax.labelling.label import recist_quality
from casgan_jax.soft_mask.label import label_from_recist
from casgan_jax.soft_mask.recist import axis_lengths, centre, measure_axes, recist_agreement
from launch.benchmarks.labels.agreement import SCALE, dice

_BAD = 0.85  # Dice of labels that are counted as bad
_USUAL = "with noise of 0.5 px"  # what gross errors are told from


class Sample(NamedTuple):
    """image: (H, W) in [0, 1]; recist: (8,) axes of the consensus, (H, W) bool."""

    image: np.ndarray
    recist: np.ndarray
    consensus: np.ndarray
    patient: str


class _Scores(NamedTuple):
    """Of each slice: the scores that rank labels, and the label's Dice with the consensus."""

    quality: np.ndarray
    axes_agreement: np.ndarray
    dice: np.ndarray


Change = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]  # own, other's axes


def _noisy(own: np.ndarray, _: np.ndarray, rng: np.random.Generator, *, sigma: float) -> np.ndarray:
    return own + rng.normal(0, sigma, 8)


def _one_end_moved(own: np.ndarray, _: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    ends = np.array(own, np.float64).reshape(4, 2)
    ends[rng.integers(4)] += 0.3 * axis_lengths(own)[0] * _direction(rng)
    return ends.reshape(8)


def _moved(own: np.ndarray, _: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return own + np.tile(0.5 * axis_lengths(own)[0] * _direction(rng), 4)


def _of_another(own: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _moved(other + np.tile(centre(own) - centre(other), 4), other, rng)


def _direction(rng: np.random.Generator) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle)])


CHANGES: dict[str, Change] = {
    "of the consensus": functools.partial(_noisy, sigma=0.0),
    _USUAL: functools.partial(_noisy, sigma=0.5),
    "with noise of 1 px": functools.partial(_noisy, sigma=1.0),
    "one end moved": _one_end_moved,
    "moved": _moved,
    "of another lesion, moved": _of_another,
}


def rows(samples: Sequence[Sample]) -> Iterator[dict[str, Any]]:
    """Yields one row for each kind of axes and each score.

    "auc_bad" is the area under the ROC curve of the score for labels below a Dice of 0.85 among
    those of that kind, "auc_usual" that for labels of that kind among these and those of axes with
    noise of 0.5 px. Axes that `check_recist` refuses are left out.
    """
    found = {name: _scores(samples, change) for name, change in CHANGES.items()}
    for name, scores in found.items():
        for field in ("quality", "axes_agreement"):
            score, usual = getattr(scores, field), getattr(found[_USUAL], field)
            worst = np.argsort(score, kind="stable")[: max(1, len(score) // 10)]
            yield {
                "recist_axes": name,
                "score": field,
                "rank_correlation": round(float(spearmanr(score, scores.dice).statistic), 3),
                "dice": round(float(scores.dice.mean()), 3),
                "dice_of_worst_tenth": round(float(scores.dice[worst].mean()), 3),
                "auc_bad": _auc(score, scores.dice < _BAD),
                "auc_usual": _auc(
                    np.concatenate([usual, score]), np.arange(len(usual) + len(score)) >= len(usual)
                ),
                "slices": len(score),
            }


def _scores(samples: Sequence[Sample], change: Change) -> _Scores:
    measured = []
    for index, sample in enumerate(samples):
        other = samples[(index + 17) % len(samples)].recist
        axes = change(sample.recist, other, np.random.default_rng(index))
        if np.subtract(*axis_lengths(axes)) < 0:  # as a person would order them
            axes = np.roll(axes, 4)
        try:
            label = label_from_recist(sample.image, axes.astype(np.float32), SCALE)
        except UserError:
            continue
        again = measure_axes(label.alpha, PAPER_THRESHOLD, scale=SCALE)
        native = binarise(area_mean(label.alpha, SCALE), PAPER_THRESHOLD)
        quality = recist_quality(label, axes, again, PAPER_THRESHOLD)
        measured.append((quality, recist_agreement(axes, again), dice(native, sample.consensus)))
    return _Scores(*np.array(measured).T)


def _auc(score: np.ndarray, bad: np.ndarray) -> float | None:
    """Of low scores for bad labels; None where all are bad or none is."""
    return round(float(roc_auc_score(bad, -score)), 3) if 0 < bad.mean() < 1 else None
