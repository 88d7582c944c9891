"""A picture of what a prepared data set holds: a few records of each split, all their planes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.errors import counted
from casgan_jax.grid import PAPER_THRESHOLD, Box, binarise, decode_alpha, normalise
from casgan_jax.report.scale_bar import with_scale_bar
from casgan_jax.report.sheet import BLUE, GREEN, ORANGE, PINK, RED, overlay_contour, sheet

_READER_COLOURS = (ORANGE, BLUE, GREEN, PINK)
_MARGIN = 10  # native pixels shown around what may be lesion
_TILE = 192  # pixels, of the sheet
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
    draw = _ROWS[metadata["kind"]]
    rows, captions, row_titles, titles = [], [], [], []
    for split in builder.info.splits:
        source = builder.as_data_source(split)
        for index in np.linspace(0, len(source) - 1, min(per_split, len(source))).round():
            record = source[int(index)]
            titles, row, notes = zip(*draw(record, metadata), strict=True)
            rows.append(row)
            captions.append(notes)
            row_titles.append(f"{split}: {record['key'].decode()}")
    return sheet(rows, titles=titles, captions=captions, row_titles=row_titles, tile=_TILE)


def _segmentation_row(
    record: dict[str, Any], metadata: dict[str, Any]
) -> list[tuple[str, np.ndarray, str]]:
    """(title, picture, caption) of each plane; close-ups all show the same field."""
    scale = metadata["scale"]
    image = normalise(record["image"], metadata["window"])
    box = _field(record["trimap"] > 0, scale)
    fine = box.scaled(scale)
    close = _stretch(box.crop(image))
    fine_close = close.repeat(scale, axis=0).repeat(scale, axis=1)
    outlined = fine_close
    for reader in range(int(record["n_readers"])):
        mask = box.crop(record["reader_masks"])[..., reader] > 0
        mask = mask.repeat(scale, axis=0).repeat(scale, axis=1)
        outlined = overlay_contour(outlined, mask, _READER_COLOURS[reader])
    spacing = float(record["spacing_mm"])
    about = [record["kind"].decode()] if "kind" in record else []
    about += [f"{image.shape[1]} px"] + ([f"{spacing:.2f} mm"] if spacing else [])
    row = [
        ("image", with_scale_bar(image, spacing, tile=_TILE), ", ".join(about)),
        ("close-up, contrast stretched", with_scale_bar(close, spacing, tile=_TILE), ""),
        ("readers", outlined, counted(int(record["n_readers"]), "reader")),
        (
            "trimap",
            fine.crop(record["trimap"]),
            f"{(record['trimap'] == 128).sum() / scale**2:.0f} px unknown",
        ),
    ]
    if "image_high_resolution" in record:
        high = normalise(record["image_high_resolution"], metadata["window"])
        row.insert(2, ("high resolution", fine.crop(high), ""))
    for name in ("alpha", "alpha_anchored", "true_alpha"):
        if name in record:
            alpha = decode_alpha(record[name])
            row.append(
                (name.replace("_", " "), fine.crop(alpha), f"{alpha.sum() / scale**2:.1f} px")
            )
    at_half = binarise(decode_alpha(fine.crop(record["alpha"])), PAPER_THRESHOLD)
    row.append(("alpha >= 128/255", overlay_contour(fine_close, at_half, RED), ""))
    return row


def _slice_row(
    record: dict[str, Any], metadata: dict[str, Any]
) -> list[tuple[str, np.ndarray, str]]:
    image = normalise(record["image"], metadata["window"])
    middle = [slice(n // 2 - n // 8, n // 2 + n // 8) for n in image.shape]
    low, high = metadata["window"]
    spacing = float(record["spacing_mm"])
    return [
        ("image", with_scale_bar(image, spacing, tile=_TILE), f"window {low:g} to {high:g}"),
        ("centre", image[tuple(middle)], f"{spacing:.2f} mm a pixel" if spacing else ""),
    ]


def _volume_row(
    record: dict[str, Any], metadata: dict[str, Any]
) -> list[tuple[str, np.ndarray, str]]:
    """The first, the largest and the last slice of a lesion, outlined."""
    marked = np.flatnonzero(record["consensus"].any(axis=(1, 2)))
    largest = int((record["consensus"] > 0).sum(axis=(1, 2)).argmax())
    step, side, _ = (float(mm) for mm in record["spacing_mm"])
    told = counted(len(record["image"]), "slice") + f", {step:g} mm apart" * bool(step)
    row = []
    for title, index in (("first", marked[0]), ("largest", largest), ("last", marked[-1])):
        image = normalise(record["image"][index], metadata["window"])
        outlined = overlay_contour(image, record["consensus"][index] > 0, ORANGE)
        row.append((f"{title} slice", with_scale_bar(outlined, side, tile=_TILE), told))
    return row


_ROWS = {
    "segmentation": _segmentation_row,
    "super_resolution": _slice_row,
    "volumes": _volume_row,
}


def _stretch(image: np.ndarray) -> np.ndarray:
    low, high = np.percentile(image, (0.5, 99.5))
    return normalise(image, (low, max(high, low + 1e-3)))


def _field(mask: np.ndarray, scale: int) -> Box:
    """The native square around a mask at `scale` x; inside the image."""
    shape = (mask.shape[0] // scale, mask.shape[1] // scale)
    fine = Box.around(mask) if mask.any() else Box.of(mask.shape)
    side = max(_LEAST_FIELD, -(-max(fine.shape) // scale) + 2 * _MARGIN)
    middle = [
        (first + last - scale) / (2 * scale)
        for first, last in ((fine.left, fine.right), (fine.top, fine.bottom))
    ]
    return Box.centred(middle, min(*shape, side)).inside(shape)
