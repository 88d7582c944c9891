"""A network that sees a user's marks beside the labeller, on the same lesions and the same axes.

On the slices of the test split that four readers marked: Dice against their 50% consensus at native
resolution, of the network at the threshold chosen on validation, by a click alone and by axes of
the consensus with a hand's noise on every coordinate; of `label_from_recist` from the same axes at
128/255; and the difference, with 95% intervals by resampling patients; means by size and, of
LIDC, by kind of nodule. How well the certainty of a mask finds clicks that came to nothing (Dice
below one half), among them clicks beside lesions: the area under its ROC curve. Axes that no trimap
can be made of are left out of both, and counted.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from sklearn.metrics import roc_auc_score

from casgan_jax import metrics
from casgan_jax.errors import UserError
from casgan_jax.evaluation.bootstrap import cluster_mean
from casgan_jax.evaluation.certainty import LEAST_CERTAINTY, certainty
from casgan_jax.evaluation.marks import Record, Show, by_axes, by_click, lesion_rng
from casgan_jax.evaluation.planes import plain_value, to_native_crop
from casgan_jax.evaluation.prediction import Failure, Prediction, predict_records
from casgan_jax.grid import PAPER_THRESHOLD, area_mean, binarise, normalise
from casgan_jax.inference.load import load_cascade
from casgan_jax.records.features import MAX_READERS
from casgan_jax.records.prepared import load_split, read_metadata
from casgan_jax.soft_mask.label import label_from_recist
from casgan_jax.soft_mask.trimap import AnnotationError
from casgan_jax.systems.cascade import Cascade
from launch.benchmarks.labels.nodule_kinds import KINDS, kind_of

SHOWN: dict[str, Show] = {
    "click": by_click,
    "axes": by_axes,
    "axes, noise 0.5 px": functools.partial(by_axes, noise=0.5),
    "axes, noise 1 px": functools.partial(by_axes, noise=1.0),
}
SIZES = {"up to 50 px": (0, 50), "51 to 200 px": (51, 200), "above 200 px": (201, np.inf)}
_BESIDE = 25.0  # pixels
LABEL_SCALE = 4  # at which docs/labels.md measures the labeller


def run(options: Any) -> Iterator[dict[str, Any]]:
    """Yields one row for each kind of marks, then the summary.

    Raises:
      UserError: no workdir or data set is named, the network sees no axes, or no test record was
        marked by four readers.
    """
    for field in ("workdir", "data_dir"):
        if getattr(options, field) is None:
            raise UserError(field, found="none", expected="a folder", remedy="see the suite's text")
    cascade = load_cascade(options.workdir)
    if "axes" not in cascade.mark_kinds:
        raise UserError(
            "workdir",
            found=f"a network that sees {', '.join(cascade.mark_kinds) or 'no marks'}",
            expected="one that sees axes",
            remedy="train `config=softgan:marked`",
        )
    records, window = _records(options.data_dir, options.limit), read_metadata(options.data_dir)
    dice = {}
    for name, show in SHOWN.items():
        row = compare(cascade, records, window["window"], show)
        dice[name] = row["dice"]
        yield {"shown": name, **row}
    found = failures(cascade, records, window["window"])
    yield found
    yield {"threshold": round(cascade.threshold, 3), "dice": dice, "failures_auc": found["auc"]}


def compare(
    cascade: Cascade, records: Sequence[Record], window: Sequence[float], show: Show
) -> dict[str, Any]:
    """Figures of the network and of the labeller, shown the same marks of the same records."""
    network, labeller = [], []
    for item in predict_records(cascade, records, window, show=show):
        if isinstance(item, Failure):
            raise UserError(item.key, found=item.reason, expected="a record that can be measured")
        network.append(_dice_of_network(item, cascade))
        labeller.append(_dice_of_labeller(item.record, window, show))
    ours, theirs = np.array(network), np.array(labeller)
    patients = [plain_value(record["patient"]) for record in records]
    sizes = np.array([np.count_nonzero(record["consensus"]) for record in records])
    row: dict[str, Any] = {"dice": _interval(ours, patients), "slices": len(ours)}
    if not np.isnan(theirs).all():
        row["labeller"] = _interval(theirs, patients)
        row["difference"] = _interval(ours - theirs, patients)
        row["not_labelled"] = int(np.isnan(theirs).sum())
    groups = {name: (low <= sizes) & (sizes <= high) for name, (low, high) in SIZES.items()}
    kinds = np.array([kind_of(record, window) for record in records])
    groups |= {kind: kinds == kind for kind in KINDS}
    for name, chosen in groups.items():
        if chosen.any():
            row[name] = f"{ours[chosen].mean():.3f} of {chosen.sum()}"
    return row


def failures(
    cascade: Cascade, records: Sequence[Record], window: Sequence[float]
) -> dict[str, Any]:
    """How well certainty tells clicks on lesions from failures and from clicks beside lesions,
    where whatever is found is one."""
    beside = [moved for record in records[::2] if (moved := _beside(record)) is not None]
    good, certain = [], []
    for item in predict_records(cascade, [*records, *beside], window):
        if isinstance(item, Failure):
            raise UserError(item.key, found=item.reason, expected="a record that can be measured")
        is_lesion = item.record["consensus"].any()
        good.append(bool(is_lesion) and _dice_of_network(item, cascade) >= 0.5)
        certain.append(certainty(item.alpha, cascade.threshold))
    told, is_good = np.array(certain) < LEAST_CERTAINTY, np.array(good)
    both = is_good.any() and not is_good.all()
    return {
        "shown": "clicks on lesions and beside them",
        "clicks": len(records),
        "beside": len(beside),
        "failed_on_lesions": int(len(records) - sum(good[: len(records)])),
        "auc": round(float(roc_auc_score(is_good, certain)), 3) if both else None,
        "told": f"{(told & ~is_good).sum()} of {(~is_good).sum()} failures, "
        f"{(told & is_good).sum()} of {is_good.sum()} others",
    }


def _beside(record: Record) -> Record | None:
    """The record marked where no reader marked anything within `_BESIDE` pixels; None: nowhere."""
    free = np.all(record["reader_masks"] == 0, axis=-1).astype(np.uint8)
    distance = cv2.distanceTransform(free, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    y, x = np.nonzero(distance >= _BESIDE)
    if not len(x):
        return None
    chosen = lesion_rng(record, 0).integers(len(x))
    empty = np.zeros_like(record["consensus"])
    return {
        **record,
        "mark": np.array([x[chosen], y[chosen]], np.float32),
        "consensus": empty,
    }


def _records(data_dir: str, limit: int) -> list[Record]:
    """The records of the test split that four readers marked, at most `limit`, drawn once."""
    split = load_split(data_dir, "test")
    found: list[Record] = []
    for index in np.random.default_rng(0).permutation(len(split)):
        record = split[int(index)]
        if record["n_readers"] == MAX_READERS:
            found.append(record)
        if len(found) == limit:
            break
    if not found:
        raise UserError(
            f"data_dir={data_dir}",
            found="no test record that four readers marked",
            expected="some",
            remedy="build the lidc data set",
        )
    return found


def _dice_of_network(item: Prediction, cascade: Cascade) -> float:
    native = to_native_crop(item.alpha, cascade.scale, item.record)
    return float(metrics.dice(binarise(native, cascade.threshold), item.record["consensus"] > 0))


def _dice_of_labeller(record: Record, window: Sequence[float], show: Show) -> float:
    """NaN where there are no axes, or none that a trimap can be made of."""
    recist = show(record).recist
    if recist is None:
        return np.nan
    try:
        label = label_from_recist(normalise(record["image"], window), recist, LABEL_SCALE)
    except AnnotationError:
        return np.nan
    native = area_mean(label.alpha, LABEL_SCALE)
    return float(metrics.dice(binarise(native, PAPER_THRESHOLD), record["consensus"] > 0))


def _interval(values: np.ndarray, patients: Sequence[str]) -> str:
    return str(cluster_mean(values, patients))
