"""Regions of known texture, and the mark of tests that need pyradiomics."""

import importlib.util

import numpy as np
import pytest

needs_pyradiomics = pytest.mark.skipif(
    importlib.util.find_spec("radiomics") is None,
    reason="pyradiomics is absent: make .venv/.installed-radiomics",
)


def soft_disc(size=40, radius=8.0, blur=4.0):
    """(size, size) float32 alpha that falls from 1 to 0 over `blur` pixels."""
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(x - 18.3, y - 21.6)
    return np.clip((radius - distance) / blur + 0.5, 0, 1).astype(np.float32)


def ct_like(seed=0, size=40):
    """(size, size) int16 HU: a nodule of soft tissue in lung, with noise."""
    noise = np.random.default_rng(seed).normal(0, 25, (size, size))
    return np.round(-850 + 880 * soft_disc(size) + noise).astype(np.int16)
