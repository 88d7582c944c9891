"""Lesion outlines: irregular shapes whose share of every pixel is known.

An outline is a star-shaped body, given by its radius at each angle, and spicules, thin tapering
spikes. The lesion is a body in space: the outline is its cross-section with the middle of the
slice, and its height decides how much of the slice's thickness it fills towards its border (the
partial volume through the plane). A slice of thickness 0 has no such effect, and the share of a
pixel is then the area fraction of the outline.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

ANGLES = 2048  # samples of the body's radius; 0.05 px apart on the border of the largest lesions


@dataclasses.dataclass(frozen=True)
class Outline:
    """Cross-section of a lesion. Lengths are in native pixels, angles in radians from x towards y.

    Attributes:
      radii: (ANGLES,) distance from the centre to the border of the body.
      spicules: (n, 4) direction, distance of the root from the centre, length, half width there.
      height: half of the body's extent across the slices.
      depth: offset of the slice from the body's middle, as a share of `height`, in [0, 1).
    """

    radii: np.ndarray
    spicules: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros((0, 4)))
    height: float = 1.0
    depth: float = 0.0

    @property
    def reach(self) -> float:
        """Largest distance of the outline from its centre."""
        tips = self.spicules[:, 1] + self.spicules[:, 2]
        return float(max(self.radii.max(), tips.max(initial=0.0)))

    def scaled(self, factor: float) -> Outline:
        """The same shape, `factor` times as large in the plane."""
        spicules = self.spicules * np.array([1.0, factor, factor, factor])
        return dataclasses.replace(self, radii=self.radii * factor, spicules=spicules)


def ellipse(semi_x: float, semi_y: float) -> Outline:
    """Outline of an ellipse along the axes, in native pixels."""
    angle = _angles()
    return Outline(1.0 / np.hypot(np.cos(angle) / semi_x, np.sin(angle) / semi_y))


def random_outline(
    rng: np.random.Generator,
    area: float,
    *,
    elongation: float = 1.0,
    lobulation: float = 0.0,
    irregularity: float = 0.03,
    spiculation: float = 0.0,
) -> Outline:
    """An outline of a given area.

    Args:
      rng: source of randomness.
      area: of the body without spicules, in native square pixels.
      elongation: long over short axis before lobes, >= 1.
      lobulation: 0 for a smooth border, 1 for deep lobes.
      irregularity: relative size of the ripples of the border.
      spiculation: 0 for none, 1 for a dense crown of spicules as long as the body's radius.
    """
    angle = _angles() + rng.uniform(0, 2 * np.pi)
    radii = 1.0 / np.hypot(np.cos(angle) / np.sqrt(elongation), np.sin(angle) * np.sqrt(elongation))
    for _ in range(rng.integers(2, 7) if lobulation > 0 else 0):
        direction, away = rng.uniform(0, 2 * np.pi), rng.uniform(0.45, 0.9)
        size = rng.uniform(0.4, 0.4 + 0.35 * lobulation)
        lobe = _circle(_angles() - direction, away * (0.6 + 0.6 * lobulation), size)
        radii = np.maximum(radii, lobe)
    for wave in range(2, 12):
        amplitude = irregularity * rng.normal() * (3.0 / (wave + 1))
        radii = radii * (1.0 + amplitude * np.cos(wave * _angles() + rng.uniform(0, 2 * np.pi)))
    radii = np.maximum(radii, 0.3)
    radii *= np.sqrt(area / (np.pi * np.mean(radii**2)))
    return Outline(radii, _spicules(rng, radii, spiculation))


def _angles() -> np.ndarray:
    return np.arange(ANGLES) * (2 * np.pi / ANGLES)


def _circle(angle: np.ndarray, away: float, size: float) -> np.ndarray:
    """Distance at which rays from the origin leave a circle; 0 where they miss it."""
    inside = size**2 - (away * np.sin(angle)) ** 2
    return np.where(inside > 0, away * np.cos(angle) + np.sqrt(np.maximum(inside, 0)), 0.0)


def _spicules(rng: np.random.Generator, radii: np.ndarray, spiculation: float) -> np.ndarray:
    count = round(spiculation * 20)
    if not count:
        return np.zeros((0, 4))
    mean = np.sqrt(np.mean(radii**2))
    direction = rng.uniform(0, 2 * np.pi, count)
    border = radii[np.round(direction * ANGLES / (2 * np.pi)).astype(int) % ANGLES]
    length = mean * (0.2 + rng.gamma(2.0, 0.1 + 0.12 * spiculation, count).clip(max=1.3))
    half_width = np.clip(mean * rng.uniform(0.04, 0.15, count), 0.25, 0.9)
    return np.stack([direction, 0.7 * border, length + 0.3 * border, half_width], axis=1)


def area_fraction(
    outline: Outline,
    centre: tuple[float, float],
    side: int,
    scale: int,
    *,
    supersample: int = 4,
    thickness: float = 0.0,
) -> np.ndarray:
    """Share of the lesion in each pixel of the `scale` x grid, before any blur.

    Args:
      outline: the lesion's shape.
      centre: (x, y) of its centre in native pixel coordinates.
      side: side of the native crop in pixels.
      scale: r, pixels of the result per native pixel.
      supersample: samples per result pixel and axis; the result is exact to about
        1 / supersample^2 in each pixel and much better in sum.
      thickness: of the slice, in native pixels; 0 for the area fraction.

    Returns:
      (scale * side, scale * side) float32 in [0, 1].
    """
    total = np.zeros((scale * side, scale * side), np.float32)
    middle = np.array([scale * c + (scale - 1) / 2 for c in centre])  # on the r x grid
    reach = scale * outline.reach + 2
    x0, y0 = np.maximum(np.floor(middle - reach).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(middle + reach).astype(int) + 1, scale * side)
    if x0 >= x1 or y0 >= y1:
        return total
    x = _samples(x0, x1, middle[0], scale, supersample)
    y = _samples(y0, y1, middle[1], scale, supersample)
    fraction = _body_fraction(outline, x, y, thickness)
    for spicule in outline.spicules:
        _add_spicule(fraction, spicule, x, y)
    total[y0:y1, x0:x1] = fraction.reshape(y1 - y0, supersample, x1 - x0, supersample).mean((1, 3))
    return total


def _samples(first: int, last: int, middle: float, scale: int, supersample: int) -> np.ndarray:
    """Offsets from the centre, native pixels, of the samples of pixels first .. last - 1."""
    index = np.arange((last - first) * supersample)
    position = first - 0.5 + (index + 0.5) / supersample
    return ((position - middle) / scale).astype(np.float32)


def _body_fraction(outline: Outline, x: np.ndarray, y: np.ndarray, thickness: float) -> np.ndarray:
    grid_x, grid_y = np.meshgrid(x, y)
    radius, angle = cv2.cartToPolar(grid_x, grid_y)
    index = (angle * np.float32(ANGLES / (2 * np.pi)) + np.float32(0.5)).astype(np.int32)
    index[index >= ANGLES] = 0
    radius /= outline.radii.astype(np.float32)[index]
    if thickness <= 0:
        return (radius < 1).astype(np.float32)
    # An ellipsoid: half its chord along the slice's axis, then what of the chord is in the slice.
    inside = np.float32(1) - np.square(radius) * np.float32(1 - outline.depth**2)
    chord = np.float32(outline.height) * np.sqrt(np.maximum(inside, 0))
    offset = outline.depth * outline.height
    top = np.minimum(chord, np.float32(offset + thickness / 2))
    bottom = np.maximum(-chord, np.float32(offset - thickness / 2))
    return np.maximum(top - bottom, 0) / np.float32(thickness)


def _add_spicule(fraction: np.ndarray, spicule: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Fills the tapering spike in place, touching only the box around it."""
    direction, root, length, half_width = (float(v) for v in spicule)
    unit = np.array([np.cos(direction), np.sin(direction)])
    ends = np.stack([unit * root, unit * (root + length)])
    low, high = ends.min(0) - half_width, ends.max(0) + half_width
    columns = slice(*np.searchsorted(x, (low[0], high[0])))
    rows = slice(*np.searchsorted(y, (low[1], high[1])))
    x, y = x[None, columns], y[rows, None]
    along = x * np.float32(unit[0]) + y * np.float32(unit[1])
    across = np.abs(y * np.float32(unit[0]) - x * np.float32(unit[1]))
    share = (along - np.float32(root)) / np.float32(length)
    spike = (share > 0) & (across < np.float32(half_width) * (1 - share))
    np.maximum(fraction[rows, columns], spike, out=fraction[rows, columns])
