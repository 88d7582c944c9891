"""What matting asks of images, trimaps and priors."""

from __future__ import annotations

import numpy as np

from casgan_jax.errors import UserError


def check_matting(
    index: int, image: np.ndarray, trimap: np.ndarray, prior: np.ndarray | None
) -> None:
    """Raises a UserError unless image, trimap and prior, the `index`-th ones, can be matted."""
    check_plane(f"image {index}", image)
    if trimap.shape != image.shape or trimap.dtype != np.uint8:
        raise UserError(
            f"trimap {index}",
            found=f"{trimap.dtype} of shape {trimap.shape}",
            expected=f"uint8 of the image's shape {image.shape}",
        )
    background, unknown, lesion = ((trimap == value).sum() for value in (0, 128, 255))
    if background + unknown + lesion != trimap.size:
        stray = np.setdiff1d(trimap, (0, 128, 255))[0]
        raise UserError(
            f"trimap {index}",
            found=f"the value {stray}",
            expected="only 0, 128 and 255",
        )
    if not background or not lesion:
        absent = "background (0)" if lesion else "lesion (255)"
        raise UserError(
            f"trimap {index}",
            found=f"no {absent} pixel",
            expected="at least one",
            remedy="widen the crop or mark a seed",
        )
    if prior is not None:
        if prior.shape != image.shape:
            raise UserError(
                f"prior {index}",
                found=f"shape {prior.shape}",
                expected=f"the image's {image.shape}",
            )
        _check_range(f"prior {index}", prior)


def check_plane(field: str, image: np.ndarray) -> None:
    """Raises a UserError unless an image is (H, W) float in [0, 1] and holds a 3x3 window."""
    if image.ndim != 2 or min(image.shape) < 3 or not np.issubdtype(image.dtype, np.floating):
        raise UserError(
            field,
            found=f"{image.dtype} of shape {image.shape}",
            expected="floats (H, W) of at least 3x3",
            remedy="scale the grey values to [0, 1]",
        )
    _check_range(field, image)


def _check_range(field: str, values: np.ndarray) -> None:
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 1):  # also catches NaN
        raise UserError(
            field,
            found=f"values in [{low:g}, {high:g}]",
            expected="[0, 1]",
            remedy="window or clip it",
        )
