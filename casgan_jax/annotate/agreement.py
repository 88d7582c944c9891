"""How well readers agree on the lesions that two of them accepted.

    rows = agreement([Workplace(sources, store, reader=name) for name in store.readers()])
    write_agreement(Path("labels"), rows)

Lesions of readers belong together by their key: those of a table and the first one on an image are
the same for all, others are numbered by each reader's own order.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.annotate.workplace import Workplace
from casgan_jax.files import write_whole
from casgan_jax.grid import Box, area_mean, binarise
from casgan_jax.labelling.label import LesionLabel
from casgan_jax.metrics import dice

FILE = "agreement.csv"
COLUMNS = (
    "key",
    "first",  # reader
    "second",
    "dice",  # of the soft masks at the threshold
    "soft_difference_px",  # sum of |difference| of the soft masks, in pixels of the image
    "long_difference_mm",  # second minus first, of the measured axes
    "short_difference_mm",
    "note",
)


def agreement(places: Sequence[Workplace]) -> list[dict[str, Any]]:
    """A row for each lesion and pair of readers who accepted it, {column: value}.

    Raises:
      UserError: an image cannot be read any more.
    """
    keys = dict.fromkeys(key for place in places for key in place.items)
    return [row for key in keys for row in _of_lesion(key, places)]


def write_agreement(folder: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Writes agreement.csv; returns its path.

    Raises:
      UserError: it cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return write_whole(folder / FILE, text.getvalue().encode())


def _of_lesion(key: str, places: Sequence[Workplace]) -> Iterator[dict[str, Any]]:
    accepted = [place for place in places if place.state(key).decision == "accepted"]
    for one, other in itertools.combinations(accepted, 2):
        row: dict[str, Any] = {"key": key, "first": one.reader, "second": other.reader}
        if _where(one, key) != _where(other, key):
            yield row | {"dice": 0.0, "note": "on different slices"}
            continue
        first, second = one.label(key), other.label(key)
        assert first is not None and second is not None, "what is accepted has a soft mask"
        yield row | _compared(first, second)


def _where(place: Workplace, key: str) -> tuple[str, int]:
    return place.item(key).picture.name, place.slice(key)


def _compared(first: LesionLabel, second: LesionLabel) -> dict[str, Any]:
    box, scale = first.box.joined(second.box), min(first.scale, second.scale)
    a, b = (_within(box, label, scale) for label in (first, second))
    masks = binarise(a, first.threshold), binarise(b, second.threshold)
    row: dict[str, Any] = {
        "dice": round(float(dice(*masks)), 4),
        "soft_difference_px": round(float(np.abs(a - b).sum()) / scale**2, 2),
    }
    if first.diameters_mm and second.diameters_mm:
        long, short = np.subtract(second.diameters_mm, first.diameters_mm).tolist()
        row |= {"long_difference_mm": round(long, 2), "short_difference_mm": round(short, 2)}
    return row


def _within(box: Box, label: LesionLabel, scale: int) -> np.ndarray:
    """The soft mask at a scale that is a divisor of its own, in a box that holds its own."""
    alpha = area_mean(label.alpha, label.scale // scale)
    height, width = (scale * side for side in box.shape)
    return label.box.within(box).scaled(scale).paste(alpha, (height, width))
