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
from casgan_jax.report.sheet import ORANGE, overlay_contour, sheet


class Written(NamedTuple):
    """What was written of a lesion.

    Attributes:
      threshold: that made the binary mask.
      area_px: of the binary mask.
      soft_area_px: the sum of the soft one.
      cut_off: the lesion reaches the patch's border: what lies beyond was not looked at.
      files: all of them.
      certainty: of the mask, 0 to 1 (`casgan_jax.evaluation.certainty`).
      agreement: how well the mask's own axes agree with those that it was shown, 0 to 1
        (`recist_agreement`); None where it was shown none.
    """

    threshold: float
    area_px: int
    soft_area_px: float
    cut_off: bool
    files: tuple[str, ...]
    certainty: float
    agreement: float | None = None

    @property
    def warning(self) -> str:
        """Why the mask is to be looked at; "" where nothing is wrong."""
        return doubt(self.certainty, self.agreement)


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
      recist: (8,) the lesion's axes, if they were shown.
    """
    mask = binarise(prediction.alpha, threshold)
    scale = len(prediction.fine_alpha) // len(prediction.patch)
    files = [
        write_png(folder / f"{name}_alpha.png", encode_alpha(prediction.alpha)),
        write_png(folder / f"{name}_alpha_x{scale}.png", encode_alpha(prediction.fine_alpha)),
        write_png(folder / f"{name}_mask.png", mask.astype(np.uint8) * 255),
        write_png(folder / f"{name}_overlay.png", overlay(image01, prediction, threshold)),
        write_npy(folder / f"{name}_alpha.npy", prediction.alpha),
    ]
    fine = binarise(prediction.fine_alpha, threshold)
    agreement = None
    if recist is not None:
        found = agreement_with_axes(prediction.fine_alpha, prediction.box, recist, threshold)
        agreement = round(found, 3)
    return Written(
        threshold=threshold,
        area_px=int(mask.sum()),
        soft_area_px=round(float(prediction.alpha.sum(dtype=np.float64)), 2),
        cut_off=bool(fine[[0, -1]].any() or fine[:, [0, -1]].any()),
        files=tuple(str(path) for path in files),
        certainty=round(certainty(prediction.fine_alpha, threshold), 3),
        agreement=agreement,
    )


def overlay(image01: np.ndarray, prediction: Prediction, threshold: float) -> np.ndarray:
    """Three tiles: the image with the outline and the patch's frame, the patch outlined, alpha."""
    frame = prediction.box.clipped(image01.shape)
    whole = overlay_contour(image01, binarise(prediction.alpha, threshold), ORANGE)
    last = (frame.right - 1, frame.bottom - 1)
    cv2.rectangle(whole, frame.corner, last, (255, 255, 255), 1)
    side = prediction.fine_alpha.shape
    patch = cv2.resize(prediction.patch, side, interpolation=cv2.INTER_CUBIC).clip(0.0, 1.0)
    outlined = overlay_contour(patch, binarise(prediction.fine_alpha, threshold), ORANGE)
    titles = ["image", f"patch, outline at {threshold:.3f}", "soft mask"]
    return sheet([[whole, outlined, prediction.fine_alpha]], titles=titles, tile=384)
