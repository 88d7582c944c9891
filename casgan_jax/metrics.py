"""How close a mask is to another: binary overlap, errors between soft masks, threshold sweeps.

Pure functions. Planes are the last two axes, leading axes are batch axes and broadcast, so one
prediction (H, W) is compared with four readers (4, H, W) in one call. The functions work on NumPy
and JAX arrays alike (also inside `jax.jit`), except `auc`, `hausdorff_95`, `dice_curves` and
`best_threshold`, which are NumPy only.

Overlap needs binary masks, and a soft mask becomes one at a threshold that the caller names
(`casgan_jax.grid`):

    dice(binarise(alpha, PAPER_THRESHOLD), consensus)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

Array = Any  # np.ndarray or jax.Array

GRADIENT_SIGMA = 1.4  # Rhemann et al. 2009

_PLANE = (-2, -1)


def dice(prediction: Array, truth: Array) -> Array:
    """2 TP / (2 TP + FP + FN) of two bool masks (..., H, W); 1.0 where both are empty."""
    both, total = _overlap(prediction, truth)
    empty = (total == 0).astype(np.float32)
    return (2.0 * both + empty) / (total + empty)


def iou(prediction: Array, truth: Array) -> Array:
    """TP / (TP + FP + FN) of two bool masks (..., H, W); 1.0 where both are empty."""
    both, total = _overlap(prediction, truth)
    empty = (total == 0).astype(np.float32)
    return (both + empty) / (total - both + empty)


def accuracy(prediction: Array, truth: Array) -> Array:
    """(TP + TN) / all pixels of two bool masks (..., H, W); 1.0 where both are empty."""
    _check_binary(prediction, truth)
    return (prediction == truth).mean(axis=_PLANE, dtype=np.float32)


def auc(alpha: np.ndarray, truth: np.ndarray) -> float:
    """Area under the ROC curve of one soft mask (H, W) as a score for one bool mask (H, W).

    The share of (lesion, background) pixel pairs in which the lesion's pixel is higher, ties
    counting half (Mann-Whitney): the value of `sklearn.metrics.roc_auc_score`, without the overhead
    that made it most of an evaluation's time. NaN where the truth has one class: the curve does
    not exist there, and such a lesion is left out of a mean.
    """
    _check_planes(alpha, truth)
    if truth.all() or not truth.any():
        return math.nan
    background = np.sort(alpha[~truth])
    lower = background.searchsorted(alpha[truth], side="left")
    lower_or_equal = background.searchsorted(alpha[truth], side="right")
    return float((lower + lower_or_equal).mean() / (2.0 * background.size))


def hausdorff_95(prediction: np.ndarray, truth: np.ndarray) -> float:
    """How far apart the borders of two bool masks (H, W) lie at most, but for 5% of them; pixels.

    The larger of the two directed distances: of each border's pixels to the nearest of the other,
    the 95th percentile (Huttenlocher et al. 1993; MONAI's `compute_hausdorff_distance`). NaN where
    a mask is empty.
    """
    _check_binary(prediction, truth)
    if not prediction.any() or not truth.any():
        return math.nan
    one, other = _border(prediction), _border(truth)
    return max(
        float(np.percentile(_distance_to(other)[one], 95)),
        float(np.percentile(_distance_to(one)[other], 95)),
    )


def _border(mask: np.ndarray) -> np.ndarray:
    """Pixels of a bool mask with one of the four beside them that is not of it."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    inner = cv2.erode(mask.astype(np.uint8), cross, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return mask & (inner == 0)


def _distance_to(mask: np.ndarray) -> np.ndarray:
    """(H, W) pixels to the nearest one of a bool mask."""
    return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def soft_mae(prediction: Array, truth: Array, *, region: Array | None = None) -> Array:
    """Mean absolute difference of two soft masks in [0, 1] (..., H, W).

    Args:
      region: bool mask (..., H, W) of the pixels that count, all of them by default; NaN where
        it is empty.
    """
    return _mean(abs(_difference(prediction, truth)), region)


def mse(prediction: Array, truth: Array, *, region: Array | None = None) -> Array:
    """Mean squared difference of two soft masks; `region` as in `soft_mae`."""
    return _mean(_difference(prediction, truth) ** 2, region)


def sad(prediction: Array, truth: Array, *, region: Array | None = None) -> Array:
    """Sum of absolute differences of two soft masks, in pixels (matting papers print it / 1000)."""
    return _sum(abs(_difference(prediction, truth)), region)


def gradient_error(
    prediction: Array,
    truth: Array,
    *,
    region: Array | None = None,
    sigma: float = GRADIENT_SIGMA,
) -> Array:
    """Sum of squared differences of the two masks' gradient magnitudes (papers print it / 1000).

    Rhemann et al., "A perceptually motivated online benchmark for image matting", CVPR 2009, with
    q = 2: gradients by first derivatives of a Gaussian whose 2-D kernels have unit L2 norm, the
    border repeated. The masks are taken as they are, without stretching them to [0, 1] first.

    Args:
      prediction, truth: soft masks (..., H, W) in [0, 1].
      region: bool mask of the pixels that count, all of them by default.
      sigma: of the Gaussian, in pixels.
    """
    _check_planes(prediction, truth)
    difference = _gradient_magnitude(prediction, sigma) - _gradient_magnitude(truth, sigma)
    return _sum(difference**2, region)


def dice_curves(alphas: np.ndarray, truths: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Dice of `alphas >= t` with `truths` at every threshold, in one pass over the pixels.

    Args:
      alphas: soft masks (..., H, W) in [0, 1].
      truths: bool masks of the same shape.
      thresholds: (T,) ascending.

    Returns:
      (..., T) float64; 1.0 where both masks are empty.
    """
    _check_planes(alphas, truths)
    thresholds = np.asarray(thresholds, alphas.dtype)
    if thresholds.ndim != 1 or np.any(np.diff(thresholds) <= 0):
        raise ValueError(f"thresholds: found {thresholds}, expected one ascending axis of values")
    cases = alphas.shape[:-2]
    curves = [
        _dice_curve(alpha.ravel(), truth.ravel(), thresholds)
        for alpha, truth in zip(
            alphas.reshape(-1, *alphas.shape[-2:]),
            truths.reshape(-1, *truths.shape[-2:]),
            strict=True,
        )
    ]
    return np.stack(curves).reshape(*cases, len(thresholds))


def best_threshold(
    curves: Sequence[Sequence[float]] | np.ndarray, thresholds: np.ndarray
) -> tuple[float, float]:
    """The threshold of the best mean Dice, and that Dice; the lowest one where several tie.

    Args:
      curves: (N, T) of N cases, see `dice_curves`.
      thresholds: (T,).
    """
    mean = np.mean(curves, axis=0)
    best = int(mean.argmax())
    return float(thresholds[best]), float(mean[best])


def _dice_curve(alpha: np.ndarray, truth: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    passed = np.searchsorted(thresholds, alpha, side="right")  # how many thresholds are <= alpha
    n = len(thresholds)
    predicted = _pixels_above(np.bincount(passed, minlength=n + 1))
    both = _pixels_above(np.bincount(passed[truth], minlength=n + 1))
    total = predicted + np.count_nonzero(truth)
    empty = total == 0
    return (2.0 * both + empty) / (total + empty)


def _pixels_above(histogram: np.ndarray) -> np.ndarray:
    """Counts by "thresholds passed" (T + 1,) -> pixels that pass threshold 0, 1 ... T - 1."""
    return histogram[::-1].cumsum()[::-1][1:]


def _overlap(prediction: Array, truth: Array) -> tuple[Array, Array]:
    """(TP, 2 TP + FP + FN) as float32, exact up to 2^24 pixels."""
    _check_binary(prediction, truth)
    both = (prediction & truth).sum(axis=_PLANE, dtype=np.float32)
    total = prediction.sum(axis=_PLANE, dtype=np.float32) + truth.sum(axis=_PLANE, dtype=np.float32)
    return both, total


def _difference(prediction: Array, truth: Array) -> Array:
    _check_planes(prediction, truth)
    return prediction - truth


def _sum(error: Array, region: Array | None) -> Array:
    if region is None:
        return error.sum(axis=_PLANE)
    xp = error.__array_namespace__()
    return xp.where(region, error, xp.zeros_like(error)).sum(axis=_PLANE)


def _mean(error: Array, region: Array | None) -> Array:
    if region is None:
        return error.mean(axis=_PLANE)
    xp = error.__array_namespace__()
    pixels = region.sum(axis=_PLANE, dtype=error.dtype)
    return _sum(error, region) / xp.where(pixels > 0, pixels, xp.full_like(pixels, xp.nan))


def _gradient_magnitude(alpha: Array, sigma: float) -> Array:
    smooth, derivative = _gaussian_kernels(sigma)
    dx = _filter(_filter(alpha, derivative, axis=-1), smooth, axis=-2)
    dy = _filter(_filter(alpha, derivative, axis=-2), smooth, axis=-1)
    return (dx**2 + dy**2) ** 0.5


def _gaussian_kernels(sigma: float) -> tuple[list[float], list[float]]:
    """1-D Gaussian and its derivative, each of unit L2 norm (then so is their outer product)."""
    half = math.ceil(sigma * math.sqrt(-2.0 * math.log(math.sqrt(2.0 * math.pi) * sigma * 1e-2)))
    taps = np.arange(-half, half + 1)
    smooth = np.exp(-(taps**2) / (2.0 * sigma**2))
    derivative = taps * smooth
    return (
        (smooth / np.linalg.norm(smooth)).tolist(),
        (derivative / np.linalg.norm(derivative)).tolist(),
    )


def _filter(plane: Array, kernel: list[float], *, axis: int) -> Array:
    """Correlates along one of the last two axes, with the border repeated."""
    xp = plane.__array_namespace__()
    half = len(kernel) // 2
    pads = [(0, 0)] * plane.ndim
    pads[axis] = (half, half)
    padded = xp.pad(plane, pads, mode="edge")
    size = plane.shape[axis]
    out = xp.zeros_like(plane)
    for i, weight in enumerate(kernel):
        window = [slice(None)] * plane.ndim
        window[axis] = slice(i, i + size)
        out = out + weight * padded[tuple(window)]
    return out


def _check_planes(prediction: Array, truth: Array) -> None:
    if prediction.ndim < 2 or prediction.shape[-2:] != truth.shape[-2:]:
        raise ValueError(
            f"masks: found shapes {prediction.shape} and {truth.shape}, expected planes "
            "(..., H, W) of one size; resize or crop one of them first"
        )


def _check_binary(prediction: Array, truth: Array) -> None:
    _check_planes(prediction, truth)
    for name, mask in (("prediction", prediction), ("truth", truth)):
        if mask.dtype != bool:
            raise ValueError(
                f"{name}: found {mask.dtype}, expected bool; name the threshold: binarise(alpha, t)"
            )
