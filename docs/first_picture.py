"""Draws docs/first.png: two axes on a slice, the soft mask of the package's network, its outline.

python -m datasets.phantom.example --output=example
python docs/first_picture.py --table=example/lesions.csv --key=phantom-16 --key=phantom-21
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from casgan_jax.annotations import Annotation, read_annotations
from casgan_jax.grid import Box, binarise, normalise
from casgan_jax.images import write_png
from casgan_jax.inference.levels import levels_of, trained_window
from casgan_jax.inference.load import load_cascade
from casgan_jax.inference.predict import predict
from casgan_jax.labelling.lesion import read_lesion
from casgan_jax.report.sheet import BLUE, ORANGE, Colour, as_picture, sheet
from casgan_jax.soft_mask.recist import axis_lengths, measure_axes

_TILE = 320  # pixels
_SIDE = 64  # of the piece of the slice that is drawn, in its pixels
_SHIFT = 4  # fractional bits of points that are drawn
_STRENGTH = 0.75  # of the colour where a soft mask is 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, required=True)
    parser.add_argument("--key", action="append", required=True)
    parser.add_argument("--output", type=Path, default=Path("docs/first.png"))
    given = parser.parse_args()
    lesions = {one.key: one for one in read_annotations(given.table).annotations}
    rows = [_row(lesions[key]) for key in given.key]
    titles = ("two axes", "soft mask", "its outline")
    write_png(given.output, sheet(rows, titles=titles, tile=_TILE))


def _row(one: Annotation) -> list[np.ndarray]:
    """A row of the sheet."""
    lesion, system = read_lesion(one), load_cascade("pretrained")
    assert lesion.recist is not None and lesion.spacing_mm is not None, "a lesion with axes, in mm"
    x, y = lesion.mark.tolist()
    levels = levels_of(system, lesion.values, (x, y), trained=trained_window(system), given=None)
    found = predict(system, lesion.values, (x, y), window=levels, recist=lesion.recist)
    box = Box.centred((x, y), _SIDE).inside(lesion.values.shape)
    crop = _enlarged(box.crop(as_picture(normalise(lesion.values, lesion.window))))
    soft = _enlarged(box.crop(found.alpha))[..., None]
    share = _STRENGTH * soft
    blended = np.rint(crop * (1 - share) + share * np.array(ORANGE)).astype(np.uint8)
    measured = measure_axes(found.alpha, system.threshold)
    outlined = _drawn(crop, _outlines(soft[..., 0], system.threshold), ORANGE)
    return [
        _axes(crop, lesion.recist, box, lesion.spacing_mm, BLUE),
        blended,
        _axes(outlined, measured, box, lesion.spacing_mm, ORANGE),
    ]


def _axes(
    picture: np.ndarray,
    recist: np.ndarray,
    box: Box,
    spacing_mm: tuple[float, float],
    colour: Colour,
) -> np.ndarray:
    """The picture with both axes, and their lengths in mm below."""
    lines = list(_tile_points(recist.reshape(2, 2, 2) - np.array(box.corner)))
    made = _drawn(picture, lines, colour)
    long, short = axis_lengths(recist, spacing_mm)
    cv2.rectangle(made, (0, _TILE - 30), (150, _TILE), (0, 0, 0), cv2.FILLED)
    text = f"{long:.1f} x {short:.1f} mm"
    cv2.putText(
        made, text, (8, _TILE - 9), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (255,) * 3, 1, cv2.LINE_AA
    )
    return made


def _outlines(soft: np.ndarray, threshold: float) -> list[np.ndarray]:
    """Closed lines around the lesion, in pixels of the tile."""
    mask = binarise(soft, threshold).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return [np.concatenate([one[:, 0], one[:1, 0]]).astype(float) for one in contours]


def _tile_points(points: np.ndarray) -> np.ndarray:
    enlarge = _TILE / _SIDE
    return (points + 0.5) * enlarge - 0.5


def _drawn(picture: np.ndarray, lines: list[np.ndarray], colour: Colour) -> np.ndarray:
    made = picture.copy()
    points = [np.rint(line * 2**_SHIFT).astype(np.int32) for line in lines]
    cv2.polylines(made, points, False, colour, 2, cv2.LINE_AA, _SHIFT)
    return made


def _enlarged(picture: np.ndarray) -> np.ndarray:
    return cv2.resize(picture, (_TILE, _TILE), interpolation=cv2.INTER_CUBIC).clip(
        0, 255 if picture.ndim == 3 else 1
    )


if __name__ == "__main__":
    main()
