"""Everything but the lesion: the HU of the tissues around it, lung vessels and airways."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from datasets.phantom import fields, thorax, vessels

_STEP = 4  # pixels between the points where a vessel may cross the slice
_TEXTURE_SIDE = 256  # fine texture is made on this grid; the scanner's blur removes what is finer


@dataclasses.dataclass(frozen=True)
class Target:
    """What the background has to know of the lesion: middle (pixels), radius (mm), spiculation."""

    middle: np.ndarray
    radius_mm: float
    spiculation: float


@dataclasses.dataclass(frozen=True)
class Background:
    """What surrounds a lesion, on the view's grid.

    Attributes:
      hu: float32.
      lung: bool, where a lesion may be.
      vessels: share of each pixel that is vessel, float32 in [0, 1].
      vessel_hu: of the vessels.
    """

    hu: np.ndarray
    lung: np.ndarray
    vessels: np.ndarray
    vessel_hu: float


def random_background(
    rng: np.random.Generator,
    patient: thorax.Thorax,
    view: thorax.View,
    thickness_mm: float,
    target: Target,
) -> Background:
    """The patient's slice of a thickness seen through a view, with vessels of its own."""
    labels = _warp(rng, thorax.paint(patient, view), rng.uniform(0.2, 0.8) / view.pixel_mm)
    lung = labels == thorax.LUNG
    hu = _tissue_hu(rng, patient.enhanced, labels)
    canvas = vessels.Canvas(view.side, view.pixel_mm)
    air = np.zeros(labels.shape, np.uint8)
    right_left = int(view.centre[0] > 0)
    hilum = view.to_pixels(np.array(patient.hilum[right_left]))
    _draw_vessels(rng, canvas, air, lung, hilum, thickness_mm)
    _attach_vessels(rng, canvas, target, hilum, thickness_mm)
    tubes = canvas.fractions() * lung
    vessel_hu = rng.uniform(60, 220) if patient.enhanced else rng.uniform(10, 60)
    hu += tubes * (vessel_hu - hu)
    hu[(air > 0) & lung] = -985.0
    return Background(hu, lung, tubes, vessel_hu)


def _warp(rng: np.random.Generator, labels: np.ndarray, size: float) -> np.ndarray:
    """Displaces borders smoothly by about `size` pixels: no border in a body is a clean curve."""
    gain = fields.fractal_gain(128, 2.8, 40.0)
    grid = np.arange(labels.shape[0], dtype=np.float32)
    across, down = (
        cv2.resize(fields.shaped_noise(rng, gain), labels.shape) * np.float32(size)
        for _ in range(2)
    )
    return cv2.remap(
        labels,
        across + grid[None],
        down + grid[:, None],
        cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _tissue_hu(rng: np.random.Generator, enhanced: bool, labels: np.ndarray) -> np.ndarray:
    """HU with texture for each tissue label."""
    fine, coarse = (
        cv2.resize(fields.shaped_noise(rng, fields.fractal_gain(*spectrum)), labels.shape)
        for spectrum in ((_TEXTURE_SIDE, 1.3, 80.0), (128, 1.8, 64.0))
    )
    tissues = {  # mean and standard deviation, HU
        thorax.AIR: (-1000.0, 0.0),
        thorax.SKIN: (15.0, 15.0),
        thorax.FAT: (-100.0, 16.0),
        thorax.MUSCLE: (rng.uniform(35, 60), 20.0),
        thorax.LUNG: (rng.normal(-868, 28), rng.uniform(14, 30)),
        thorax.ORGAN: (42.0, 16.0),
        thorax.BLOOD: (rng.uniform(110, 260) if enhanced else rng.uniform(25, 50), 4.0),
        thorax.CORTEX: (rng.uniform(600, 1300), 130.0),
        thorax.MARROW: (rng.uniform(120, 300), 60.0),
        thorax.LIVER: (rng.uniform(50, 110), 5.0),
    }
    table = np.zeros((2, 256), np.float32)
    for tissue, values in tissues.items():
        table[:, tissue] = values
    hu = cv2.LUT(labels, table[0]) + cv2.LUT(labels, table[1]) * fine
    hu += (labels == thorax.LUNG) * coarse * np.float32(rng.uniform(5, 22))
    # Fat between muscle fibres.
    hu[(labels == thorax.MUSCLE) & (coarse + 0.5 * fine > rng.uniform(1.0, 2.4))] -= 80
    return hu


def _draw_vessels(
    rng: np.random.Generator,
    canvas: vessels.Canvas,
    air: np.ndarray,
    lung: np.ndarray,
    hilum: np.ndarray,
    thickness_mm: float,
) -> None:
    """Vessels and airways at random places of the lung; sets the airways' air to 1 in `air`."""
    coarse = lung[::_STEP, ::_STEP].astype(np.uint8)
    step_mm = _STEP * canvas.pixel_mm
    wall = cv2.distanceTransform(coarse, cv2.DIST_L2, cv2.DIST_MASK_3) * step_mm
    rows, columns = np.nonzero(wall > 1.0)
    if not len(rows):
        return
    corners = np.stack([columns, rows], axis=1) * float(_STEP)
    depth = wall[rows, columns]
    area_cm2 = len(rows) * step_mm**2 / 100

    chosen = rng.integers(len(rows), size=rng.poisson(rng.uniform(2.5, 6.0) * area_cm2))
    places = corners[chosen] + rng.uniform(0, _STEP, (len(chosen), 2))
    vessels.scatter(rng, canvas, places, depth[chosen], hilum, thickness_mm)

    for k in rng.integers(len(rows), size=rng.poisson(0.08 * area_cm2)):
        outward = np.arctan2(*(corners[k] - hilum)[::-1]) + rng.normal(0, 0.4)
        radius = rng.uniform(0.2, 0.35 + min(0.03 * depth[k], 0.95))
        reach = rng.uniform(14, 40)
        vessels.tree(rng, canvas, corners[k], outward, radius, reach, thickness_mm)

    deep = np.flatnonzero(depth > 14)
    for _ in range(rng.poisson(0.008 * len(deep) * step_mm**2 / 100)):
        lumen = vessels.airway(rng, canvas, corners[rng.choice(deep)])
        cv2.fillPoly(air, [np.round(lumen).astype(np.int32)], 1)


def _attach_vessels(
    rng: np.random.Generator,
    canvas: vessels.Canvas,
    target: Target,
    hilum: np.ndarray,
    thickness_mm: float,
) -> None:
    """Vessels that reach the lesion: usually none or one, more at spiculated ones."""
    inward = np.arctan2(*(hilum - target.middle)[::-1])
    for _ in range(rng.binomial(3, 0.12 + 0.25 * target.spiculation)):
        radius = np.clip(0.25 * target.radius_mm, 0.35, 1.3) * rng.uniform(0.6, 1.2)
        direction = inward + rng.normal(0, 1.2)
        reach = rng.uniform(12, 35)
        vessels.tree(
            rng,
            canvas,
            target.middle,
            direction,
            radius,
            reach,
            thickness_mm,
            generations=3,
            first=0.9,
        )
