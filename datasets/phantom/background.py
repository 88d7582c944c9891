"""Everything but the lesion: the HU of the tissues around it, lung vessels and airways."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from datasets.phantom import curves, fields, thorax, tissue, vessels
from datasets.phantom.tubes import Canvas

_AIR_HU = -985.0  # in airways
_ROUNDING_MM = 2.0  # corners between lung and what surrounds it are about as round


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
    labels = _round_corners(thorax.paint(patient, view), _ROUNDING_MM / view.pixel_mm)
    labels = _warp(rng, labels, rng.uniform(0.2, 0.8) / view.pixel_mm)
    lung = labels == curves.LUNG
    hu = tissue.tissue_hu(rng, patient.enhanced, labels, view)
    _fade_organs(hu, labels, (0.3 + rng.exponential(0.4)) / view.pixel_mm)
    tubes, air = (Canvas(view.side, view.pixel_mm) for _ in range(2))
    places = vessels.draw(rng, patient, view, thickness_mm, tubes, air)
    hilum = np.array(patient.hilum[int(view.centre[0] > 0)][:2])
    if rng.random() < 0.3:
        vessels.fissure(rng, tubes, view, hilum, patient.width)
    count = rng.binomial(3, 0.07 + 0.22 * target.spiculation)
    vessels.attach(rng, tubes, target.middle, target.radius_mm, places, count)
    tags = rng.binomial(2, 0.04 + 0.25 * target.spiculation)
    vessels.tags(rng, tubes, target.middle, lung, tags)
    share = tubes.fractions() * lung
    vessel_hu = rng.uniform(60, 220) if patient.enhanced else rng.uniform(20, 60)
    hu += share * (vessel_hu - hu)
    hu += air.fractions() * lung * (_AIR_HU - hu)
    return Background(hu, lung, share, vessel_hu)


def _round_corners(labels: np.ndarray, size: float) -> np.ndarray:
    """Rounds the border of the lung by about `size` pixels: pleura bridges sharp corners."""
    lung = labels == curves.LUNG
    filled = _smooth(lung, size) > 0.5
    rounded = np.where(filled, np.uint8(curves.LUNG), labels)
    rounded[~filled & lung] = curves.ORGAN
    return rounded


def _smooth(mask: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of a mask by many pixels, made on a coarser grid."""
    small = cv2.resize(
        mask.astype(np.float32), None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA
    )
    small = cv2.GaussianBlur(small, (0, 0), sigma / 4, borderType=cv2.BORDER_REPLICATE)
    return cv2.resize(small, mask.shape)


def _fade_organs(hu: np.ndarray, labels: np.ndarray, sigma: float) -> None:
    """Heart and liver meet the lung obliquely and move: their border fades over 2 sigma pixels."""
    lung = labels == curves.LUNG
    organ = curves.among(labels, (curves.ORGAN, curves.BLOOD, curves.LIVER, curves.FAT))
    hu += lung * _smooth(organ, sigma) * (40 - hu)
    hu += organ * _smooth(lung, sigma) * (-860 - hu)


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
