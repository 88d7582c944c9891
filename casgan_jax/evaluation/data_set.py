"""Measures a trained system on prepared records.

    system = load_system(workdir)
    evaluation = evaluate(system, load_split(data_dir, "test"), read_metadata(data_dir))
    print(evaluation.summary()["headline"])

What is measured of each record, and on which grid, is in `casgan_jax.evaluation.case`.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np
from tqdm import tqdm

from casgan_jax import metrics
from casgan_jax.errors import UserError
from casgan_jax.evaluation.bootstrap import cluster_mean
from casgan_jax.evaluation.case import (
    FACTS,
    POPULATIONS,
    SWEEP,
    Case,
    Prediction,
    fine_alpha,
    measure,
    plain_value,
)
from casgan_jax.evaluation.marks import Show, shown_planes
from casgan_jax.grid import PAPER_THRESHOLD, binarise, normalise
from casgan_jax.records.checks import check_planes
from casgan_jax.records.features import MAX_READERS
from casgan_jax.records.patches import marked_patch

# Dice curves that every case of a population has.
_CURVES = {
    "four_readers": ("label", "consensus", "label_against_consensus"),
    "several_readers": ("label", "consensus", "label_against_consensus"),
    "one_reader": ("label", "consensus", "label_against_consensus"),
    "all": ("label",),
}


class Cascade(Protocol):
    """What is asked of a trained system; `casgan_jax.inference.load.load_system` returns one."""

    patch: int
    scale: int
    threshold: float

    @property
    def mark_kinds(self) -> tuple[str, ...]: ...  # kinds that it is shown

    def __call__(self, patches: np.ndarray, /, *marks: np.ndarray) -> Mapping[str, np.ndarray]: ...


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
            "threshold": {"chosen": self.threshold, "paper": PAPER_THRESHOLD},
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
    show: Show | None = None,
    batch_size: int = 64,
    worst: int = 12,
    progress: bool = True,
) -> Evaluation:
    """Predicts and measures every record; holds one batch of pictures at a time.

    Args:
      cascade: the trained system.
      records: decoded records of a prepared segmentation data set (`casgan_jax.records.features`).
      metadata: that data set's metadata; its window normalises the images.
      show: which marks a system that sees marks is shown of each record
        (`casgan_jax.evaluation.marks`); None: it sees the patches alone.
      batch_size: patches given to the cascade at once.
      worst: how many of the worst cases are kept as examples.
      progress: whether to show a progress bar on stderr.

    Raises:
      UserError: the data set does not fit the cascade, or not a single record could be measured.
    """
    _check_data(cascade, records, metadata)
    evaluation = Evaluation(threshold=cascade.threshold)
    ranked: list[tuple[int, Example]] = []
    bar = tqdm(
        total=len(records),
        desc="evaluate",
        unit="lesion",
        disable=not progress,
        leave=None,  # below another bar it goes when it is done
    )
    for item in predict_records(
        cascade, records, metadata["window"], show=show, batch_size=batch_size
    ):
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


def predict_records(
    cascade: Cascade,
    records: Sequence[Mapping[str, Any]],
    window: Sequence[float],
    *,
    show: Show | None = None,
    batch_size: int = 64,
) -> Iterator[Prediction | Failure]:
    """The cascade's soft mask of every record's marked patch, in the order of the records."""
    for start in range(0, len(records), batch_size):
        indices = range(start, min(start + batch_size, len(records)))
        prepared = [_prepare(records, i, cascade, window, show) for i in indices]
        alphas = iter(_alphas(cascade, [item for item in prepared if isinstance(item, _Input)]))
        for item in prepared:
            yield item if isinstance(item, Failure) else _output(item, next(alphas))


def choose_threshold(evaluation: Evaluation) -> ThresholdChoice:
    """The threshold of the best mean Dice, among the codes of SWEEP; on validation.

    Dice against the consensus at native resolution, over the slices with four readers, with at
    least two where none has four, or with one where none has several; against the label at 128/255
    where no slice was outlined.
    """
    population = next(name for name in POPULATIONS if evaluation.population(name))
    against = "label" if population == "all" else "consensus"
    cases = evaluation.population(population)
    chosen = metrics.best_threshold([case.curves[against] for case in cases], SWEEP)
    return ThresholdChoice(*chosen, population, against, len(cases))


class _Input(NamedTuple):
    record: Mapping[str, Any]
    patch: np.ndarray
    marks: np.ndarray | None  # their planes, where they are shown


def _alphas(cascade: Cascade, inputs: Sequence[_Input]) -> Sequence[np.ndarray]:
    if not inputs:
        return ()
    patches = np.stack([item.patch for item in inputs])
    marks = [item.marks for item in inputs if item.marks is not None]
    return (cascade(patches, np.stack(marks)) if marks else cascade(patches))["alpha"]


def _prepare(
    records: Sequence[Mapping[str, Any]],
    index: int,
    cascade: Cascade,
    window: Sequence[float],
    show: Show | None,
) -> _Input | Failure:
    record: Mapping[str, Any] = {"key": f"record {index}"}
    try:
        record = records[index]
        check_planes({name: np.shape(value) for name, value in record.items()})
        plane = normalise(marked_patch(record, "image", cascade.patch), window)
        if not np.isfinite(plane).all():
            raise UserError(
                "image",
                found="NaN or Inf",
                expected="finite values",
                remedy="rebuild the data set",
            )
        planes = show and shown_planes(record, show(record), cascade.patch, cascade.mark_kinds)
    except (KeyError, OSError, ValueError) as error:
        return _failure(record, error)
    return _Input(record, plane, planes)


def _output(item: _Input, alpha: np.ndarray) -> Prediction | Failure:
    if not np.isfinite(alpha).all() or alpha.min() < 0.0 or alpha.max() > 1.0:
        return Failure(
            plain_value(item.record["key"]),
            f"prediction: found values in [{alpha.min()}, {alpha.max()}], expected finite ones in "
            "[0, 1]",
        )
    return Prediction(item.record, item.patch, np.asarray(alpha, np.float32))


def _failure(record: Mapping[str, Any], error: Exception) -> Failure:
    reason = f"missing field {error}" if isinstance(error, KeyError) else str(error)
    return Failure(plain_value(record["key"]), reason)


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
    if not len(records):
        raise UserError(
            "records",
            found="none in this split",
            expected="at least one",
            remedy="rebuild the data",
        )


def _example(item: Prediction, case: Case) -> Example:
    patch = len(item.patch)
    label = fine_alpha(item.record, "alpha", patch, len(item.alpha) // patch)
    if "consensus_dice" not in case.row:
        outline = binarise(label, PAPER_THRESHOLD)
        dice = case.row["label_dice"]
    else:
        outline = marked_patch(item.record, "consensus", patch) > 0
        dice = case.row["consensus_dice"]
    return Example(case.row["key"], dice, item.patch, label, item.alpha, outline)


def _calibration_table(sums: np.ndarray) -> list[dict[str, float]]:
    return [
        {"pixels": int(n), "predicted": predicted / n, "target": target / n}
        for n, predicted, target in sums.T
        if n
    ]


def _means(rows: list[dict[str, Any]], seed: int) -> dict[str, dict[str, Any]]:
    patients = [row["patient"] for row in rows]
    names = dict.fromkeys(name for row in rows for name in row if name not in FACTS)
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
