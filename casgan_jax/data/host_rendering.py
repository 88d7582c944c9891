"""Draws and planes -> training examples on the host, by OpenCV, in the pipeline's workers.

The twin of `casgan_jax.data.device_rendering`: the same geometry (OpenCV before version 5 rounds
source positions to 1/32 pixel), and other noise of the same distribution.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import cv2
import numpy as np

from casgan_jax.data.augmentation import Draw
from casgan_jax.data.elastic import node_weights
from casgan_jax.grid import area_mean, decode_alpha
from casgan_jax.records.prepared import Record

Render = Callable[[Draw], dict[str, np.ndarray]]


def single_threaded(render: Render) -> Render:
    """`render` for a pipeline, whose own threads and workers OpenCV's would fight for the cores.

    OpenCV has one number of threads for a whole process; it is set where a pipeline begins to
    render, in Grain's worker or in the process whose threads it uses.
    """

    @functools.wraps(render)
    def render_alone(draw: Draw) -> dict[str, np.ndarray]:
        if cv2.getNumThreads() != 1:
            cv2.setNumThreads(1)
        return render(draw)

    return render_alone


def render_segmentation(
    planes: Record, draw: Draw, *, patch: int, scale: int
) -> dict[str, np.ndarray]:
    """One augmented pair: `image` (patch, patch, 1) and `target` (scale * patch, ..., 1) in [0, 1].

    Args:
      planes: `image` (H, W) in [0, 1], `target` (scale H, scale W) coded uint8, and `mark`.
      draw: of `draw_segmentation`.
    """
    matrix, nodes = draw["matrix"].astype(np.float64), draw.get("nodes")
    centre = planes["mark"] + draw["shift"].astype(np.float64)
    image = _adjust(_warp(planes["image"], patch, matrix, centre, nodes), draw)
    fine_centre = scale * centre + (scale - 1) / 2
    fine_nodes = None if nodes is None else scale * nodes
    coded = _warp(planes["target"], scale * patch, matrix, fine_centre, fine_nodes)
    target = decode_alpha(coded)
    return {"image": image[..., None], "target": target[..., None]}


def render_super_resolution(
    planes: Record, draw: Draw, *, patch: int, scale: int
) -> dict[str, np.ndarray]:
    """One pair for SRGAN: a high-resolution crop and its area mean (paper 3.2.1), with noise.

    Args:
      planes: `image` (H, W) in [0, 1], at least scale * patch pixels a side.
      draw: of `draw_super_resolution`.
    """
    (top, left), side = draw["corner"], scale * patch
    target = np.rot90(planes["image"][top : top + side, left : left + side], draw["turns"])
    target = np.ascontiguousarray(target[:, ::-1] if draw["mirror"] else target)
    image = _adjust(area_mean(target, scale), draw)
    return {"image": image[..., None], "target": target[..., None]}


def _warp(
    plane: np.ndarray,
    size: int,
    matrix: np.ndarray,
    centre: np.ndarray,
    nodes: np.ndarray | None,
) -> np.ndarray:
    """Samples a `size` square around `centre`, (x, y) in the plane's pixels, as are the `nodes`."""
    offset = centre - matrix @ np.full(2, (size - 1) / 2)
    if nodes is None:
        return cv2.warpAffine(
            plane,
            np.column_stack([matrix, offset]).astype(np.float32),
            (size, size),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    weights, pixel = node_weights(size), np.arange(size)
    x, y = (
        (row[0] * pixel + row[1] * pixel[:, None] + start + weights @ moved @ weights.T)
        for row, start, moved in zip(matrix, offset, nodes, strict=True)
    )
    return cv2.remap(
        plane,
        x.astype(np.float32),
        y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _adjust(patch: np.ndarray, draw: Draw) -> np.ndarray:
    """Contrast, brightness and noise of a (P, P) patch, clipped to [0, 1]."""
    rng = np.random.default_rng(draw["noise_seed"])
    noise = draw["noise"] * rng.standard_normal(patch.shape, np.float32)
    half = np.float32(0.5)
    return np.clip((patch - half) * draw["contrast"] + half + draw["brightness"] + noise, 0.0, 1.0)
