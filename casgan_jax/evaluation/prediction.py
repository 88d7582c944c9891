"""What a system makes of prepared records: a soft mask of each, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.evaluation.looking import Cascade, Lesion, soft_masks
from casgan_jax.evaluation.marks import Show, by_click
from casgan_jax.evaluation.planes import plain_value
from casgan_jax.grid import Box, normalise
from casgan_jax.records.checks import check_planes
from casgan_jax.records.neighbours import shown_neighbours
from casgan_jax.records.patches import marked_box
from casgan_jax.soft_mask.mark_planes import Marks


class Prediction(NamedTuple):
    """A record with what the cascade made of its marked patch."""

    record: Mapping[str, Any]
    patch: np.ndarray  # (P, P) float32 in [0, 1] around the mark
    alpha: np.ndarray  # (r P, r P) float32 in [0, 1]
    image: np.ndarray  # (H, W) float32 in [0, 1], all that the record has
    box: Box  # of the patch in the image


class Failure(NamedTuple):
    """A record that could not be evaluated, and why."""

    key: str
    reason: str


def predict_records(
    cascade: Cascade,
    records: Sequence[Mapping[str, Any]],
    window: Sequence[float],
    *,
    show: Show = by_click,
    batch_size: int = 64,
) -> Iterator[Prediction | Failure]:
    """The cascade's soft mask of every record's marked patch, in the order of the records.

    Args:
      cascade: the trained system.
      records: decoded.
      window: source values that map to 0 and 1.
      show: which marks of each record a system that sees marks is shown.
      batch_size: patches given to the cascade at once.
    """
    for start in range(0, len(records), batch_size):
        indices = range(start, min(start + batch_size, len(records)))
        prepared = [_prepare(records, i, cascade, window, show) for i in indices]
        lesions = [item.lesion for item in prepared if isinstance(item, _Input)]
        alphas = iter(soft_masks(cascade, lesions))
        for item in prepared:
            yield item if isinstance(item, Failure) else _output(item, next(alphas))


def failure_of(record: Mapping[str, Any], error: Exception) -> Failure:
    """What is said of a record that an error kept from being evaluated."""
    reason = f"missing field {error}" if isinstance(error, KeyError) else str(error)
    return Failure(plain_value(record["key"]), reason)


class _Input(NamedTuple):
    record: Mapping[str, Any]
    lesion: Lesion


def _prepare(
    records: Sequence[Mapping[str, Any]],
    index: int,
    cascade: Cascade,
    window: Sequence[float],
    show: Show,
) -> _Input | Failure:
    record: Mapping[str, Any] = {"key": f"record {index}"}
    try:
        record = records[index]
        check_planes({name: np.shape(value) for name, value in record.items()})
        image, box = normalise(record["image"], window), marked_box(record, cascade.patch)
        if not np.isfinite(box.crop(image)).all():
            raise UserError(
                "image",
                found="NaN or Inf",
                expected="finite values",
                remedy="rebuild the data set",
            )
        marks = show(record) if cascade.mark_kinds else Marks()
        beside = None
        if cascade.neighbours:
            beside = shown_neighbours(record, window, cascade.neighbours)
    except (KeyError, OSError, ValueError) as error:
        return failure_of(record, error)
    return _Input(record, Lesion(image, box, marks, beside))


def _output(item: _Input, alpha: np.ndarray) -> Prediction | Failure:
    if not np.isfinite(alpha).all() or alpha.min() < 0.0 or alpha.max() > 1.0:
        return Failure(
            plain_value(item.record["key"]),
            f"prediction: found values in [{alpha.min()}, {alpha.max()}], expected finite ones in "
            "[0, 1]",
        )
    image, box = item.lesion.image, item.lesion.box
    return Prediction(item.record, box.crop(image), np.asarray(alpha, np.float32), image, box)
