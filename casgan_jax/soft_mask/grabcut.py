"""GrabCut of a lesion from its two RECIST axes (paper 3.1.2; Cai et al. 2018), or from a box.

Rother, Kolmogorov, Blake, "GrabCut: interactive foreground extraction using iterated graph cuts",
SIGGRAPH 2004, in OpenCV's implementation. From axes it does not start as from a rectangle: their
ends lie on the lesion's outline, and so the curve through them (`recist.outline`) says where the
lesion probably is, a smaller copy where it certainly is and a larger one beyond which it is not.
"""

from __future__ import annotations

import cv2
import numpy as np

from casgan_jax.grid import Box
from casgan_jax.soft_mask.recist import axis_lengths, outline, relative_distance

CERTAIN, POSSIBLE = 0.7, 1.3  # sizes of the copies of the curve, relative to it
# The cut is made in a window of a size relative to the lesion, so that it costs the same for all.
# OpenCV weighs outline against area per pixel: a coarser window cuts more corners off.
_SIDE = 48  # pixels of the window
_LONG_AXES = 1.5  # its side in lengths of the long axis
_ITERATIONS = 1  # a second one took longer and came no nearer to the readers
_BOX_SIDES = 1.5  # side of the window in the longer side of a box
_BOX_ITERATIONS = 5  # a box says less than axes do
_LEAST_PART = 0.01  # of a box, that a lesion takes
_NEAR_SIDES = 1.8  # side of the window in the longer side of a mask that is near
_NEAR_STEP = 0.25  # pixels of the image, the finest window
_NEAR_CERTAIN = 0.6  # depth in a near mask, in its largest, from which on the lesion is certain
_NEAR_POSSIBLE = 0.3  # of its largest depth outside of it, beyond which there is no lesion
_STATES = (
    (np.inf, cv2.GC_BGD),
    (POSSIBLE, cv2.GC_PR_BGD),
    (1.0, cv2.GC_PR_FGD),
    (CERTAIN, cv2.GC_FGD),
)


def grabcut_mask(image: np.ndarray, recist: np.ndarray, *, scale: int = 1) -> np.ndarray:
    """The binary mask of a lesion, at r times the image's resolution. Deterministic.

    Args:
      image: (H, W) float in [0, 1].
      recist: (8,) axes in pixels of `image` that pass `check_recist`.
      scale: r.

    Returns:
      (r * H, r * W) bool: one part without holes around the middle of the axes. It is empty where a
      lesion lies between the centres of pixels.
    """
    curve, step = outline(recist), _LONG_AXES * axis_lengths(recist)[0] / _SIDE
    middle = (curve.min(axis=0) + curve.max(axis=0)) / 2
    corner = middle - step * (_SIDE - 1) / 2  # of the window, in pixels of the image
    smooth: np.ndarray = image.astype(np.float32)
    if step > 1:
        smooth = cv2.GaussianBlur(smooth, (0, 0), step / 2)
    window = _resampled(smooth, corner, step, (_SIDE, _SIDE))
    axes = (np.reshape(recist, (4, 2)) - corner) / step
    distance = relative_distance(axes.reshape(8), window.shape)
    state = np.empty(window.shape, np.uint8)
    for limit, value in _STATES:
        state[distance <= limit] = value
    seed = np.unravel_index(np.argmin(distance), distance.shape)
    state[seed] = cv2.GC_FGD  # in a thread-like lesion no other pixel may be
    parts = cv2.connectedComponents(_cut(window, state, _ITERATIONS), connectivity=4)[1]
    mask = _without_holes(parts == parts[seed])
    fine_corner = (np.full(2, -0.5 + 0.5 / scale) - corner) / step
    shape = (scale * image.shape[0], scale * image.shape[1])
    return _resampled(mask.astype(np.float32), fine_corner, 1 / (scale * step), shape) >= 0.5


def grabcut_box(image: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """The binary mask of a lesion in a box that nothing is certain of. Deterministic.

    Args:
      image: (H, W) float in [0, 1].
      box: left, top, right, bottom in pixels of `image`.

    Returns:
      (H, W) bool: the largest part without holes; empty where nothing is found.
    """
    low, high = np.array(box[:2]), np.array(box[2:])
    step = _BOX_SIDES * float((high - low).max()) / _SIDE
    corner = (low + high) / 2 - step * (_SIDE - 1) / 2
    smooth: np.ndarray = image.astype(np.float32)
    if step > 1:
        smooth = cv2.GaussianBlur(smooth, (0, 0), step / 2)
    window = _resampled(smooth, corner, step, (_SIDE, _SIDE))
    y, x = corner[:, None, None][::-1] + step * np.mgrid[:_SIDE, :_SIDE]
    inside = (x >= low[0]) & (x <= high[0]) & (y >= low[1]) & (y <= high[1])
    state = np.where(inside, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    found = _cut(window, state, _BOX_ITERATIONS)
    _, parts, table, _ = cv2.connectedComponentsWithStats(found, connectivity=4)
    sizes = table[1:, cv2.CC_STAT_AREA]
    if not sizes.size or sizes.max() < _LEAST_PART * inside.sum():
        return np.zeros(image.shape, bool)
    mask = _without_holes(parts == 1 + int(np.argmax(sizes)))
    back = -corner / step
    return _resampled(mask.astype(np.float32), back, 1 / step, image.shape[:2]) >= 0.5


def grabcut_near(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The binary mask of a lesion that another mask says about where to look for. Deterministic.

    Args:
      image: (H, W) float in [0, 1].
      mask: (H, W) bool, such as the lesion's in the next slice; not empty.

    Returns:
      (H, W) bool: the part without holes that the mask's depth lies in.
    """
    box = Box.around(mask)
    side = max(box.shape)
    step = max(_NEAR_SIDES * side / _SIDE, _NEAR_STEP)
    middle = np.array([box.left + box.right - 1, box.top + box.bottom - 1]) / 2
    corner = middle - step * (_SIDE - 1) / 2
    smooth: np.ndarray = image.astype(np.float32)
    if step > 1:
        smooth = cv2.GaussianBlur(smooth, (0, 0), step / 2)
    window = _resampled(smooth, corner, step, (_SIDE, _SIDE))
    about = (_resampled(mask.astype(np.float32), corner, step, (_SIDE, _SIDE)) >= 0.5).astype(
        np.uint8
    )
    about[tuple(np.rint((middle - corner) / step).astype(int)[::-1])] |= np.uint8(not about.any())
    depth = cv2.distanceTransform(np.pad(about, 1), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    away = cv2.distanceTransform(1 - about, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    radius = depth.max()
    state = np.full(window.shape, cv2.GC_BGD, np.uint8)
    state[away <= max(_NEAR_POSSIBLE * radius, 1 / step)] = cv2.GC_PR_BGD
    state[about > 0] = cv2.GC_PR_FGD
    state[depth > _NEAR_CERTAIN * radius] = cv2.GC_FGD
    seed = np.unravel_index(np.argmax(depth), depth.shape)
    state[seed] = cv2.GC_FGD
    parts = cv2.connectedComponents(_cut(window, state, _ITERATIONS), connectivity=4)[1]
    found = _without_holes(parts == parts[seed])
    return _resampled(found.astype(np.float32), -corner / step, 1 / step, image.shape) >= 0.5


def _cut(window: np.ndarray, state: np.ndarray, iterations: int) -> np.ndarray:
    """(S, S) image and what is known of its pixels -> (S, S) uint8, 1 where the lesion is."""
    colours = cv2.cvtColor(np.round(255 * window).astype(np.uint8), cv2.COLOR_GRAY2BGR)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # the colour clusters start from random centres
    no_frame = (0, 0, 0, 0)  # the states stand for it
    cv2.grabCut(colours, state, no_frame, *models, iterations, cv2.GC_INIT_WITH_MASK)
    return np.isin(state, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)


def _without_holes(part: np.ndarray) -> np.ndarray:
    filled = part.astype(np.uint8)
    border, _ = cv2.findContours(filled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(filled, border, -1, 1, cv2.FILLED) > 0


def _resampled(
    plane: np.ndarray, corner: np.ndarray, step: float, shape: tuple[int, int]
) -> np.ndarray:
    """Samples at corner + step * (0, 1, 2 ...), x and y alike, linear; the border is repeated."""
    matrix = np.array([[step, 0, corner[0]], [0, step, corner[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(plane, matrix, shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)
