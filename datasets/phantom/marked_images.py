"""Phantom images with the marks that people draw, as files: PNG images, masks and a table."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from casgan_jax.files import make_folder, write_whole
from casgan_jax.images import write_png
from datasets.outcomes import Skip
from datasets.phantom.builder import Source, make_record
from datasets.phantom.lesion import KINDS
from datasets.task import Record

_OFFSET = -32768  # HU = stored value + _OFFSET
STRATEGIES = ("recist", "readers", "mask")
_COLUMNS = ("key", "image", "recist", "mask", "reader_masks", "spacing_mm", "hu_offset")


def write_example(folder: Path, lesions: int, seed: int) -> Path:
    """Writes images, masks and lesions.csv; returns the table's path.

    Raises:
      UserError: the folder cannot be made or written to.
    """
    make_folder(folder, field="output")
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for index in range(lesions):
        record = make_record(Source(seed, index))
        if not isinstance(record, Skip):
            # The kinds of phantoms come in turns, too: each is to get marks of every kind.
            strategy = STRATEGIES[(index + index // len(KINDS)) % len(STRATEGIES)]
            writer.writerow(_write_lesion(folder, f"phantom-{index:02d}", strategy, record))
    return write_whole(folder / "lesions.csv", text.getvalue().encode())


def _write_lesion(folder: Path, key: str, strategy: str, record: Record) -> dict[str, object]:
    """Writes the image and the marks of a lesion; returns its line."""
    image = write_png(folder / f"{key}.png", (record["image"].astype(int) - _OFFSET).astype("u2"))
    line = {
        "key": key,
        "image": image.name,
        "spacing_mm": f"{record['spacing_mm']:.6g}",
        "hu_offset": _OFFSET,
    }
    if strategy == "recist":
        return line | {"recist": ",".join(f"{x:.2f}" for x in record["recist"])}
    masks = [
        write_png(folder / f"{key}_reader-{number}.png", mask).name
        for number, mask in enumerate(np.moveaxis(record["reader_masks"], 2, 0))
        if mask.any()
    ]
    return line | ({"mask": masks[0]} if strategy == "mask" else {"reader_masks": ";".join(masks)})
