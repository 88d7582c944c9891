"""Features that keep what a threshold throws away: first order weighted by alpha; several regions.

Both read a soft mask as it is. On a binary mask the weighted features are those of pyradiomics, and
the regions of all thresholds are one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.radiomics.features import Intensities, check_alpha, soft_mask_features

THRESHOLDS = (0.25, 0.5, 0.75)
_EPSILON = np.spacing(1.0)  # within the logarithm, as in pyradiomics


def threshold_features(
    image: np.ndarray,
    alpha: np.ndarray,
    *,
    intensities: Intensities,
    thresholds: Sequence[float] = THRESHOLDS,
    spacing_mm: float = 1.0,
) -> dict[str, float]:
    """Mean and standard deviation over thresholds of the 93 features of alpha >= threshold.

    The paper uses the soft mask's region, the binary mask's and those in between "at the same time"
    (section 4.3); which ones and how they are joined, it does not say.

    Args:
      image: (H, W), HU or 8-bit grey values.
      alpha: (H, W) soft mask in [0, 1].
      intensities, spacing_mm: as for `features.mask_features`.
      thresholds: of the regions.

    Returns:
      186 values: {"class_Feature_mean": value, "class_Feature_spread": value}.

    Raises:
      UserError: as `features.soft_mask_features`, for any of the thresholds.
    """
    found = [
        soft_mask_features(
            image, alpha, threshold=threshold, intensities=intensities, spacing_mm=spacing_mm
        )
        for threshold in thresholds
    ]
    values = {name: [one[name] for one in found] for name in found[0]}
    means = {f"{name}_mean": float(np.mean(several)) for name, several in values.items()}
    return means | {f"{name}_spread": float(np.std(several)) for name, several in values.items()}


def weighted_first_order(
    image: np.ndarray, alpha: np.ndarray, *, intensities: Intensities, spacing_mm: float = 1.0
) -> dict[str, float]:
    """The 18 first-order features with every pixel counted alpha times.

    The formulas are pyradiomics' with sums over pixels weighted by alpha. Minimum, maximum, range
    and the range of the bins are those of all pixels with alpha > 0. Percentiles interpolate
    between the middles of the pixels' weights, which for equal weights is NumPy's definition.

    Args:
      image: (H, W), HU or 8-bit grey values.
      alpha: (H, W) soft mask in [0, 1].
      intensities, spacing_mm: as for `features.mask_features`.

    Returns:
      {"firstorder_Feature": value}, the names of `features.mask_features`.

    Raises:
      UserError: the shapes differ, alpha is out of range or 0 everywhere, or the image is not
        finite where it is not.
    """
    check_alpha(alpha)
    if image.shape != alpha.shape or not (alpha > 0).any():
        raise UserError(
            "alpha",
            found=f"the shape {alpha.shape} and {(alpha > 0).sum()} pixels above 0",
            expected=f"{image.shape} and some",
        )
    values = image[alpha > 0].astype(np.float64)
    if not np.isfinite(values).all():
        raise UserError(
            "image",
            found="a value that is not finite in the region",
            expected="finite values",
            remedy="correct it",
        )
    weights = alpha[alpha > 0].astype(np.float64)
    found = (
        _location(values, weights)
        | _dispersion(values, weights)
        | _energy(values, weights, intensities.shift, spacing_mm)
        | _histogram(values, weights, intensities)
    )
    return {f"firstorder_{name}": float(value) for name, value in sorted(found.items())}


def _location(values: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    low, lower, middle, upper, high = weighted_quantiles(
        values, weights, (0.1, 0.25, 0.5, 0.75, 0.9)
    )
    central = (values >= low) & (values <= high)
    return {
        "10Percentile": low,
        "90Percentile": high,
        "Median": middle,
        "InterquartileRange": upper - lower,
        "RobustMeanAbsoluteDeviation": _mean_deviation(values[central], weights[central]),
        "Minimum": values.min(),
        "Maximum": values.max(),
        "Range": np.ptp(values),
    }


def _dispersion(values: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    mean = np.average(values, weights=weights)
    second, third, fourth = (
        np.average((values - mean) ** power, weights=weights) for power in (2, 3, 4)
    )
    flat = np.ptp(values) == 0  # pyradiomics' convention: skewness and kurtosis are 0
    return {
        "Mean": mean,
        "MeanAbsoluteDeviation": _mean_deviation(values, weights),
        "Variance": second,
        "Skewness": 0.0 if flat else third / second**1.5,
        "Kurtosis": 0.0 if flat else fourth / second**2,
    }


def _energy(
    values: np.ndarray, weights: np.ndarray, shift: float, spacing_mm: float
) -> dict[str, float]:
    energy = np.sum(weights * (values + shift) ** 2)
    return {
        "Energy": energy,
        "TotalEnergy": energy * spacing_mm**2,
        "RootMeanSquared": np.sqrt(energy / weights.sum()),
    }


def _histogram(
    values: np.ndarray, weights: np.ndarray, intensities: Intensities
) -> dict[str, float]:
    if intensities.bin_count is None:
        levels = np.floor(values / intensities.bin_width).astype(int)
        counts = np.bincount(levels - levels.min(), weights=weights)
    else:
        counts, _ = np.histogram(values, intensities.bin_count, weights=weights)
    shares = counts[counts > 0] / weights.sum()
    return {
        "Entropy": -np.sum(shares * np.log2(shares + _EPSILON)),
        "Uniformity": np.sum(shares**2),
    }


def _mean_deviation(values: np.ndarray, weights: np.ndarray) -> float:
    if not len(values):  # all weight on two far values: no pixel lies between the percentiles
        return 0.0
    mean = np.average(values, weights=weights)
    return np.average(np.abs(values - mean), weights=weights)


def weighted_quantiles(
    values: np.ndarray, weights: np.ndarray, shares: Sequence[float]
) -> np.ndarray:
    """Quantiles of values that count `weights` times each; NumPy's for equal weights.

    A value stands at the middle of its weight on the axis of cumulated weight, which is scaled such
    that the smallest stands at 0 and the largest at 1; in between, quantiles are interpolated.

    Args:
      values, weights: (N,); weights > 0.
      shares: in [0, 1].
    """
    order = np.argsort(values, kind="stable")
    values, weights = values[order], weights[order]
    middles = np.cumsum(weights) - weights / 2
    span = middles[-1] - middles[0]
    if span == 0:  # one value
        return np.full(len(shares), values[0])
    return np.interp(shares, (middles - middles[0]) / span, values)
