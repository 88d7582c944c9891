"""GrabCut of a lesion from its two RECIST axes (paper 3.1.2; Cai et al. 2018).

Rother, Kolmogorov, Blake, "GrabCut: interactive foreground extraction using iterated graph cuts",
SIGGRAPH 2004, in OpenCV's implementation. It does not start from a rectangle: the ends of the axes
lie on the lesion's outline, and so the curve through them (`recist.outline`) says where the lesion
probably is, a smaller copy where it certainly is and a larger one beyond which it is not.
"""

from __future__ import annotations

import cv2
import numpy as np

from casgan_jax.soft_mask import recist as axes

CERTAIN, POSSIBLE = 0.5, 1.3  # sizes of the copies of the curve, relative to it
ITERATIONS = 3
_MARGIN = 2.0  # side of the crop, relative to the curve's bounding box


def grabcut_mask(image: np.ndarray, recist: np.ndarray, *, scale: int = 1) -> np.ndarray:
    """The binary mask of a lesion, at r times the image's resolution. Deterministic.

    Args:
      image: (H, W) float in [0, 1].
      recist: (8,) axes in pixels of `image`, see `recist.py`.
      scale: r.

    Returns:
      (r * H, r * W) bool, not empty.
    """
    fine_axes = (np.asarray(recist, np.float64) + 0.5) * scale - 0.5
    curve, middle = axes.outline(fine_axes), axes.centre(fine_axes)
    shape = (scale * image.shape[0], scale * image.shape[1])
    box = _crop(curve, middle, shape)
    offset = np.array([box[1].start, box[0].start])
    size = (box[0].stop - box[0].start, box[1].stop - box[1].start)
    state = np.full(size, cv2.GC_BGD, np.uint8)
    for factor, value in ((POSSIBLE, cv2.GC_PR_BGD), (1.0, cv2.GC_PR_FGD), (CERTAIN, cv2.GC_FGD)):
        _fill(state, middle + factor * (curve - middle) - offset, value)
    fine = _upsampled(image, box, scale)
    colours = cv2.cvtColor(np.round(255 * fine).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    cv2.setRNGSeed(0)  # the colour clusters start from random centres
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(colours, state, None, *models, ITERATIONS, cv2.GC_INIT_WITH_MASK)
    mask = np.zeros(shape, bool)
    mask[box] = _part_with(np.isin(state, (cv2.GC_FGD, cv2.GC_PR_FGD)), middle - offset)
    return mask


def _crop(curve: np.ndarray, middle: np.ndarray, shape: tuple[int, int]) -> tuple[slice, slice]:
    """The rows and columns around the curve."""
    low = np.floor(middle + _MARGIN * (curve.min(axis=0) - middle)).astype(int) - 2
    high = np.ceil(middle + _MARGIN * (curve.max(axis=0) - middle)).astype(int) + 3
    return tuple(slice(int(max(low[k], 0)), int(min(high[k], shape[1 - k]))) for k in (1, 0))


def _fill(state: np.ndarray, curve: np.ndarray, value: int) -> None:
    shift = 8
    cv2.fillPoly(state, [np.round(curve * 2**shift).astype(np.int32)], value, shift=shift)


def _upsampled(image: np.ndarray, box: tuple[slice, slice], scale: int) -> np.ndarray:
    size = (scale * image.shape[1], scale * image.shape[0])
    return cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)[box]


def _part_with(mask: np.ndarray, point: np.ndarray) -> np.ndarray:
    """The connected part at a point (x, y), without holes."""
    height, width = mask.shape
    x, y = (int(v) for v in np.clip(np.round(point), 0, (width - 1, height - 1)))
    part = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[1]
    contours, _ = cv2.findContours(
        (part == part[y, x]).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    filled = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(filled, contours, -1, 1, cv2.FILLED)
    return filled > 0
