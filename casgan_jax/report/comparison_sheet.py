"""The paper's comparison sheets: cases beside what readers, labels and the network make of them.

    write_png("figure7.png", readers_sheet(predictions, cascade.threshold))

Every row is a case over its patch. Captions have Dice against the consensus at native resolution.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from casgan_jax import metrics
from casgan_jax.evaluation.case import Prediction, reader_planes, to_native_crop
from casgan_jax.grid import binarise, decode_alpha
from casgan_jax.records.patches import marked_patch
from casgan_jax.report.sheet import BLUE, GREEN, ORANGE, YELLOW, Colour, overlay_contour, sheet

_OUTLINED_SIDE = 256  # pixels; smaller patches are enlarged before they are drawn on

Tile = tuple[str, np.ndarray, str]  # title of the column, picture, caption


def readers_sheet(predictions: Sequence[Prediction], threshold: float) -> np.ndarray:
    """Figure 7: the image, each reader, their 50% consensus, the network's outline and soft mask.

    Args:
      predictions: of records that equally many readers outlined.
      threshold: at which the network's mask is outlined.

    Returns:
      (H, W, 3) uint8.
    """
    return _sheet([_readers_row(item, threshold) for item in predictions])


def softening_sheet(predictions: Sequence[Prediction], threshold: float) -> np.ndarray:
    """Figure 8: the image, the trimap, the soft mask made from it (3.1), the network's soft mask
    and its binary mask, the truth.

    Args and value: as of `readers_sheet`.
    """
    return _sheet([_softening_row(item, threshold) for item in predictions])


def _sheet(rows: Sequence[Sequence[Tile]]) -> np.ndarray:
    titles = [title for title, _, _ in rows[0]]
    pictures = [[picture for _, picture, _ in row] for row in rows]
    captions = [[caption for _, _, caption in row] for row in rows]
    return sheet(pictures, titles=titles, captions=captions)


def _readers_row(item: Prediction, threshold: float) -> list[Tile]:
    patch = len(item.patch)
    readers, consensus = reader_planes(item.record)
    native = _native(item)
    mask = binarise(native, threshold)

    def outlined(title: str, plane: np.ndarray, colour: Colour, *, with_dice: bool = True) -> Tile:
        part = marked_patch({**item.record, "plane": plane}, "plane", patch)
        caption = f"Dice {float(metrics.dice(plane, consensus)):.3f}" if with_dice else ""
        return title, _outline(item.patch, part, colour), caption

    return [
        ("image", item.patch, _name(item)),
        *(outlined(f"reader {i}", reader, BLUE) for i, reader in enumerate(readers, 1)),
        outlined("50% consensus", consensus, GREEN, with_dice=False),
        outlined(f"network at {threshold:.2f}", mask, ORANGE),
        ("soft mask", item.alpha, ""),
    ]


def _softening_row(item: Prediction, threshold: float) -> list[Tile]:
    record, patch = item.record, len(item.patch)
    stored = len(record["alpha"]) // len(record["image"])
    _, consensus = reader_planes(record)
    mask = binarise(_native(item), threshold)
    planes = {**record, "mask": mask, "truth": consensus}
    return [
        ("image", item.patch, _name(item)),
        ("trimap", marked_patch(record, "trimap", patch, scale=stored), ""),
        (
            "soft label (3.1)",
            decode_alpha(marked_patch(record, "alpha", patch, scale=stored)),
            "",
        ),
        ("network's soft mask", item.alpha, ""),
        (
            f"network at {threshold:.2f}",
            marked_patch(planes, "mask", patch),
            f"Dice {float(metrics.dice(mask, consensus)):.3f}",
        ),
        (
            "truth, outlined",
            _outline(item.patch, marked_patch(planes, "truth", patch), YELLOW),
            "",
        ),
    ]


def _native(item: Prediction) -> np.ndarray:
    scale = len(item.alpha) // len(item.patch)
    return to_native_crop(item.alpha, scale, item.record)


def _outline(image: np.ndarray, mask: np.ndarray, colour: Colour) -> np.ndarray:
    enlarge = max(1, _OUTLINED_SIDE // len(image))
    return overlay_contour(image, mask, colour, enlarge=enlarge)


def _name(item: Prediction) -> str:
    key = item.record["key"]
    return key.decode() if isinstance(key, bytes) else str(key)
