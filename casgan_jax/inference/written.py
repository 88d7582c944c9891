"""What is written of a predicted lesion: soft mask, binary mask, and a picture for the eye."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from casgan_jax.evaluation.certainty import agreement_with_axes, certainty, doubt
from casgan_jax.grid import binarise, encode_alpha
from casgan_jax.images import write_npy, write_png
from casgan_jax.inference.predict import Prediction
from casgan_jax.labelling.outlines import draw_outlines, outlines_of
from casgan_jax.report.sheet import ORANGE, overlay_contour, sheet

_TILE = 384  # pixels


class Written(NamedTuple):
    """What was written of a lesion.

    Attributes:
      threshold: that made the binary mask.
      area_px: the sum of the soft mask, in pixels.
      pixels_at_threshold: of the binary mask.
      cut_off: the lesion reaches the patch's border: what lies beyond was not looked at.
      files: all of them.
      certainty: of the mask, 0 to 1 (`casgan_jax.evaluation.certainty`).
      axes_agreement: how well the mask's own axes agree with those that it was shown, 0 to 1
        (`recist_agreement`); None where it was shown none.
      measured_recist: the mask's own axes, 8 numbers in pixels of the image; None where nothing
        reaches the threshold.
    """

    threshold: float
    area_px: float
    pixels_at_threshold: int
    cut_off: bool
    files: tuple[str, ...]
    certainty: float
    axes_agreement: float | None = None
    measured_recist: tuple[float, ...] | None = None

    @property
    def warning(self) -> str:
        """Why the mask is to be looked at; "" where nothing is wrong."""
        return doubt(self.certainty, self.axes_agreement)


def write_prediction(
    folder: Path,
    name: str,
    image01: np.ndarray,
    prediction: Prediction,
    *,
    threshold: float,
    recist: np.ndarray | None = None,
) -> Written:
    """Writes soft mask, binary mask and overlay.

    NAME_alpha.png and NAME_alpha.npy hold the soft mask on the image's grid (8-bit and float32),
    NAME_alpha_xR.png the patch r times as fine, NAME_mask.png the binary mask (0 / 255) at
    `threshold`, NAME_overlay.png a picture for the eye.

    Args:
      image01: (H, W) the image in [0, 1].
      prediction: of `Prediction.as_stored`.
      threshold: that makes a binary mask of the soft one.
      recist: (8,) the lesion's axes in pixels of the image, if they were shown.
    """
    mask = binarise(prediction.alpha, threshold)
    scale = len(prediction.fine_alpha) // len(prediction.patch)
    files = [
        write_png(folder / f"{name}_alpha.png", encode_alpha(prediction.alpha)),
        write_png(folder / f"{name}_alpha_x{scale}.png", encode_alpha(prediction.fine_alpha)),
        write_png(folder / f"{name}_mask.png", mask.astype(np.uint8) * 255),
        write_png(folder / f"{name}_overlay.png", overlay(image01, prediction, threshold, recist)),
        write_npy(folder / f"{name}_alpha.npy", prediction.alpha),
    ]
    fine = binarise(prediction.fine_alpha, threshold)
    agreement = None
    if recist is not None:
        found = agreement_with_axes(prediction.fine_alpha, prediction.box, recist, threshold)
        agreement = round(found, 3)
    measured = prediction.measured_axes(threshold)
    return Written(
        threshold=threshold,
        area_px=round(prediction.area_px, 2),
        pixels_at_threshold=int(mask.sum()),
        cut_off=bool(fine[[0, -1]].any() or fine[:, [0, -1]].any()),
        files=tuple(str(path) for path in files),
        certainty=round(certainty(prediction.fine_alpha, threshold), 3),
        axes_agreement=agreement,
        measured_recist=None if measured is None else _rounded(measured),
    )


def _rounded(axes: np.ndarray) -> tuple[float, ...]:
    """To a hundredth of a pixel."""
    return tuple(np.round(axes.astype(np.float64), 2).tolist())


def overlay(
    image01: np.ndarray,
    prediction: Prediction,
    threshold: float,
    recist: np.ndarray | None = None,
) -> np.ndarray:
    """Three tiles: the image with the outline and the patch's frame, the patch with outline and
    axes as the overlays of labels have them, alpha."""
    frame = prediction.box.clipped(image01.shape)
    whole = overlay_contour(image01, binarise(prediction.alpha, threshold), ORANGE)
    last = (frame.right - 1, frame.bottom - 1)
    cv2.rectangle(whole, frame.corner, last, (255, 255, 255), 1)
    measured = prediction.measured_axes(threshold)
    lines = outlines_of(prediction.fine_alpha, prediction.box, threshold, recist, measured)
    outlined = draw_outlines(prediction.patch, lines, side=_TILE)
    titles = ["image", f"patch, outline at {threshold:.3f}", "soft mask"]
    return sheet([[whole, outlined, prediction.fine_alpha]], titles=titles, tile=_TILE)
