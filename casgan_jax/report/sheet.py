"""Picture sheets: tiles in rows with short captions, contours over an image, coloured errors.

    rows = [[image, overlay_contour(image, mask, GREEN), alpha], ...]
    write_png("sheet.png", sheet(rows, titles=["image", "readers", "alpha"]))

Pictures are (H, W, 3) uint8 RGB.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from casgan_jax.grid import encode_alpha

Colour = tuple[int, int, int]

# Told apart by colour-blind readers too (Okabe and Ito's palette).
ORANGE: Colour = (230, 159, 0)
BLUE: Colour = (86, 180, 233)
GREEN: Colour = (0, 158, 115)
YELLOW: Colour = (240, 228, 66)
RED: Colour = (213, 94, 0)
PINK: Colour = (204, 121, 167)

# What `colour_error` shows, for the note of a sheet.
ERROR_COLOURS = "error: orange where the prediction is too high, blue where it is too low"

_PAPER = 24  # grey level between the tiles
_LETTER_HEIGHT = 16  # pixels a line of text takes


def sheet(
    rows: Sequence[Sequence[np.ndarray]],
    *,
    titles: Sequence[str] = (),
    captions: Sequence[Sequence[str]] = (),
    row_titles: Sequence[str] = (),
    note: str = "",
    tile: int = 192,
    gap: int = 4,
) -> np.ndarray:
    """Tiles pictures into one.

    Args:
      rows: pictures, row by row; each (H, W) or (H, W, 3), bool, uint8, or float in [0, 1]. Rows
        may differ in length.
      titles: one above each column.
      captions: one under each picture, as nested as `rows`; "" for none.
      row_titles: one above each row, at the left.
      note: a line below all of them, at the left.
      tile: side of the square each picture is fitted into; small ones are enlarged without
        smoothing, so that their pixels are seen.
      gap: pixels between tiles.

    Returns:
      (H, W, 3) uint8.

    Raises:
      ValueError: no picture, or a picture of another shape, type or range.
    """
    if not rows or not any(rows):
        raise ValueError("rows: found no picture, expected at least one")
    bands = []
    width = max(len(row) for row in rows) * (tile + gap) + gap
    if titles:
        bands.append(_text_band(titles, tile, gap, width))
    for index, row in enumerate(rows):
        if row_titles:
            bands.append(np.full((2 * gap, width, 3), _PAPER, np.uint8))
            bands.append(_text_band([row_titles[index]], width, gap, width))
        band = np.full((tile + gap, width, 3), _PAPER, np.uint8)
        for column, picture in enumerate(row):
            left = gap + column * (tile + gap)
            band[:tile, left : left + tile] = fitted(as_picture(picture), tile)
        bands.append(band)
        if captions and any(captions[index]):
            bands.append(_text_band(captions[index], tile, gap, width))
    if note:
        bands.append(_text_band([note], width, gap, width))
    bands.insert(0, np.full((gap, width, 3), _PAPER, np.uint8))
    return np.concatenate(bands)


def as_picture(picture: np.ndarray) -> np.ndarray:
    """(H, W) or (H, W, 3), bool, uint8 or float in [0, 1] -> (H, W, 3) uint8.

    Raises:
      ValueError: another shape or type, or floats outside [0, 1].
    """
    picture = np.asarray(picture)
    if picture.ndim == 2:
        picture = np.repeat(picture[..., None], 3, axis=2)
    if picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"picture: found shape {picture.shape}, expected (H, W) or (H, W, 3)")
    if picture.dtype == np.bool_:
        return picture.astype(np.uint8) * np.uint8(255)
    if picture.dtype.kind == "f":
        if not (
            np.isfinite(picture).all() and picture.min() >= -1e-6 and picture.max() <= 1 + 1e-6
        ):
            raise ValueError(
                f"picture: found floats in [{picture.min()}, {picture.max()}], expected [0, "
                "1]; window or clip them"
            )
        return encode_alpha(picture.clip(0.0, 1.0))
    if picture.dtype != np.uint8:
        raise ValueError(f"picture: found type {picture.dtype}, expected bool, uint8 or float")
    return picture


def overlay_contour(
    image01: np.ndarray, mask: np.ndarray, colour: Colour, *, enlarge: int = 1
) -> np.ndarray:
    """Draws the outline of a binary mask over an image, along the edges of its pixels.

    Args:
      image01: (H, W) or (H, W, 3), as for `sheet`.
      mask: (H, W) bool; threshold soft masks first.
      colour: RGB.
      enlarge: factor both are enlarged by first, for thin lines on small images.

    Returns:
      (enlarge * H, enlarge * W, 3) uint8.

    Raises:
      ValueError: the mask is not bool or has another size than the image.
    """
    import cv2

    mask = np.asarray(mask)
    if mask.dtype != np.bool_ or mask.shape != image01.shape[:2]:
        raise ValueError(
            f"mask: found shape {mask.shape} and type {mask.dtype}, expected "
            f"{image01.shape[:2]} and bool"
        )
    picture = _enlarge(as_picture(image01), enlarge).copy()
    contours, _ = cv2.findContours(
        _enlarge(mask.astype(np.uint8), enlarge), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
    )
    cv2.drawContours(picture, contours, -1, colour, 1)
    return picture


def colour_error(pred: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Where two soft masks differ: orange where `pred` is too high, blue where too low, grey where
    both agree.

    Args:
      pred: (H, W) in [0, 1].
      truth: (H, W) in [0, 1].

    Returns:
      (H, W, 3) uint8.

    Raises:
      ValueError: the shapes differ.
    """
    pred, truth = np.asarray(pred, np.float32), np.asarray(truth, np.float32)
    if pred.shape != truth.shape:
        raise ValueError(f"pred: found shape {pred.shape}, expected the truth's {truth.shape}")
    shared = 90.0 * np.minimum(pred, truth)[..., None]
    over = np.maximum(pred - truth, 0.0)[..., None] * np.asarray(ORANGE, np.float32)
    under = np.maximum(truth - pred, 0.0)[..., None] * np.asarray(BLUE, np.float32)
    return np.round(shared + over + under).clip(0, 255).astype(np.uint8)


def _enlarge(picture: np.ndarray, factor: int) -> np.ndarray:
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def fitted(picture: np.ndarray, tile: int) -> np.ndarray:
    """A picture (H, W, 3) in a square of that side, centred, with its proportions kept."""
    import cv2

    height, width = picture.shape[:2]
    factor = tile / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_NEAREST
    square = np.full((tile, tile, 3), _PAPER, np.uint8)
    top, left = (tile - size[1]) // 2, (tile - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = cv2.resize(
        picture, size, interpolation=how
    )
    return square


def _text_band(texts: Sequence[str], tile: int, gap: int, width: int) -> np.ndarray:
    """One line of text, each text cut to its tile."""
    import cv2

    band = np.full((_LETTER_HEIGHT, width, 3), _PAPER, np.uint8)
    for column, text in enumerate(texts):
        cell = np.full((_LETTER_HEIGHT, tile, 3), _PAPER, np.uint8)
        cv2.putText(
            cell, text, (1, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (230, 230, 230), 1, cv2.LINE_AA
        )
        left = gap + column * (tile + gap)
        stop = min(left + tile, width)
        band[:, left:stop] = cell[:, : stop - left]
    return band
