"""The paper's comparison sheets: cases beside what readers, labels and the network make of them.

    write_png("figure7.png", readers_sheet(cases))

Every row is a case over its patch. Captions have Dice against the consensus at native resolution.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from casgan_jax.evaluation.compared import ComparedCase
from casgan_jax.report.sheet import BLUE, GREEN, ORANGE, YELLOW, Colour, overlay_contour, sheet

_OUTLINED_SIDE = 256  # pixels; smaller patches are enlarged before they are drawn on

Tile = tuple[str, np.ndarray, str]  # title of the column, picture, caption


def readers_sheet(cases: Sequence[ComparedCase]) -> np.ndarray:
    """Figure 7: the image, each reader, their 50% consensus, the network's outline and soft mask.

    Args:
      cases: that equally many readers outlined.

    Returns:
      (H, W, 3) uint8.
    """
    return _sheet([_readers_row(case) for case in cases])


def softening_sheet(cases: Sequence[ComparedCase]) -> np.ndarray:
    """Figure 8: the image, the trimap, the soft mask made from it (3.1), the network's soft mask
    and its binary mask, the truth.

    Args and value: as of `readers_sheet`.
    """
    return _sheet([_softening_row(case) for case in cases])


def _sheet(rows: Sequence[Sequence[Tile]]) -> np.ndarray:
    titles = [title for title, _, _ in rows[0]]
    pictures = [[picture for _, picture, _ in row] for row in rows]
    captions = [[caption for _, _, caption in row] for row in rows]
    return sheet(pictures, titles=titles, captions=captions)


def _readers_row(case: ComparedCase) -> list[Tile]:
    readers = [
        (f"reader {i}", _outlined(case, one.mask, BLUE), _dice(one.dice))
        for i, one in enumerate(case.readers, 1)
    ]
    return [
        ("image", case.patch, case.key),
        *readers,
        ("50% consensus", _outlined(case, case.consensus, GREEN), ""),
        (_at(case), _outlined(case, case.network.mask, ORANGE), _dice(case.network.dice)),
        ("soft mask", case.alpha, ""),
    ]


def _softening_row(case: ComparedCase) -> list[Tile]:
    return [
        ("image", case.patch, case.key),
        ("trimap", case.trimap, ""),
        ("soft label (3.1)", case.label, ""),
        ("network's soft mask", case.alpha, ""),
        (_at(case), case.network.mask, _dice(case.network.dice)),
        ("truth, outlined", _outlined(case, case.consensus, YELLOW), ""),
    ]


def _outlined(case: ComparedCase, mask: np.ndarray, colour: Colour) -> np.ndarray:
    enlarge = max(1, _OUTLINED_SIDE // len(case.patch))
    return overlay_contour(case.patch, mask, colour, enlarge=enlarge)


def _at(case: ComparedCase) -> str:
    return f"network at {case.threshold:.2f}"


def _dice(value: float) -> str:
    return f"Dice {value:.3f}"
