"""The soft mask of a lesion in a whole image: image and mark in, soft mask on the image's own grid
out.

    cascade, image = load_system(workdir), read_image("slice.png")
    prediction = predict(cascade, image, (212, 305), window=(0, 255))
    mask = binarise(prediction.alpha, cascade.threshold)

Pixel centres lie at integer coordinates (x to the right, y down). The patch of a mark is the one
that evaluation cuts (`casgan_jax.grid.Box.centred`, moved inside the image): of the same image and
mark the system sees what it saw when it was measured.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.evaluation.looking import Cascade, Lesion, soft_masks
from casgan_jax.grid import Box, area_mean, as_stored, binarise, normalise
from casgan_jax.inference.jobs import Point
from casgan_jax.soft_mask.mark_planes import Marks
from casgan_jax.soft_mask.recist import check_recist, measure_axes
from casgan_jax.soft_mask.view import view_of_axes


class Prediction(NamedTuple):
    """The soft mask of one lesion.

    Attributes:
      alpha: (H, W) float32 in [0, 1] on the image's grid, 0 outside of the patch.
      fine_alpha: (r P, r P) float32 in [0, 1], the patch r times as fine.
      patch: (P, P) float32 in [0, 1], what the cascade saw; where it saw the lesion by its axes the
        image around that, which need not be square.
      box: the patch in the image; leaves it where the image is smaller than the patch, or the
        lesion near its border.
    """

    alpha: np.ndarray
    fine_alpha: np.ndarray
    patch: np.ndarray
    box: Box

    def as_stored(self) -> Prediction:
        """The same in whole steps of 1/255, as its files hold it (`casgan_jax.grid.as_stored`)."""
        scale = len(self.fine_alpha) // len(self.patch)
        fine = as_stored(self.fine_alpha)
        native = as_stored(area_mean(fine, scale))
        return self._replace(alpha=self.box.paste(native, self.alpha.shape), fine_alpha=fine)

    @property
    def area_px(self) -> float:
        """Sum of the soft mask within the image, in pixels."""
        scale = len(self.fine_alpha) // len(self.patch)
        inside = self.box.clipped(self.alpha.shape).within(self.box).scaled(scale)
        return float(inside.crop(self.fine_alpha).sum(dtype=np.float64)) / scale**2

    def measured_axes(self, threshold: float) -> np.ndarray | None:
        """(8,) float32 axes of the soft mask in pixels of the image; None where nothing reaches the
        threshold."""
        if not binarise(self.fine_alpha, threshold).any():
            return None
        scale = len(self.fine_alpha) // len(self.patch)
        axes = measure_axes(self.fine_alpha, threshold, scale=scale)
        return axes + np.tile(np.asarray(self.box.corner, np.float32), 4)


def predict(
    cascade: Cascade,
    image: np.ndarray,
    centre: Point,
    *,
    window: tuple[float, float],
    recist: np.ndarray | None = None,
    neighbours: np.ndarray | None = None,
) -> Prediction:
    """Predicts the soft mask of the lesion at `centre`.

    Args:
      cascade: the trained system.
      image: (H, W) source values.
      centre: (x, y) of the mark in pixels; the patch around it is moved inside the image, and
        padded with the image's edge only where the image is smaller than the patch.
      window: source values that map to 0 and 1.
      recist: (8,) axes of the lesion, which a system that sees axes is shown in place of a click.
      neighbours: (H, W, slices) float32 in [0, 1], those beside the image for a system that sees
        such (`casgan_jax.inference.beside`).

    Raises:
      UserError: the mark lies outside of the image, the axes cannot be a lesion's or the system
        sees none, there are no neighbours for one that sees them, the patch is all black or all
        white in this window, or the prediction is not finite.
    """
    if cascade.neighbours and neighbours is None:
        raise UserError(
            "image",
            found="one slice alone",
            expected=f"{cascade.neighbours} to either side, which this system sees, too",
            remedy="use a network of single slices",
        )
    box = patch_box(image.shape, centre, cascade.patch)
    marks = _marks(cascade, image.shape, centre, recist)
    if cascade.axis_share and recist is not None:
        box = view_of_axes(recist, cascade.patch, share=cascade.axis_share).extent(cascade.patch)
    source = box.crop(image, padded=True)
    patch = normalise(source, window)
    if patch.min() == patch.max() and patch.min() in (0.0, 1.0):
        colour = "white" if patch.min() else "black"
        raise UserError(
            "window",
            found=f"the patch all {colour} in ({window[0]:g}, {window[1]:g})",
            expected=f"grey levels of its values, {source.min():g} to {source.max():g}",
            remedy="correct `window` or `hu_offset`",
        )
    (fine,) = soft_masks(cascade, [Lesion(normalise(image, window), box, marks, neighbours)])
    if not np.isfinite(fine).all():
        raise UserError(
            "prediction",
            found="NaN or Inf",
            expected="finite values",
            remedy="the workdir's weights are damaged, train again",
        )
    native = area_mean(fine, cascade.scale)
    return Prediction(box.paste(native, image.shape), fine, patch, box)


def _marks(
    cascade: Cascade, shape: tuple[int, int], centre: Point, recist: np.ndarray | None
) -> Marks:
    if recist is None:
        return Marks(click=centre)
    check_recist(recist, shape)
    if "axes" not in cascade.mark_kinds:
        raise UserError(
            "recist",
            found="axes for a system that was trained without",
            expected="one that sees them, such as `config=softgan:marked` trains",
            remedy="give the lesion's `center` instead",
        )
    return Marks(recist=recist)


def patch_box(shape: tuple[int, int], centre: Point, size: int) -> Box:
    """The patch around a mark, moved inside an image (H, W) that is not smaller.

    Raises:
      UserError: the mark lies outside of the image.
    """
    height, width = shape
    x, y = centre
    if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
        raise UserError(
            "centre",
            found=f"({x:g}, {y:g})",
            expected=f"a point of the image, x in [0, {width - 1}] and y in [0, {height - 1}]",
            remedy="x counts columns and comes first",
        )
    box = Box.centred(centre, size)
    return box.inside(shape) if min(shape) >= size else box
