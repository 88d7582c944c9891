"""Measures a trained cascade on prepared records: against labels, true alphas and several readers.

    cascade = load_system(workdir)
    evaluation = evaluate(cascade, load_split(data_dir, "test"), read_metadata(data_dir))
    print(evaluation.summary()["headline"])

Two grids are involved. Labels and true alphas are compared on the fine grid, r times the native,
over the cascade's patch. Readers outlined at native resolution, so the prediction is averaged down
to native pixels and placed in the record's whole crop, empty outside of the patch: a lesion that
leaves the patch counts as missed. Every binary metric is given at two thresholds, the one chosen on
validation (no suffix) and the paper's 128/255 (suffix `_128`).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import cv2
import numpy as np
from tqdm import tqdm

from casgan_jax import metrics
from casgan_jax.data import marked_patch, marked_region, normalise
from casgan_jax.errors import UserError
from casgan_jax.record_checks import check_planes
from casgan_jax.records import MAX_READERS, decode_alpha
from casgan_jax.statistics import cluster_mean

# The thresholds tried: uint8 codes from 0.10 to 0.98. A mask that was softened comes back at "a
# threshold close to 255" (paper 3.3).
SWEEP = np.arange(26, 251) / 255.0
CALIBRATION_BINS = 10

# What a headline is measured on: the first of these populations that has a lesion. One reader's
# outline is the original mask of a data set whose masks were softened (paper 3.3, Eq. 6).
POPULATIONS = ("four_readers", "several_readers", "one_reader", "all")
# Dice curves that every case of a population has.
_CURVES = {
    "four_readers": ("label", "consensus", "label_against_consensus"),
    "several_readers": ("label", "consensus", "label_against_consensus"),
    "one_reader": ("label", "consensus", "label_against_consensus"),
    "all": ("label",),
}

_FACTS = ("key", "patient", "lesion", "kind", "n_readers", "spacing_mm")


class Cascade(Protocol):
    """What is asked of a trained system; `casgan_jax.saved_system.load_system` returns one."""

    patch: int
    scale: int
    threshold: float

    def __call__(self, patches: np.ndarray) -> Mapping[str, np.ndarray]: ...


class Prediction(NamedTuple):
    """A record with what the cascade made of its marked patch."""

    record: Mapping[str, Any]
    patch: np.ndarray  # (P, P) float32 in [0, 1], what the cascade saw
    alpha: np.ndarray  # (r P, r P) float32 in [0, 1]


class Failure(NamedTuple):
    """A record that could not be evaluated, and why."""

    key: str
    reason: str


class Example(NamedTuple):
    """What a picture of one case needs."""

    key: str
    dice: float  # against the consensus, or the label where there are no readers
    patch: np.ndarray  # (P, P) in [0, 1]
    label: np.ndarray  # (r P, r P) the stored alpha
    alpha: np.ndarray  # (r P, r P) the prediction
    outline: np.ndarray  # (P, P) or (r P, r P) bool: the consensus, or the label at 128/255


@dataclass(frozen=True)
class Case:
    """One measured record: its row of numbers, and what is averaged over records later."""

    row: dict[str, Any]
    curves: dict[str, np.ndarray]  # Dice at every threshold of SWEEP
    calibration: dict[str, np.ndarray]  # (3, bins): pixels, sum of predictions, sum of targets
    agreement: np.ndarray | None  # (R + 2, R + 2) Dice of R readers, consensus, prediction

    @property
    def populations(self) -> tuple[str, ...]:
        """The populations this case belongs to, in the order of POPULATIONS."""
        n = self.row["n_readers"]
        belongs = (n == MAX_READERS, n >= 2, n == 1, True)
        return tuple(name for name, is_in in zip(POPULATIONS, belongs, strict=True) if is_in)


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

    def population(self, name: str) -> list[Case]:
        """The cases of one of POPULATIONS."""
        return [case for case in self.cases if name in case.populations]

    def summary(self, *, seed: int = 0) -> dict[str, Any]:
        """Means with 95% intervals by population, headline, counts and failures (JSON-ready)."""
        populations = {name: self.population(name) for name in POPULATIONS}
        means = {
            name: _means([case.row for case in cases], seed)
            for name, cases in populations.items()
            if cases
        }
        headline = next(name for name in POPULATIONS if name in means)
        return {
            "records": len(self.cases),
            "patients": len({row["patient"] for row in self.rows}),
            "failed": len(self.failures),
            "failures": [failure._asdict() for failure in self.failures],
            "threshold": {"chosen": self.threshold, "paper": metrics.PAPER_THRESHOLD},
            "headline": _headline(headline, means[headline]),
            "empty_predictions": sum(row["predicted_px"] == 0 for row in self.rows),
            "full_predictions": sum(row["predicted_share"] == 1.0 for row in self.rows),
            "metrics": means,
            **_agreement(populations["four_readers"]),
        }

    def curves(self) -> dict[str, Any]:
        """Mean Dice by threshold for each population, and how calibrated alpha is (JSON-ready)."""
        sweep = {
            population: {
                name: np.mean([case.curves[name] for case in cases], axis=0).tolist()
                for name in _CURVES[population]
            }
            for population in POPULATIONS
            if (cases := self.population(population))
        }
        calibration = {}
        for name in ("label", "readers"):
            sums = [case.calibration[name] for case in self.cases if name in case.calibration]
            if sums:
                calibration[name] = _calibration_table(np.sum(sums, axis=0))
        return {"thresholds": SWEEP.tolist(), "dice": sweep, "calibration": calibration}


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
    batch_size: int = 64,
    worst: int = 12,
    progress: bool = True,
) -> Evaluation:
    """Predicts and measures every record; holds one batch of pictures at a time.

    Args:
      cascade: the trained system.
      records: decoded records of a prepared segmentation data set (`casgan_jax.records`).
      metadata: that data set's metadata; its window normalises the images.
      batch_size: patches given to the cascade at once.
      worst: how many of the worst cases are kept as examples.
      progress: whether to show a progress bar on stderr.

    Raises:
      UserError: the data set does not fit the cascade, or not a single record could be measured.
    """
    _check_data(cascade, records, metadata)
    evaluation = Evaluation(threshold=cascade.threshold)
    ranked: list[tuple[int, Example]] = []
    bar = tqdm(total=len(records), desc="evaluate", unit="lesion", disable=not progress)
    for item in predict_records(cascade, records, metadata["window"], batch_size=batch_size):
        bar.update()
        if isinstance(item, Failure):
            evaluation.failures.append(item)
            continue
        try:
            case = measure(item, cascade.threshold)
        except (KeyError, ValueError) as error:
            evaluation.failures.append(_failure(item.record, error))
            continue
        evaluation.cases.append(case)
        ranked.append((POPULATIONS.index(case.populations[0]), _example(item, case)))
        ranked = heapq.nsmallest(worst, ranked, key=lambda r: (r[0], r[1].dice, r[1].key))
    bar.close()
    if not evaluation.cases:
        first = evaluation.failures[0]
        raise UserError(
            f"records: found none of {len(records)} that could be evaluated, the first, "
            f"{first.key}, because of {first.reason}; check that the data set fits the workdir"
        )
    evaluation.worst = [example for _, example in ranked]
    return evaluation


def predict_records(
    cascade: Cascade,
    records: Sequence[Mapping[str, Any]],
    window: Sequence[float],
    *,
    batch_size: int = 64,
) -> Iterator[Prediction | Failure]:
    """The cascade's soft mask of every record's marked patch, in the order of the records."""
    for start in range(0, len(records), batch_size):
        indices = range(start, min(start + batch_size, len(records)))
        prepared = [_prepare(records, i, cascade.patch, window) for i in indices]
        patches = [item.patch for item in prepared if isinstance(item, _Input)]
        alphas = iter(cascade(np.stack(patches))["alpha"] if patches else ())
        for item in prepared:
            yield item if isinstance(item, Failure) else _output(item, next(alphas))


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
    label = _fine_alpha(record, "alpha", patch, scale)
    native = to_native_crop(alpha, scale, size, record["mark"])
    area = int(metrics.binarise(native, threshold).sum())
    row: dict[str, Any] = {name: _plain(record[name]) for name in _FACTS if name in record}
    row |= {"predicted_px": area, "predicted_share": area / prediction.patch.size}
    row |= label_metrics(alpha, label, threshold)
    curves = {"label": metrics.dice_curves(alpha, _hard(label), SWEEP)}
    calibration = {"label": _calibration(alpha, label)}
    agreement = None
    if "true_alpha" in record:
        true_alpha = _fine_alpha(record, "true_alpha", patch, scale)
        trimap = _fine_alpha(record, "trimap", patch, scale)
        row |= true_alpha_metrics(alpha, label, true_alpha, (trimap > 0.0) & (trimap < 1.0))
    if row["n_readers"] >= 1:
        readers, consensus = reader_planes(record)
        row |= reader_metrics(native, readers, consensus, threshold)
        whole_label = _fine_alpha(record, "alpha", size, 1)
        curves["consensus"] = metrics.dice_curves(native, consensus, SWEEP)
        curves["label_against_consensus"] = metrics.dice_curves(whole_label, consensus, SWEEP)
        row["label_against_consensus_dice_128"] = float(metrics.dice(_hard(whole_label), consensus))
        calibration["readers"] = _calibration(native, readers.mean(axis=0, dtype=np.float32))
        if len(readers) == MAX_READERS:
            row |= human_metrics(readers)
            masks = [*readers, consensus, metrics.binarise(native, threshold)]
            agreement = _pairwise_dice(np.stack(masks))
    return Case(row, curves, calibration, agreement)


def label_metrics(alpha: np.ndarray, label: np.ndarray, threshold: float) -> dict[str, float]:
    """Prediction against the label on the fine grid; the label is always binarised at 128/255."""
    truth = _hard(label)
    row = {}
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
    row = {}
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

    Args:
      native: soft mask (H, W) on the whole crop.
      readers: bool (R, H, W), none of them empty.
      consensus: bool (H, W).
      threshold: the chosen one.
    """
    row: dict[str, float] = {"consensus_px": int(consensus.sum())}
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
    return row


def human_metrics(readers: np.ndarray) -> dict[str, float]:
    """Each of four readers, bool (4, H, W), against the majority of the other three; the means."""
    votes = readers.sum(axis=0)
    others = votes - readers >= 2
    return {
        "human_dice": float(metrics.dice(readers, others).mean()),
        "human_iou": float(metrics.iou(readers, others).mean()),
        **{f"human_{i}_dice": float(d) for i, d in enumerate(metrics.dice(readers, others), 1)},
    }


def choose_threshold(evaluation: Evaluation) -> ThresholdChoice:
    """The threshold of the best mean Dice, among the codes of SWEEP; on validation.

    Dice against the consensus at native resolution, over the slices with four readers, with at
    least two where none has four, or with one where none has several; against the label at 128/255
    where no slice was outlined.
    """
    population = next(name for name in POPULATIONS if evaluation.population(name))
    against = "label" if population == "all" else "consensus"
    cases = evaluation.population(population)
    mean = np.mean([case.curves[against] for case in cases], axis=0)
    best = int(mean.argmax())
    return ThresholdChoice(float(SWEEP[best]), float(mean[best]), population, against, len(cases))


def to_native_crop(alpha: np.ndarray, scale: int, size: int, mark: Sequence[float]) -> np.ndarray:
    """Soft mask of the marked patch (r P, r P) -> native pixels in the whole crop (size, size).

    Each native pixel is the mean of its r x r fine ones; outside of the patch the mask is 0.
    """
    patch = len(alpha) // scale
    crop = np.zeros((size, size), np.float32)
    crop[marked_region(mark, patch, size)] = cv2.resize(
        alpha, (patch, patch), interpolation=cv2.INTER_AREA
    )
    return crop


def reader_planes(record: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """The readers who marked anything, bool (R, H, W), and their consensus, bool (H, W)."""
    readers = np.moveaxis(record["reader_masks"] > 0, -1, 0)
    readers = readers[readers.any(axis=(1, 2))]
    if len(readers) != record["n_readers"]:
        raise UserError(
            f"reader_masks: found {len(readers)} masks with a marked pixel, expected n_readers = "
            f"{record['n_readers']}; rebuild the data set"
        )
    return readers, record["consensus"] > 0


def _fine_alpha(record: Mapping[str, Any], name: str, patch: int, scale: int) -> np.ndarray:
    """A stored fine plane over the marked patch, decoded, on the grid `scale` times the native."""
    stored = len(record[name]) // len(record["image"])
    alpha = decode_alpha(marked_patch(record, name, patch, scale=stored))
    return cv2.resize(alpha, (scale * patch,) * 2, interpolation=cv2.INTER_AREA)


class _Input(NamedTuple):
    record: Mapping[str, Any]
    patch: np.ndarray


def _prepare(
    records: Sequence[Mapping[str, Any]], index: int, patch: int, window: Sequence[float]
) -> _Input | Failure:
    record: Mapping[str, Any] = {"key": f"record {index}"}
    try:
        record = records[index]
        check_planes({name: np.shape(value) for name, value in record.items()})
        plane = normalise(marked_patch(record, "image", patch), window)
        if not np.isfinite(plane).all():
            raise UserError("image: found NaN or Inf, expected finite values; rebuild the data set")
    except (KeyError, OSError, ValueError) as error:
        return _failure(record, error)
    return _Input(record, plane)


def _output(item: _Input, alpha: np.ndarray) -> Prediction | Failure:
    if not np.isfinite(alpha).all() or alpha.min() < 0.0 or alpha.max() > 1.0:
        return Failure(
            _plain(item.record["key"]),
            f"prediction: found values in [{alpha.min()}, {alpha.max()}], expected finite ones in "
            "[0, 1]",
        )
    return Prediction(item.record, item.patch, np.asarray(alpha, np.float32))


def _failure(record: Mapping[str, Any], error: Exception) -> Failure:
    reason = f"missing field {error}" if isinstance(error, KeyError) else str(error)
    return Failure(_plain(record["key"]), reason)


def _check_data(
    cascade: Cascade, records: Sequence[Mapping[str, Any]], metadata: Mapping[str, Any]
) -> None:
    if metadata.get("kind") != "segmentation":
        raise UserError(
            f"data set: found kind {metadata.get('kind')!r}, expected 'segmentation'; "
            "name a data set with soft masks by --data_dir"
        )
    if metadata["scale"] % cascade.scale:
        raise UserError(
            f"data set: found soft masks at {metadata['scale']} x, expected a multiple of "
            f"the cascade's {cascade.scale} x; rebuild the data set at that scale"
        )
    if not len(records):
        raise UserError(
            "records: found none in this split, expected at least one; rebuild the data"
        )


def _example(item: Prediction, case: Case) -> Example:
    patch = len(item.patch)
    label = _fine_alpha(item.record, "alpha", patch, len(item.alpha) // patch)
    if "consensus_dice" not in case.row:
        outline, dice = _hard(label), case.row["label_dice"]
    else:
        outline = marked_patch(item.record, "consensus", patch) > 0
        dice = case.row["consensus_dice"]
    return Example(case.row["key"], dice, item.patch, label, item.alpha, outline)


def _plain(value: Any) -> Any:
    """A text, which data sets give as bytes, as str; a NumPy scalar as Python's."""
    if isinstance(value, bytes):
        return value.decode()
    return value.item() if isinstance(value, np.generic) else value


def _hard(alpha: np.ndarray) -> np.ndarray:
    return metrics.binarise(alpha, metrics.PAPER_THRESHOLD)


def _binarised(alpha: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
    return {"": metrics.binarise(alpha, threshold), "_128": _hard(alpha)}


def _pairwise_dice(masks: np.ndarray) -> np.ndarray:
    return np.stack([metrics.dice(mask, masks) for mask in masks])


def _calibration(alpha: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(3, bins): pixels, sum of predictions and sum of targets by predicted alpha."""
    bins = np.minimum((alpha * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1).ravel()
    weights = (None, alpha.ravel(), target.ravel())
    return np.stack([np.bincount(bins, w, minlength=CALIBRATION_BINS) for w in weights])


def _calibration_table(sums: np.ndarray) -> list[dict[str, float]]:
    return [
        {"pixels": int(n), "predicted": predicted / n, "target": target / n}
        for n, predicted, target in sums.T
        if n
    ]


def _means(rows: list[dict[str, Any]], seed: int) -> dict[str, dict[str, Any]]:
    patients = [row["patient"] for row in rows]
    names = dict.fromkeys(name for row in rows for name in row if name not in _FACTS)
    means = {}
    for name in names:
        values = [row.get(name, np.nan) for row in rows]
        means[name] = {
            key: None if np.isnan(value) else value
            for key, value in cluster_mean(values, patients, seed=seed)._asdict().items()
        }
    return {name: mean for name, mean in means.items() if mean["n"]}


def _headline(population: str, means: dict[str, dict[str, Any]]) -> dict[str, Any]:
    metric = "label_dice" if population == "all" else "consensus_dice"
    return {
        "population": population,
        "metric": metric,
        "chosen": means[metric],
        "paper": means[f"{metric}_128"],
        **({"human": means["human_dice"]} if "human_dice" in means else {}),
    }


def _agreement(cases: list[Case]) -> dict[str, Any]:
    """The paper's Table 2 over slices with four readers, at the chosen threshold, and each reader
    against the majority of the other three."""
    if not cases:
        return {}
    readers = range(1, MAX_READERS + 1)
    names = [f"reader_{i}" for i in readers] + ["consensus", "network"]
    mean = np.mean([case.agreement for case in cases], axis=0)
    others = np.mean([[case.row[f"human_{i}_dice"] for i in readers] for case in cases], axis=0)
    table = {"names": names, "dice": mean.round(4).tolist(), "others": others.round(4).tolist()}
    return {"agreement": table}
