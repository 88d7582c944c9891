"""What a picture of one measured case shows: the image, the label, the prediction, the truth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from casgan_jax.evaluation.case import Case
from casgan_jax.evaluation.planes import fine_alpha
from casgan_jax.evaluation.prediction import Prediction
from casgan_jax.grid import PAPER_THRESHOLD, Box, binarise
from casgan_jax.records.patches import marked_patch


class Example(NamedTuple):
    """What a picture of one case needs."""

    key: str
    dice: float  # against the consensus, or the label where there are no readers
    patch: np.ndarray  # (P, P) in [0, 1]
    label: np.ndarray  # (r P, r P) the stored alpha
    alpha: np.ndarray  # (r P, r P) the prediction
    outline: np.ndarray  # (P, P) or (r P, r P) bool: the consensus, or the label at 128/255
    image: np.ndarray  # (H, W) in [0, 1], all that the record has
    box: Box  # of the patch in the image
    spacing_mm: float  # of the image's pixels; 0: not known


def example_of(item: Prediction, case: Case) -> Example:
    """The example of a prediction and what was measured of it."""
    patch = len(item.patch)
    label = fine_alpha(item.record, "alpha", patch, len(item.alpha) // patch)
    if case.facts.n_readers:
        outline = marked_patch(item.record, "consensus", patch) > 0
    else:
        outline = binarise(label, PAPER_THRESHOLD)
    dice = case.figures["consensus_dice" if case.facts.n_readers else "label_dice"]
    return Example(
        case.facts.key,
        dice,
        item.patch,
        label,
        item.alpha,
        outline,
        item.image,
        item.box,
        case.facts.spacing_mm,
    )
