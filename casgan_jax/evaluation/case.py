"""All numbers of one predicted soft mask: against its label, the true alpha and the readers.

Two grids are involved. Labels and true alphas are compared on the fine grid, r times the native,
over the system's patch. Readers outlined at native resolution, so the prediction is averaged down
to native pixels and placed in the record's whole crop, empty outside of the patch: a lesion that
leaves the patch counts as missed. Every binary metric is given at two thresholds, the one chosen on
validation (no suffix) and the paper's 128/255 (suffix `_128`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from casgan_jax import metrics
from casgan_jax.evaluation.planes import fine_alpha, plain_value, reader_planes, to_native_crop
from casgan_jax.evaluation.prediction import Prediction
from casgan_jax.grid import PAPER_THRESHOLD, binarise
from casgan_jax.records.features import MAX_READERS

# The thresholds tried: uint8 codes from 0.10 to 0.98. A mask that was softened comes back at "a
# threshold close to 255" (paper 3.3).
SWEEP = np.arange(26, 251) / 255.0
CALIBRATION_BINS = 10

# What a headline is measured on: the first of these populations that has a lesion. One reader's
# outline is the original mask of a data set whose masks were softened (paper 3.3, Eq. 6).
POPULATIONS = ("four_readers", "several_readers", "one_reader", "all")


@dataclass(frozen=True)
class Facts:
    """What a record says of its lesion; `kind` is None where its data set knows of none."""

    key: str
    patient: str
    lesion: str
    kind: str | None
    n_readers: int
    spacing_mm: float

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Facts:
        """Those of a record.

        Raises:
          KeyError: one is missing.
        """
        names = [field.name for field in fields(cls)]
        known = {"kind": None, **record}
        return cls(**{name: plain_value(known[name]) for name in names})

    @property
    def populations(self) -> tuple[str, ...]:
        """The populations that the lesion belongs to, in the order of POPULATIONS."""
        n = self.n_readers
        belongs = (n == MAX_READERS, n >= 2, n == 1, True)
        return tuple(name for name, is_in in zip(POPULATIONS, belongs, strict=True) if is_in)


@dataclass(frozen=True)
class Case:
    """One measured record.

    Attributes:
      facts: of the lesion.
      figures: its numbers by name; one that does not apply is absent.
      curves: Dice at every threshold of SWEEP, by what masks are compared.
      calibration: (3, bins) pixels, sum of predictions and sum of targets, by the target.
      agreement: (R + 2, R + 2) Dice of R readers, consensus and prediction; None but for R = 4.
    """

    facts: Facts
    figures: Mapping[str, float]
    curves: Mapping[str, np.ndarray]
    calibration: Mapping[str, np.ndarray]
    agreement: np.ndarray | None

    @property
    def predicted_share(self) -> float:
        """Pixels of the native mask at the chosen threshold, as a share of the patch."""
        return self.figures["predicted_share"]

    @property
    def row(self) -> dict[str, Any]:
        """Facts and figures as a line of a table."""
        known = {name: fact for name, fact in asdict(self.facts).items() if fact is not None}
        return known | dict(self.figures)


def by_population(cases: Sequence[Case]) -> dict[str, list[Case]]:
    """The cases of each of POPULATIONS that has one, in their order."""
    found = {name: [c for c in cases if name in c.facts.populations] for name in POPULATIONS}
    return {name: some for name, some in found.items() if some}


def measure(prediction: Prediction, threshold: float) -> Case:
    """All numbers of one prediction.

    Args:
      prediction: with the record's `image`, `alpha`, `trimap`, `reader_masks`, `consensus`, and
        `true_alpha` where it is known.
      threshold: the chosen one; 128/255 is always measured beside it.
    """
    record, alpha = prediction.record, prediction.alpha
    size, patch = len(record["image"]), len(prediction.patch)
    scale = len(alpha) // patch
    label = fine_alpha(record, "alpha", patch, scale)
    native = to_native_crop(alpha, scale, record)
    area = int(binarise(native, threshold).sum())
    facts = Facts.of(record)
    figures = {"predicted_px": area, "predicted_share": area / prediction.patch.size}
    figures |= label_metrics(alpha, label, threshold)
    curves = {"label": metrics.dice_curves(alpha, _hard(label), SWEEP)}
    calibration = {"label": _calibration(alpha, label)}
    agreement = None
    if "true_alpha" in record:
        true_alpha = fine_alpha(record, "true_alpha", patch, scale)
        trimap = fine_alpha(record, "trimap", patch, scale)
        unknown = (trimap > 0.0) & (trimap < 1.0)
        figures |= true_alpha_metrics(alpha, label, true_alpha, unknown)
    if facts.n_readers >= 1:
        readers, consensus = reader_planes(record)
        figures |= reader_metrics(native, readers, consensus, threshold)
        whole_label = fine_alpha(record, "alpha", size, 1)
        curves["consensus"] = metrics.dice_curves(native, consensus, SWEEP)
        curves["label_against_consensus"] = metrics.dice_curves(whole_label, consensus, SWEEP)
        at_128 = float(metrics.dice(_hard(whole_label), consensus))
        figures["label_against_consensus_dice_128"] = at_128
        calibration["readers"] = _calibration(native, readers.mean(axis=0, dtype=np.float32))
        if len(readers) == MAX_READERS:
            figures |= human_metrics(readers)
            masks = [*readers, consensus, binarise(native, threshold)]
            agreement = _pairwise_dice(np.stack(masks))
    return Case(facts, figures, curves, calibration, agreement)


def label_metrics(alpha: np.ndarray, label: np.ndarray, threshold: float) -> dict[str, float]:
    """Prediction against the label on the fine grid; the label is always binarised at 128/255."""
    truth = _hard(label)
    row: dict[str, float] = {}
    for suffix, mask in _binarised(alpha, threshold).items():
        row |= {
            f"label_dice{suffix}": float(metrics.dice(mask, truth)),
            f"label_iou{suffix}": float(metrics.iou(mask, truth)),
            f"label_acc{suffix}": float(metrics.accuracy(mask, truth)),
        }
    return row | {
        "label_auc": metrics.auc(alpha, truth),
        "label_soft_mae": float(metrics.soft_mae(alpha, label)),
    }


def true_alpha_metrics(
    alpha: np.ndarray, label: np.ndarray, true_alpha: np.ndarray, unknown: np.ndarray
) -> dict[str, float]:
    """Prediction and matted label against the true alpha, over the patch and its unknown band.

    `network_*` is the prediction's error, `matting_*` the label's, on the same pixels, and `gain_*`
    is matting minus network: positive where the network is closer to the truth.
    """
    row: dict[str, float] = {}
    for suffix, region in (("", None), ("_unknown", unknown)):
        for name, metric in (
            ("soft_mae", metrics.soft_mae),
            ("gradient_error", metrics.gradient_error),
        ):
            network = float(metric(alpha, true_alpha, region=region))
            matting = float(metric(label, true_alpha, region=region))
            row |= {
                f"network_{name}{suffix}": network,
                f"matting_{name}{suffix}": matting,
                f"gain_{name}{suffix}": matting - network,
            }
    return row


def reader_metrics(
    native: np.ndarray, readers: np.ndarray, consensus: np.ndarray, threshold: float
) -> dict[str, float]:
    """Prediction against the consensus, each reader and the readers on average, on the native grid.

    With four readers also against the majority of each three (`others_dice`), as a reader is
    measured; `union_soft_mae` is the distance from the share of readers where any of them marked.

    Args:
      native: soft mask (H, W) on the whole crop.
      readers: bool (R, H, W), none of them empty.
      consensus: bool (H, W).
      threshold: the chosen one.
    """
    votes = readers.sum(axis=0)
    row: dict[str, float] = {
        "consensus_px": int(consensus.sum()),
        "consensus_hd95": metrics.hausdorff_95(binarise(native, threshold), consensus),
        "union_soft_mae": float(
            metrics.soft_mae(native, votes / np.float32(len(readers)), region=votes > 0)
        ),
    }
    for suffix, mask in _binarised(native, threshold).items():
        to_readers = metrics.dice(mask, readers)
        row |= {
            f"consensus_dice{suffix}": float(metrics.dice(mask, consensus)),
            f"consensus_iou{suffix}": float(metrics.iou(mask, consensus)),
            f"consensus_acc{suffix}": float(metrics.accuracy(mask, consensus)),
            f"readers_dice{suffix}": float(to_readers.mean()),
            f"readers_iou{suffix}": float(metrics.iou(mask, readers).mean()),
        }
        row |= {f"reader_{i}_dice{suffix}": float(d) for i, d in enumerate(to_readers, 1)}
        if len(readers) == MAX_READERS:
            to_others = metrics.dice(mask, _majorities_of_others(readers))
            row[f"others_dice{suffix}"] = float(to_others.mean())
    return row


def _majorities_of_others(readers: np.ndarray) -> np.ndarray:
    """For each of four readers, bool (4, H, W), what at least two of the other three marked."""
    return readers.sum(axis=0) - readers >= 2


def human_metrics(readers: np.ndarray) -> dict[str, float]:
    """Each of four readers, bool (4, H, W), against the majority of the other three; the means."""
    others = _majorities_of_others(readers)
    return {
        "human_dice": float(metrics.dice(readers, others).mean()),
        "human_iou": float(metrics.iou(readers, others).mean()),
        **{f"human_{i}_dice": float(d) for i, d in enumerate(metrics.dice(readers, others), 1)},
    }


def _hard(alpha: np.ndarray) -> np.ndarray:
    return binarise(alpha, PAPER_THRESHOLD)


def _binarised(alpha: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
    return {"": binarise(alpha, threshold), "_128": _hard(alpha)}


def _pairwise_dice(masks: np.ndarray) -> np.ndarray:
    return np.stack([metrics.dice(mask, masks) for mask in masks])


def _calibration(alpha: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(3, bins): pixels, sum of predictions and sum of targets by predicted alpha."""
    bins = np.minimum((alpha * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1).ravel()
    weights = (None, alpha.ravel(), target.ravel())
    return np.stack([np.bincount(bins, w, minlength=CALIBRATION_BINS) for w in weights])
