"""Random fields with a given spectrum: tissue texture and scanner noise.

Fields are periodic and made in Fourier space from white noise: white noise has a flat spectrum,
so the result's power spectrum is the squared gain.
"""

from __future__ import annotations

import functools

import numpy as np
import scipy.fft


def shaped_noise(rng: np.random.Generator, gain: np.ndarray) -> np.ndarray:
    """Gaussian field of zero mean and unit variance with an amplitude spectrum like `gain`.

    Args:
      rng: source of randomness.
      gain: (S, S // 2 + 1) amplitude at the frequencies of `rfft2`, non-negative.

    Returns:
      (S, S) float32.
    """
    side = gain.shape[0]
    white = rng.standard_normal((side, side), dtype=np.float32)
    field = scipy.fft.irfft2(scipy.fft.rfft2(white) * gain, s=(side, side))
    field -= field.mean()
    return field / field.std()


@functools.lru_cache(maxsize=8)
def frequencies(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Of each coefficient of `rfft2`: (|f| in cycles per pixel, f_y^2 / |f|^2), both float32."""
    fy = np.fft.fftfreq(side).astype(np.float32)[:, None]
    fx = np.fft.rfftfreq(side).astype(np.float32)[None, :]
    squared = fx**2 + fy**2
    return np.sqrt(squared), fy**2 / np.maximum(squared, 1e-12)


@functools.lru_cache(maxsize=8)
def fractal_gain(side: int, exponent: float, longest: float) -> np.ndarray:
    """Amplitude f^-exponent, flat for waves longer than `longest` pixels: clouds of all sizes."""
    radius, _ = frequencies(side)
    gain = np.maximum(radius, 1.0 / longest) ** -exponent
    gain[0, 0] = 0.0
    return gain
