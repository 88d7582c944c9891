"""The CT scanner: blur, pixels, noise.

A scene in HU on the r x grid becomes an image in two linear steps, blur by the scanner's point
spread function (PSF, a Gaussian, so that a blurred lesion fraction stays in [0, 1]) and averaging
over the native pixels, to which noise is added. Noise has the power spectrum of filtered back-
projection: the ramp, which suppresses low frequencies, times the square of the reconstruction
kernel's apodisation, stronger along one direction where the body absorbs more (streaks).
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np

from casgan_jax.grid import area_mean
from datasets.phantom import fields

LOWEST_HU, HIGHEST_HU = -2048, 3071
OUTSIDE_HU = -2000  # what some scanners store outside the circular field of view


@dataclasses.dataclass(frozen=True)
class Scanner:
    """One acquisition and reconstruction. Lengths are in native pixels.

    Attributes:
      psf: standard deviation of the PSF.
      noise: standard deviation of the noise, HU.
      cutoff: frequency (cycles per pixel) at which the noise's apodisation falls to 1/e.
      streaks: how much stronger noise is across the streaks' direction than along it, >= 0.
      streaks_along_y: whether the streaks run along y instead of x.
      thickness: of the slice.
      marks_outside: whether pixels outside the circular field of view hold OUTSIDE_HU.
    """

    psf: float
    noise: float
    cutoff: float
    streaks: float
    streaks_along_y: bool
    thickness: float
    marks_outside: bool


def random_scanner(rng: np.random.Generator, spacing_mm: float) -> Scanner:
    """Kernels from smooth to sharp, doses from high to low: a sharp kernel keeps more noise."""
    sharpness = rng.beta(1.6, 1.8)
    noise = np.exp(rng.normal(np.log(15 + 20 * sharpness), 0.40))
    return Scanner(
        psf=(0.60 - 0.31 * sharpness) / spacing_mm * rng.uniform(0.85, 1.15),
        noise=float(np.clip(noise, 7, 75)),
        cutoff=(0.135 + 0.165 * sharpness) * rng.uniform(0.9, 1.1),
        streaks=rng.exponential(1.5 if rng.random() < 0.85 else 8.0),
        streaks_along_y=bool(rng.random() < 0.1),
        thickness=rng.choice([0.9, 1.25, 1.25, 1.8, 2.0, 2.5, 3.0]) / spacing_mm,
        marks_outside=bool(rng.random() < 0.4),
    )


def blur(plane: np.ndarray, sigma: float) -> np.ndarray:
    """PSF of standard deviation `sigma` pixels of this plane; the border is continued as it is."""
    return cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)


def pixels(plane: np.ndarray, scale: int) -> np.ndarray:
    """r x plane -> native plane, the mean of each block of scale x scale."""
    return area_mean(plane, scale)


def noise(
    rng: np.random.Generator, scanner: Scanner, side: int, *, oversampling: int = 1
) -> np.ndarray:
    """Noise of unit variance on a plane of `side` pixels, `oversampling` of them a native pixel."""
    radius, across = fields.frequencies(side)
    native = radius * oversampling
    gain = np.sqrt(native) * np.exp(-0.5 * np.square(native / scanner.cutoff))
    across = 1 - across if scanner.streaks_along_y else across
    gain *= np.sqrt(1 + scanner.streaks * np.square(across))
    return fields.shaped_noise(rng, gain)


def to_hu(plane: np.ndarray, *, step: int = 1) -> np.ndarray:
    """float HU -> int16 multiples of `step`, clipped to the range scanners store."""
    rounded = np.round(plane / step) * step
    return np.clip(rounded, LOWEST_HU, HIGHEST_HU // step * step).astype(np.int16)
