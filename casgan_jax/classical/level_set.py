"""A level set driven by image and learned shape, paper table 3's rival [32].

Roy, Chakraborty, Chowdhury, "A deep learning-shape driven level set synergism for pulmonary nodule
segmentation", Pattern Recognition Letters 123, 2019: coarse by a network, then fine by a level set
that the network's shape drives. Written from that outline, without the paper's formulas at hand.
scikit-image's morphological level sets have no shape term, so the evolution is here. The curve is
phi = 0, phi > 0 inside, and descends

    E = region * local Chan-Vese + length * int g |grad H(phi)| + shape * int (H(phi) - P)^2

with the double-well regularisation of Li, Xu, Gui, Fox, "Distance regularized level set evolution
and its application to image segmentation", IEEE TIP 2010, whose smoothed H and delta are used too.
Chosen here:

- Chan-Vese with the mean intensities of a band along the curve: across a whole patch the chest
  wall's would count. Its force is in units of the contrast, so that weights have no unit.
- The shape is the network's soft probability P: the curve is held firmly where the network is sure
  and follows the image where it is not. With a binary P it is the distance of two shapes of Chan
  and Zhu, "Level set based shape prior segmentation", CVPR 2005. No model of shapes is learned.
- The defaults lie between the best of a network trained on LIDC, whose outlines no weights
  improved, and of one that never saw a scan (`region` 3).
- The edge indicator is g = 1 / (1 + |grad (G * I)|^2 / edge^2).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from casgan_jax.classical.deep_prior import log_odds
from casgan_jax.classical.planes import check_planes, check_positive
from casgan_jax.errors import UserError

_WIDTH = 1.5  # half width of the smoothed step in pixels, epsilon of Li et al.
_STEP = 0.5  # of time; with forces of at most 2 the curve moves less than a pixel
# Step times the weight of the double well. Li et al. show stability below 0.25; but the more, the
# further from the balance of the other terms a curve rests: 0.5 pixels at 0.2 around a blurred disc
# of 10 pixels, 0.1 at 0.05.
_REGULARITY = 0.04
_TINY = 1e-10


def shape_driven_level_set(
    image: np.ndarray,
    probability: np.ndarray,
    *,
    threshold: float = 0.5,
    region: float = 1.0,
    length: float = 0.03,
    shape: float = 1.0,
    edge: float = 0.1,
    smoothing: float = 1.0,
    band: float = 6.0,
    iterations: int = 50,
    spacing: float = 1.0,
) -> np.ndarray:
    """Moves the outline of a network's mask by the image, held to the network's shape.

    Args:
      image: (H, W) in [0, 1].
      probability: (H, W) in [0, 1], the network's.
      threshold: the probability at which the network is undecided; the curve starts there.
      region, length, shape: weights >= 0 of the three terms, relative to each other.
      edge: gradient of the smoothed image, per native pixel, at which g is one half.
      smoothing: standard deviation of that Gaussian, in native pixels.
      band: how far along either side of the curve intensities are averaged, in native pixels.
      iterations: steps at native resolution, r times as many in an image enlarged r times.
      spacing: side of a pixel in native pixels: 1 / r for an image enlarged r times.

    Returns:
      (H, W) bool; the network's mask where it is empty or full, as there is no curve then.

    Raises:
      UserError: planes of different shapes, a value out of [0, 1], weights that are negative or all
        0, a threshold of 0 or 1, or another option that is not above 0.
    """
    check_planes(image, probability=probability)
    check_positive(
        edge=edge, smoothing=smoothing, band=band, iterations=iterations, spacing=spacing
    )
    weights = np.array([region, length, shape], float)
    if not (np.isfinite(weights) & (weights >= 0)).all() or not weights.any():
        raise UserError(
            "region, length, shape",
            found=f"{region}, {length}, {shape}",
            expected="weights of 0 or more, one of them above 0",
        )
    mask = probability >= threshold
    if not mask.any() or mask.all():
        return mask
    window = _surroundings(mask, margin=int(np.ceil(2 * band / spacing)))
    part = image[window].astype(float)
    region, length, shape = weights / weights.sum()
    prior = 1.0 / (1.0 + np.exp(-log_odds(probability[window], threshold)))
    indicator = _edge_indicator(part, smoothing / spacing, edge * spacing)
    phi = signed_distance(mask[window])
    for _ in range(round(iterations / spacing)):
        force = region * _region_force(part, phi, band / spacing)
        force += length / spacing * _curvature(phi, indicator)
        force += 2 * shape * (prior - smooth_step(phi))
        phi = phi + _STEP * _smooth_delta(phi) * force + _REGULARITY * _double_well(phi)
    mask = np.zeros_like(mask)
    mask[window] = phi > 0
    return mask


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """Distance from the outline of a mask (H, W) in pixels, positive inside, never 0."""
    inside = ndimage.distance_transform_edt(mask)
    outside = ndimage.distance_transform_edt(~mask)
    return np.where(mask, inside - 0.5, 0.5 - outside)


def smooth_step(phi: np.ndarray) -> np.ndarray:
    """H(phi): 0 outside, 1 inside, smooth over three pixels."""
    x = np.clip(phi / _WIDTH, -1.0, 1.0)
    return (1.0 + x + np.sin(np.pi * x) / np.pi) / 2


def _smooth_delta(phi: np.ndarray) -> np.ndarray:
    """The derivative of `smooth_step`."""
    x = np.clip(phi / _WIDTH, -1.0, 1.0)
    return (1.0 + np.cos(np.pi * x)) / (2 * _WIDTH)


def _surroundings(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    """The rows and columns around a mask; the curve sees nothing beyond its band."""
    (box,) = ndimage.find_objects(mask.astype(np.uint8))
    rows, columns = (slice(max(0, side.start - margin), side.stop + margin) for side in box)
    return rows, columns


def _edge_indicator(image: np.ndarray, smoothing: float, edge: float) -> np.ndarray:
    slope = np.stack(np.gradient(ndimage.gaussian_filter(image, smoothing)))
    return 1.0 / (1.0 + (slope**2).sum(axis=0) / edge**2)


def _region_force(image: np.ndarray, phi: np.ndarray, band: float) -> np.ndarray:
    """Outwards where a pixel is nearer to the mean inside, in units of the contrast, [-1, 1]."""
    near = np.abs(phi) <= band
    step = smooth_step(phi)
    inside, outside = (
        (weight * image).sum() / max(weight.sum(), _TINY)
        for weight in (step * near, (1 - step) * near)
    )
    difference = (image - outside) ** 2 - (image - inside) ** 2
    return np.clip(difference / max((inside - outside) ** 2, _TINY), -1.0, 1.0)


def _curvature(phi: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """div(weight * grad phi / |grad phi|): with weight 1 the curvature."""
    down, right = np.gradient(phi)
    return _divergence(down, right, weight / (np.hypot(down, right) + _TINY))


def _double_well(phi: np.ndarray) -> np.ndarray:
    """Drives |grad phi| to 1 near the curve and to 0 far from it (Li et al.)."""
    down, right = np.gradient(phi)
    slope = np.hypot(down, right) + _TINY
    well = np.where(slope <= 1, np.sin(2 * np.pi * slope) / (2 * np.pi), slope - 1) / slope
    # div(well grad phi), of which the Laplacian apart: central differences of central differences
    # do not see a checkerboard.
    return _divergence(down, right, well - 1) + ndimage.laplace(phi, mode="nearest")


def _divergence(down: np.ndarray, right: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.gradient(weight * down, axis=0) + np.gradient(weight * right, axis=1)
