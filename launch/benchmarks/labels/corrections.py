"""What a reader gains by correcting: axes with noise, one end dragged, one stroke of a brush.

A simulated reader draws the axes of the consensus of four readers with noise in every coordinate.
Then, each for itself, the end that is farthest off is dragged to where it belongs, or one dot is
brushed into the middle of the largest error, of lesion where it is missing and of background where
it is too much, as wide as fits there. A click is one point in the middle of the consensus.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import PAPER_THRESHOLD, area_mean, binarise
from casgan_jax.soft_mask.click import axes_from_click
from casgan_jax.soft_mask.label import Label, corrected, label_from_recist
from casgan_jax.soft_mask.recist import axis_lengths, check_recist
from casgan_jax.soft_mask.strokes import Stroke, Value
from launch.benchmarks.labels.agreement import SCALE, dice
from launch.benchmarks.labels.quality import Sample

NOISES = (0.0, 0.5, 1.0)  # pixels, standard deviation
_LEAST_RADIUS = 0.75  # of a brush, pixels


def rows(samples: Sequence[Sample]) -> Iterator[dict[str, Any]]:
    """Mean Dice with the consensus by what was done, a row for each noise, then by click alone."""
    for noise in NOISES:
        random = np.random.default_rng(0)
        scores = [_scores(one, _noisy(one, noise, random)) for one in samples]
        yield {
            "axes_noise_px": noise,
            **{name: _mean([score[name] for score in scores]) for name in scores[0]},
            "slices": len(samples),
        }
    yield {"click": _mean([_by_click(one) for one in samples]), "slices": len(samples)}


def _scores(sample: Sample, drawn: np.ndarray) -> dict[str, float]:
    label = label_from_recist(sample.image, drawn, SCALE)
    moved = label_from_recist(sample.image, dragged(drawn, sample.recist), SCALE)
    stroke = stroke_on_worst(_native(label), sample.consensus)
    stroked = corrected(sample.image, label, [stroke] if stroke else [], SCALE)
    found = {"axes": label, "one_drag": moved, "one_stroke": stroked}
    return {name: dice(_native(each), sample.consensus) for name, each in found.items()}


def _by_click(sample: Sample) -> float:
    rows, columns = np.nonzero(sample.consensus)
    try:
        axes = axes_from_click(sample.image, (float(columns.mean()), float(rows.mean())))
    except UserError:  # nothing was proposed: there is no mask
        return 0.0
    return dice(_native(label_from_recist(sample.image, axes, SCALE)), sample.consensus)


def _noisy(sample: Sample, noise: float, random: np.random.Generator) -> np.ndarray:
    """Axes as somebody might draw them; what the page would refuse is drawn again."""
    while True:
        drawn = _ordered(sample.recist + random.normal(0, noise, 8))
        try:
            check_recist(drawn, sample.image.shape)
        except UserError:
            continue
        return drawn


def _ordered(recist: np.ndarray) -> np.ndarray:
    """The longer axis first."""
    long, short = axis_lengths(recist)
    return (recist if long >= short else np.roll(recist, 4)).astype(np.float32)


def dragged(drawn: np.ndarray, meant: np.ndarray) -> np.ndarray:
    """The axes with the end that is farthest off at the nearest end that was meant."""
    ends, right = drawn.reshape(4, 2), meant.reshape(4, 2)
    away = np.linalg.norm(ends[:, None] - right[None], axis=2)
    worst = int(np.argmax(away.min(axis=1)))
    result = ends.copy()
    result[worst] = right[int(np.argmin(away[worst]))]
    return _ordered(result.reshape(8))


def stroke_on_worst(found: np.ndarray, meant: np.ndarray) -> Stroke | None:
    """A dot in the middle of the largest error; None: there is no error."""
    wrong = (found != meant).astype(np.uint8)
    count, parts, table, _ = cv2.connectedComponentsWithStats(wrong, connectivity=4)
    if count == 1:
        return None
    largest = 1 + int(np.argmax(table[1:, cv2.CC_STAT_AREA]))
    depth = cv2.distanceTransform((parts == largest).astype(np.uint8), cv2.DIST_L2, 5)
    row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
    radius = max(_LEAST_RADIUS, float(depth.max()) - 0.5)
    value: Value = "lesion" if meant[row, column] else "background"
    return Stroke(value, radius, ((float(column), float(row)),))


def _native(label: Label) -> np.ndarray:
    return np.asarray(binarise(area_mean(label.alpha, SCALE), PAPER_THRESHOLD))


def _mean(scores: Sequence[float]) -> float:
    return round(float(np.mean(scores)), 4)
