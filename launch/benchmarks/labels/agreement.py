"""How label strategies agree with readers, on slices that four readers marked (docs/labels.md).

Of each strategy: mean Dice of the label, averaged down to native pixels, with the 50% consensus,
at 128/255 and at its best threshold; mean Dice of a label made from three readers with the one
left out; and the edge ratio, the image's mean gradient on the label's outline at 128/255, relative
to that in the whole band where readers may disagree (1: the outline ignores the image).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import cv2
import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.records.patches import normalise
from casgan_jax.records.prepared import feature_names, load_split, read_metadata
from casgan_jax.soft_mask.label import THRESHOLD, binarise, label_from_readers, readers_prior
from casgan_jax.soft_mask.trimap import AnnotationError, marked_readers, trimap_from_readers

THRESHOLDS = np.arange(5, 100, 2.5) / 100
SCALE = 4


class Slice(NamedTuple):
    """image: (H, W) float32 in [0, 1]; readers: (H, W, 4) bool; left_out: one of them."""

    image: np.ndarray
    readers: np.ndarray
    left_out: int
    patient: str


Strategy = Callable[[np.ndarray, np.ndarray], np.ndarray]  # image, readers -> alpha at r x native


def _share(image: np.ndarray, readers: np.ndarray) -> np.ndarray:
    return marked_readers(readers, SCALE).mean(axis=2, dtype=np.float32)


def _vote(image: np.ndarray, readers: np.ndarray) -> np.ndarray:
    return (_share(image, readers) >= 0.5).astype(np.float32)


def _prior(image: np.ndarray, readers: np.ndarray) -> np.ndarray:
    return readers_prior(readers, scale=SCALE)


def _matted(image: np.ndarray, readers: np.ndarray, **options: Any) -> np.ndarray:
    return label_from_readers(image, readers, SCALE, **options).alpha


def _denoised(image: np.ndarray, readers: np.ndarray, sigma: float) -> np.ndarray:
    return _matted(cv2.GaussianBlur(image, (0, 0), sigma), readers)


def _half_matted(image: np.ndarray, readers: np.ndarray) -> np.ndarray:
    return (_matted(image, readers) + _share(image, readers)) / 2


def strategies() -> dict[str, Strategy]:
    partial = functools.partial
    anchored = partial(partial, _matted, strategy="anchored")
    return {
        "readers' vote": _vote,
        "readers' share": _share,
        "prior (share + vote) / 2": _prior,
        "matting": _matted,
        "matting, epsilon 1e-5": partial(_matted, epsilon=1e-5),
        "matting, epsilon 1e-3": partial(_matted, epsilon=1e-3),
        "matting, image blurred by 1 px": partial(_denoised, sigma=1.0),
        "(matting + share) / 2": _half_matted,
        "anchored, weight 0.1": anchored(prior_weight=0.1),
        "anchored, weight 0.3": anchored(prior_weight=0.3),
        "anchored, weight 1": anchored(prior_weight=1.0),
        "anchored, weight 3": anchored(prior_weight=3.0),
    }


def rows(data_dir: str, limit: int) -> Iterator[dict[str, Any]]:
    """Yields one row a strategy, on at most `limit` slices of a prepared data set.

    Raises:
      UserError: none of its records has four readers.
    """
    slices, unusable = _slices(data_dir, limit)
    sample = {
        "slices": len(slices),
        "patients": len({each.patient for each in slices}),
        "without_common_pixel": unusable,
    }
    for name, strategy in strategies().items():
        yield {"label": name, **measure(strategy, slices), **sample}


def measure(strategy: Strategy, slices: list[Slice]) -> dict[str, float]:
    """Means over slices of the four numbers of the module's docstring."""
    curves, at_paper, held_out, edges = [], [], [], []
    for image, readers, left_out, _ in slices:
        alpha = strategy(image, readers)
        native = average_down(alpha)
        consensus = readers.mean(axis=2) >= 0.5
        curves.append([dice(binarise(native, t), consensus) for t in THRESHOLDS])
        at_paper.append(dice(binarise(native, THRESHOLD), consensus))
        rest = average_down(strategy(image, np.delete(readers, left_out, axis=2)))
        held_out.append(dice(binarise(rest, THRESHOLD), readers[..., left_out]))
        edges.append(_edge_ratio(image, readers, alpha))
    mean = np.mean(curves, axis=0)
    return {
        "dice_at_128": round(float(np.mean(at_paper)), 4),
        "best_dice": round(float(mean.max()), 4),
        "best_threshold": round(float(THRESHOLDS[mean.argmax()]), 3),
        "dice_left_out_reader": round(float(np.mean(held_out)), 4),
        "edge_ratio": round(float(np.mean(edges)), 3),
    }


def average_down(alpha: np.ndarray) -> np.ndarray:
    size = (alpha.shape[1] // SCALE, alpha.shape[0] // SCALE)
    return cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)


def _slices(data_dir: str, limit: int) -> tuple[list[Slice], int]:
    """Up to `limit` slices with four readers of the training split, in an order drawn once."""
    features = ("image", "reader_masks", "n_readers", "patient")
    absent = set(features) - feature_names(data_dir)
    if absent:
        raise UserError(
            f"data_dir={data_dir}",
            found=f"no {sorted(absent)[0]} in its records",
            expected="a data set of several readers such as lidc",
        )
    window = read_metadata(data_dir)["window"]
    records = load_split(data_dir, "train", features=features)
    rng = np.random.default_rng(0)
    found, unusable = [], 0
    for index in rng.permutation(len(records)):
        record = records[int(index)]
        if record["n_readers"] != 4:
            continue
        readers = record["reader_masks"] > 0
        left_out = int(rng.integers(4))
        try:
            trimap_from_readers(readers, scale=SCALE)
        except AnnotationError:
            unusable += 1
            continue
        box = _around(readers.any(axis=2))
        image = normalise(record["image"], window)[box]
        found.append(Slice(image, readers[box], left_out, record["patient"].decode()))
        if len(found) == limit:
            break
    if not found:
        raise UserError(
            f"data_dir={data_dir}",
            found="no training record that four readers marked",
            expected="some",
            remedy="build the lidc data set",
        )
    return found, unusable


def _around(mask: np.ndarray, margin: int = 8) -> tuple[slice, slice]:
    """The part of the slice that labels differ in, for speed."""
    spans = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    rows, columns = (slice(max(hits[0] - margin, 0), hits[-1] + margin + 1) for hits in spans)
    return rows, columns


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2.0 * float((a & b).sum()) / max(1, int(a.sum()) + int(b.sum()))


def _edge_ratio(image: np.ndarray, readers: np.ndarray, alpha: np.ndarray) -> float:
    fine = cv2.resize(image, alpha.shape[::-1], interpolation=cv2.INTER_LINEAR)
    smooth = cv2.GaussianBlur(fine, (0, 0), SCALE / 2)
    gradient = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    disputed = (trimap_from_readers(readers, scale=SCALE) == 128).astype(np.uint8)
    band = cv2.dilate(disputed, np.ones((2 * SCALE + 1,) * 2, np.uint8)) > 0
    shape = binarise(alpha, THRESHOLD).astype(np.uint8)
    outline = cv2.morphologyEx(shape, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    if not band.any() or not outline.any():
        return 1.0
    return float(gradient[outline].mean() / max(gradient[band].mean(), 1e-9))
