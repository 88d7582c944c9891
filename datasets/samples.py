"""A picture of what a prepared data set holds: a few records of each split, all their planes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.records import features as records
from casgan_jax.report.sheet import BLUE, GREEN, ORANGE, PINK, RED, overlay_contour, sheet

_READER_COLOURS = (ORANGE, BLUE, GREEN, PINK)
_MARGIN = 10  # native pixels shown around what may be lesion
_LEAST_FIELD = 40  # native pixels a close-up shows at least


def samples_sheet(data_dir: Path | str, *, per_split: int = 4) -> np.ndarray:
    """Draws evenly spaced records of each split of a prepared data set.

    Args:
      data_dir: the folder of one prepared data set.
      per_split: records of each split.

    Returns:
      (H, W, 3) uint8.
    """
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(data_dir)
    metadata = dict(builder.info.metadata)
    draw = _segmentation_row if metadata["kind"] == "segmentation" else _slice_row
    rows, captions, row_titles, titles = [], [], [], []
    for split in builder.info.splits:
        source = builder.as_data_source(split)
        for index in np.linspace(0, len(source) - 1, min(per_split, len(source))).round():
            record = source[int(index)]
            titles, row, notes = zip(*draw(record, metadata), strict=True)
            rows.append(row)
            captions.append(notes)
            row_titles.append(f"{split}: {record['key'].decode()}")
    return sheet(rows, titles=titles, captions=captions, row_titles=row_titles)


def _segmentation_row(
    record: dict[str, Any], metadata: dict[str, Any]
) -> list[tuple[str, np.ndarray, str]]:
    """(title, picture, caption) of each plane; close-ups all show the same field."""
    scale = metadata["scale"]
    image = _window(record["image"], metadata["window"])
    rows, columns = _field(record["trimap"] > 0, scale)
    fine = (
        slice(rows.start * scale, rows.stop * scale),
        slice(columns.start * scale, columns.stop * scale),
    )
    close = _stretch(image[rows, columns])
    fine_close = close.repeat(scale, axis=0).repeat(scale, axis=1)
    outlined = fine_close
    for reader in range(int(record["n_readers"])):
        mask = record["reader_masks"][rows, columns, reader] > 0
        mask = mask.repeat(scale, axis=0).repeat(scale, axis=1)
        outlined = overlay_contour(outlined, mask, _READER_COLOURS[reader])
    spacing = float(record["spacing_mm"])
    about = [record["kind"].decode()] if "kind" in record else []
    about += [f"{image.shape[1]} px"] + ([f"{spacing:.2f} mm"] if spacing else [])
    side = rows.stop - rows.start
    row = [
        ("image", image, ", ".join(about)),
        ("close-up, contrast stretched", close, f"{side} px"),
        ("readers", outlined, f"{int(record['n_readers'])} readers"),
        (
            "trimap",
            record["trimap"][fine],
            f"{(record['trimap'] == 128).sum() / scale**2:.0f} px unknown",
        ),
    ]
    if "image_high_resolution" in record:
        high = _window(record["image_high_resolution"], metadata["window"])
        row.insert(2, ("high resolution", high[fine], ""))
    for name in ("alpha", "alpha_anchored", "true_alpha"):
        if name in record:
            alpha = records.decode_alpha(record[name])
            row.append((name.replace("_", " "), alpha[fine], f"{alpha.sum() / scale**2:.1f} px"))
    at_half = records.decode_alpha(record["alpha"])[fine] >= 128 / 255
    row.append(("alpha >= 128/255", overlay_contour(fine_close, at_half, RED), ""))
    return row


def _slice_row(
    record: dict[str, Any], metadata: dict[str, Any]
) -> list[tuple[str, np.ndarray, str]]:
    image = _window(record["image"], metadata["window"])
    middle = [slice(n // 2 - n // 8, n // 2 + n // 8) for n in image.shape]
    low, high = metadata["window"]
    spacing = float(record["spacing_mm"])
    return [
        ("image", image, f"window {low:g} to {high:g}"),
        ("centre", image[tuple(middle)], f"{spacing:.2f} mm a pixel" if spacing else ""),
    ]


def _window(image: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    low, high = window
    return ((image.astype(np.float32) - low) / (high - low)).clip(0.0, 1.0)


def _stretch(image: np.ndarray) -> np.ndarray:
    low, high = np.percentile(image, (0.5, 99.5))
    return _window(image, (low, max(high, low + 1e-3))).astype(np.float32)


def _field(mask: np.ndarray, scale: int) -> tuple[slice, slice]:
    """Native rows and columns, equally many, around a mask at `scale` x; inside the image."""
    size = mask.shape[0] // scale
    where = np.argwhere(mask) // scale
    low, high = (where.min(0), where.max(0) + 1) if len(where) else (np.zeros(2), np.full(2, size))
    side = int(min(size, max(_LEAST_FIELD, (high - low).max() + 2 * _MARGIN)))
    starts = [
        int(np.clip((a + b - side) // 2, 0, size - side)) for a, b in zip(low, high, strict=True)
    ]
    return slice(starts[0], starts[0] + side), slice(starts[1], starts[1] + side)
