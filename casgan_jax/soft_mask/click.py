"""RECIST axes of the object that one point lies in, as a proposal for a person to correct.

    axes = axes_from_click(image, (212.0, 180.5))
    label = label_from_recist(image, axes)

The object is the connected part around the point between two grey levels, opened so that vessels
and the pleura come off. Of many distances of the levels from the point's own grey the one counts
whose border has the steepest edge. After Hojjatoleslami, Kittler, "Region growing: a new approach",
IEEE Transactions on Image Processing 1998.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import Box
from casgan_jax.soft_mask.checks import check_plane
from casgan_jax.soft_mask.recist import measure_axes

_SIDES = (48, 128)  # pixels of the square that is looked at; the next where the first is too small
_SCALE = 2  # of the grid that is searched: objects of three pixels have a border, too
_LEVELS = 24
_SMOOTHING = 0.8  # pixels, against noise
_LEAST_AREA = 6.0  # pixels
_LARGEST_SHARE = 0.35  # of the square; what is larger is its background
_OPENINGS = (0, 1, 2, 3)  # radii of what is too thin to belong to the object, on the fine grid


def axes_from_click(image: np.ndarray, point: tuple[float, float]) -> np.ndarray:
    """The axes of what a point lies in.

    Args:
      image: (H, W) float in [0, 1], a whole slice in the window that shows the lesion.
      point: x, y in its pixels, pixel centres at whole numbers.

    Returns:
      (8,) float32, as `measure_axes`.

    Raises:
      UserError: the point is not in the image, or nothing has a border there.
    """
    check_plane("image", image)
    x, y = point
    if not (-0.5 <= x <= image.shape[1] - 0.5 and -0.5 <= y <= image.shape[0] - 0.5):
        raise UserError(
            "point",
            found=f"x = {x:.1f}, y = {y:.1f}",
            expected=f"one of the image of {image.shape[1]} x {image.shape[0]} pixels",
        )
    for side in _SIDES:
        box = Box.centred(point, side)
        found = _object(box.crop(image, padded=True), (x - box.left, y - box.top))
        if found is not None:
            axes = measure_axes(found, 0.5, scale=_SCALE)
            return (axes + np.tile(np.asarray(box.corner, np.float32), 4)).astype(np.float32)
    raise UserError(
        "point",
        found="nothing with a border around it",
        expected="a lesion that the window shows apart from what is around it",
        remedy="draw the axes, or change the window",
    )


def _object(window: np.ndarray, point: tuple[float, float]) -> np.ndarray | None:
    """(S, S) grey levels -> (r S, r S) bool of the object; None: there is none."""
    smooth = cv2.GaussianBlur(window.astype(np.float32), (0, 0), _SMOOTHING)
    side = _SCALE * window.shape[0]
    fine = cv2.resize(smooth, (side, side), interpolation=cv2.INTER_LINEAR)
    edges = np.hypot(cv2.Sobel(fine, cv2.CV_32F, 1, 0), cv2.Sobel(fine, cv2.CV_32F, 0, 1))
    column, row = (round((place + 0.5) * _SCALE - 0.5) for place in point)
    seed = (min(max(row, 0), side - 1), min(max(column, 0), side - 1))
    best, steepest = None, 0.0
    for part in _parts(fine, seed):
        steepness = _steepness(part, edges)
        if steepness > steepest:
            best, steepest = part, steepness
    return best


def _parts(fine: np.ndarray, seed: tuple[int, int]) -> Iterator[np.ndarray]:
    """Candidates: connected parts with the seed, for every distance of the levels and opening."""
    apart = np.abs(fine - fine[seed])
    levels = np.linspace(0.03, 0.9 * float(apart.max()), _LEVELS)
    for level in levels:
        mask = (apart <= level).astype(np.uint8)
        for radius in _OPENINGS:
            part = _opened(mask, radius, seed)
            if part is None:
                break
            area = part.sum() / _SCALE**2
            on_border = part[0].any() or part[-1].any() or part[:, 0].any() or part[:, -1].any()
            if area >= _LEAST_AREA and not on_border and part.mean() <= _LARGEST_SHARE:
                yield part


def _opened(mask: np.ndarray, radius: int, seed: tuple[int, int]) -> np.ndarray | None:
    """The part with the seed once thin bridges are cut, without holes; None: it is itself thin."""
    if radius:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, disc)
    if not mask[seed]:
        return None
    parts = cv2.connectedComponents(mask, connectivity=4)[1]
    part = (parts == parts[seed]).astype(np.uint8)
    border, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(part, border, -1, 1, cv2.FILLED)


def _steepness(part: np.ndarray, edges: np.ndarray) -> float:
    """Mean edge along the border of a part, less where the part is ragged."""
    contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    line = contours[0][:, 0]
    hull = cv2.contourArea(cv2.convexHull(contours[0]))
    solidity = cv2.contourArea(contours[0]) / hull if hull else 0.0
    return float(edges[line[:, 1], line[:, 0]].mean()) * solidity**2
