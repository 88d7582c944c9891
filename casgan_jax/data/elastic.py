"""Elastic deformation: nine random displacements of a patch, and a smooth field through them.

Ronneberger et al. 2015, Section 3.1: "smooth deformations using random displacement vectors on a
coarse 3 by 3 grid. The displacements are sampled from a Gaussian distribution with 10 pixels
standard deviation. Per-pixel displacements are then computed using bicubic interpolation."
"""

from __future__ import annotations

import functools

import numpy as np

NODES = 3  # of the grid, along each side


@functools.cache
def node_weights(size: int) -> np.ndarray:
    """How much each node of the grid counts at each pixel of a side.

    The outer nodes are on the patch's edges, the middle one half-way, whatever its pixels are: the
    fields of an image and of a finer target are one. Between the nodes is a natural cubic spline.

    Args:
      size: pixels of the side.

    Returns:
      (size, NODES) float32, rows that sum to 1: with it the field of nodes (NODES, NODES) is
      `weights @ nodes @ weights.T`.
    """
    from scipy.interpolate import CubicSpline  # nearly a second, and most trainings need none

    pixels = (np.arange(size) + 0.5) / size
    spline = CubicSpline(np.linspace(0.0, 1.0, NODES), np.eye(NODES), bc_type="natural")
    weights = spline(pixels).astype(np.float32)
    weights.flags.writeable = False  # all callers share it
    return weights
