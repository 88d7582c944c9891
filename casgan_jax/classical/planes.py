"""What all functions of this package expect of their input."""

from __future__ import annotations

import math

import numpy as np

from casgan_jax.errors import UserError


def check_planes(image: np.ndarray, **others: np.ndarray) -> None:
    """An image and other planes of its shape, all in [0, 1].

    Raises:
      UserError: the image is not (H, W), another has not its shape, or a value is out of range.
    """
    if image.ndim != 2:
        raise UserError(
            "image",
            found=f"shape {image.shape}",
            expected="(H, W)",
            remedy="pass one patch",
        )
    for name, plane in {"image": image, **others}.items():
        if plane.shape != image.shape:
            raise UserError(
                name,
                found=f"shape {plane.shape}",
                expected=f"the image's, {image.shape}",
                remedy="resize or crop one of them first",
            )
        if not ((plane >= 0) & (plane <= 1)).all():
            raise UserError(
                name,
                found=f"values from {plane.min()} to {plane.max()}",
                expected="0 to 1",
                remedy="normalise it first",
            )


def check_positive(**options: float) -> None:
    """Options that must be above 0, and finite.

    Raises:
      UserError: one is not.
    """
    for name, value in options.items():
        if not 0 < value < math.inf:
            raise UserError(
                name,
                found=f"{value}",
                expected="more than 0",
                remedy="leave the default",
            )
