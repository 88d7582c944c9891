"""HU of the tissues of a painted slice: textures, layers of the chest wall, diseased lung."""

from __future__ import annotations

import cv2
import numpy as np

from datasets.phantom import curves, fields
from datasets.phantom.thorax import View

_FINE_SIDE, _COARSE_SIDE = 256, 128  # textures are made on these grids, then resized
_SOFT = (curves.FAT, curves.MUSCLE, curves.ORGAN, curves.BLOOD, curves.LIVER)
_COARSE_STEP = 4  # pixels between the points where the depth below the pleura is measured


def tissue_hu(
    rng: np.random.Generator, enhanced: bool, labels: np.ndarray, view: View
) -> np.ndarray:
    """(side, side) float32 HU with texture for each tissue label."""
    fine = _texture(rng, labels.shape, _FINE_SIDE, 1.3, 80.0)
    coarse = _texture(rng, labels.shape, _COARSE_SIDE, 1.8, 64.0)
    tissues = {  # mean and standard deviation, HU
        curves.AIR: (-1000.0, 0.0),
        curves.SKIN: (15.0, 15.0),
        curves.FAT: (-100.0, 14.0),
        curves.MUSCLE: (rng.uniform(40, 62), 15.0),
        curves.LUNG: (0.0, 0.0),
        curves.ORGAN: (42.0, 12.0),
        curves.BLOOD: (rng.uniform(110, 260) if enhanced else rng.uniform(25, 50), 4.0),
        curves.CORTEX: (rng.uniform(650, 1200), 150.0),
        curves.MARROW: (rng.uniform(180, 380), 90.0),
        curves.LIVER: (rng.uniform(50, 110), 5.0),
    }
    table = np.zeros((2, 256), np.float32)
    for tissue, values in tissues.items():
        table[:, tissue] = values
    hu = _blend_soft(cv2.LUT(labels, table[0]), labels, rng.uniform(0.4, 1.1) / view.pixel_mm)
    hu += cv2.LUT(labels, table[1]) * fine
    _soften_bone(rng, hu, labels, coarse, fine, view.pixel_mm)
    _layer_wall(rng, hu, labels, coarse, fine, view.pixel_mm)
    lung = labels == curves.LUNG
    hu[lung] = _parenchyma(rng, view, labels.shape, fine, coarse)[lung]
    return hu


def _texture(
    rng: np.random.Generator, shape: tuple[int, int], side: int, exponent: float, longest: float
) -> np.ndarray:
    field = fields.shaped_noise(rng, fields.fractal_gain(side, exponent, longest))
    return cv2.resize(field, shape)


def _blend_soft(hu: np.ndarray, labels: np.ndarray, sigma: float) -> np.ndarray:
    """Borders between soft tissues, which lie obliquely in the slice, fade over `sigma` pixels."""
    soft = curves.among(labels, _SOFT)
    small = cv2.resize(
        np.dstack([soft, hu * soft]).astype(np.float32),
        None,
        fx=0.25,
        fy=0.25,
        interpolation=cv2.INTER_AREA,
    )
    small = cv2.GaussianBlur(small, (0, 0), sigma / 4, borderType=cv2.BORDER_REPLICATE)
    blended = cv2.resize(small[..., 1] / np.maximum(small[..., 0], 1e-3), labels.shape)
    return np.where(soft & (blended > -130), blended, hu)


def _soften_bone(
    rng: np.random.Generator,
    hu: np.ndarray,
    labels: np.ndarray,
    coarse: np.ndarray,
    fine: np.ndarray,
    pixel_mm: float,
) -> None:
    """Ribs cross the slice obliquely: their borders fade over more than the scanner's blur."""
    bone = (labels == curves.CORTEX) | (labels == curves.MARROW)
    if not bone.any():
        return
    gain = np.maximum(1 + 0.3 * coarse + 0.2 * fine, 0.2)
    excess = np.where(bone, (hu - 50) * gain, np.float32(0)).astype(np.float32)
    hu[bone] = 50
    sigma = rng.uniform(0.12, 0.7) / pixel_mm
    hu += cv2.GaussianBlur(excess, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)


def _layer_wall(
    rng: np.random.Generator,
    hu: np.ndarray,
    labels: np.ndarray,
    coarse: np.ndarray,
    fine: np.ndarray,
    pixel_mm: float,
) -> None:
    """Sheets of fat between the muscles and strands of tissue in the fat, along the chest wall."""
    muscle, fat = labels == curves.MUSCLE, labels == curves.FAT
    outside = (labels != curves.LUNG)[::_COARSE_STEP, ::_COARSE_STEP].astype(np.uint8)
    depth = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_5)
    depth = cv2.resize(depth, labels.shape) * np.float32(_COARSE_STEP * pixel_mm)
    # Sheets are level sets of the depth, bent by the coarse texture, which split and end.
    bent = depth + np.float32(rng.uniform(1.0, 4.5)) * coarse
    sheet = np.interp(np.arange(0, 120, 0.25), np.arange(0, 120, 3.0), rng.normal(size=40))
    level = sheet.astype(np.float32)[np.clip(bent * 4, 0, 479).astype(np.int32)]
    fatty = _soft_step(level + 0.5 * coarse + 0.35 * fine, rng.uniform(0.3, 1.6), 0.4)
    hu += muscle * fatty * np.float32(-120)
    strand = _soft_step(-level + 0.4 * fine, rng.uniform(1.6, 2.6), 0.35)
    hu += fat * strand * np.float32(90)


def _soft_step(field: np.ndarray, threshold: float, width: float) -> np.ndarray:
    """0 below the threshold, 1 from `width` above it."""
    return np.clip((field - np.float32(threshold)) / np.float32(width), 0.0, 1.0)


def _parenchyma(
    rng: np.random.Generator,
    view: View,
    shape: tuple[int, int],
    fine: np.ndarray,
    coarse: np.ndarray,
) -> np.ndarray:
    """HU of lung tissue: denser towards the back, in some patients with disease."""
    hu = rng.normal(-868, 28) + fine * np.float32(rng.uniform(6, 18))
    hu += coarse * np.float32(rng.uniform(5, 22))
    back = view.to_mm(np.array([[0, k] for k in range(shape[0])]))[:, 1]
    hu += np.float32(abs(rng.normal(0, 0.3))) * back.astype(np.float32)[:, None]
    if rng.random() < 0.25:
        hu -= _emphysema(rng, shape) * np.float32(rng.uniform(40, 100))
    if rng.random() < 0.15:
        hu += _reticulation(rng, shape, coarse) * np.float32(rng.uniform(60, 220))
    return np.clip(hu, -990, 100).astype(np.float32)


def _emphysema(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Holes of a few millimetres with soft borders, 0 to 1."""
    holes = _texture(rng, shape, _COARSE_SIDE, 2.0, rng.uniform(12, 40))
    return _soft_step(holes, rng.uniform(0.0, 0.8), 0.6)


def _reticulation(
    rng: np.random.Generator, shape: tuple[int, int], coarse: np.ndarray
) -> np.ndarray:
    """A net of thickened septa in patches, 0 to 1: ridges where a random field changes sign."""
    net = _texture(rng, shape, _COARSE_SIDE, 2.2, 12.0)
    return np.exp(-np.square(net / np.float32(0.16))) * _soft_step(
        coarse, rng.uniform(-0.5, 1), 0.8
    )
