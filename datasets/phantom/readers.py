"""Four simulated readers who outline the same lesion, each in a habitual way.

Each draws on the native grid a contour at some distance from the true border: one generously, one
tightly, one rounding off what is small, one with an unsteady and displaced hand. The habits are
strong enough for the readers' agreement to be that of the four readers of LIDC-IDRI (see the
README's table).
"""

from __future__ import annotations

import dataclasses
import functools

import cv2
import numpy as np

from datasets.phantom import fields, scanner


@dataclasses.dataclass(frozen=True)
class Habit:
    """How a reader draws. Lengths are in native pixels.

    Attributes:
      offset: mean and standard deviation of how far outside the true border the contour lies.
      waves: size of the contour's slow deviations.
      tremor: size of its fast deviations.
      rounding: smoothing of the border, as a share of the lesion's radius.
      shift: standard deviation of the displacement of the whole contour.
    """

    offset: tuple[float, float]
    waves: float
    tremor: float
    rounding: float
    shift: float


INCLUSIVE = Habit((0.42, 0.30), waves=0.25, tremor=0.05, rounding=0.10, shift=0.15)
TIGHT = Habit((-0.40, 0.30), waves=0.25, tremor=0.05, rounding=0.05, shift=0.15)
SMOOTHING = Habit((0.05, 0.25), waves=0.15, tremor=0.00, rounding=0.35, shift=0.20)
UNSTEADY = Habit((0.0, 0.35), waves=0.35, tremor=0.25, rounding=0.0, shift=0.45)
HABITS = (INCLUSIVE, TIGHT, SMOOTHING, UNSTEADY)


def draw_masks(
    rng: np.random.Generator, alpha: np.ndarray, scale: int, *, vagueness: float = 1.0
) -> np.ndarray:
    """The outlines of all four readers, in random order, as real mask slots are.

    Args:
      rng: source of randomness.
      alpha: (scale * H, scale * H) float32, the true soft mask.
      scale: pixels of `alpha` a native pixel.
      vagueness: how much more than usual the readers disagree; large for ill-defined borders.

    Returns:
      (H, H, 4) bool. All have the lesion's innermost pixel in common, and none is empty.
    """
    distance = border_distance(alpha, scale)
    radius = np.sqrt((alpha >= 0.5 * alpha.max()).sum() / np.pi) / scale
    strength = vagueness * 1.02 * np.clip((radius / 5.0) ** 0.35, 0.95, 1.5)
    masks = [_draw(rng, habit, distance, radius, strength) for habit in HABITS]
    return np.stack(masks, axis=-1)[..., rng.permutation(len(HABITS))]


def border_distance(alpha: np.ndarray, scale: int) -> np.ndarray:
    """(H, H) float32 distance to the border (half the highest alpha), native px, < 0 inside."""
    inside = (alpha >= 0.5 * alpha.max()).astype(np.uint8)
    outer = cv2.distanceTransform(1 - inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    inner = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    return scanner.pixels(outer - inner, scale) / scale


def _draw(
    rng: np.random.Generator,
    habit: Habit,
    distance: np.ndarray,
    radius: float,
    strength: float,
) -> np.ndarray:
    side = distance.shape[0]
    # Now and then a reader sees the lesion quite differently.
    strength = strength * np.exp(0.45 * rng.standard_normal())
    row, column = np.unravel_index(np.argmin(distance), distance.shape)
    innermost = row, column
    surface = distance
    if habit.rounding:
        surface = scanner.blur(surface, max(0.3, habit.rounding * radius))
    move = rng.normal(0, habit.shift * strength, 2)
    surface = cv2.warpAffine(
        surface,
        np.array([[1, 0, move[0]], [0, 1, move[1]]]),
        (side, side),
        borderMode=cv2.BORDER_REPLICATE,
    )
    slow = fields.shaped_noise(rng, _wave_gain(side, float(np.round(max(2.0, 0.5 * radius)))))
    fast = fields.shaped_noise(rng, _wave_gain(side, 0.8))
    level = strength * (rng.normal(*habit.offset) + habit.waves * slow + habit.tremor * fast)
    mask = (surface < level).astype(np.uint8)
    mask[innermost] = 1
    return _one_piece(mask, innermost)


@functools.lru_cache(maxsize=16)
def _wave_gain(side: int, length: float) -> np.ndarray:
    """Gaussian spectrum of waves of about `length` pixels' correlation."""
    radius, _ = fields.frequencies(side)
    return np.exp(-0.5 * np.square(2 * np.pi * length * radius))


def _one_piece(mask: np.ndarray, seed: tuple[np.intp, np.intp]) -> np.ndarray:
    """The component around `seed`, its holes filled: what one closed contour can enclose."""
    _, labels = cv2.connectedComponents(mask, connectivity=4)
    piece = (labels == labels[seed]).astype(np.uint8)
    contours, _ = cv2.findContours(piece, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(piece, contours, -1, 1, cv2.FILLED)
    return piece.astype(bool)
