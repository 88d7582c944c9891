"""Draws and planes -> training examples on the host, by OpenCV, in the pipeline's workers.

The twin of `casgan_jax.data.device_rendering`: the same geometry (OpenCV before version 5 rounds
source positions to 1/32 pixel), and other noise of the same distribution.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import cv2
import numpy as np

from casgan_jax.configs.schema.softgan import DrawnMarks
from casgan_jax.data.augmentation import Draw
from casgan_jax.data.drawn_marks import draw_marks
from casgan_jax.data.elastic import node_weights
from casgan_jax.grid import Box, area_mean, decode_alpha
from casgan_jax.records.neighbours import FEATURE
from casgan_jax.records.prepared import Record
from casgan_jax.soft_mask.mark_planes import Marks, mark_planes
from casgan_jax.soft_mask.view import View, view_of_axes

Render = Callable[[Draw], dict[str, np.ndarray]]

_HALF = 128  # the code of 0.5


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
    planes: Record, draw: Draw, *, patch: int, scale: int, marks: DrawnMarks | None = None
) -> dict[str, np.ndarray]:
    """One augmented pair: `image` (patch, patch, 1) and `target` (scale * patch, ..., 1) in [0, 1].

    Args:
      planes: `image` (H, W) in [0, 1], `target` (scale H, scale W) coded uint8, `mark`, `axes`
        where they are among the marks, and `neighbours` (H, W, slices) in [0, 1] where they are
        seen: the example has them, too, (patch, patch, slices), moved as the image is and with its
        contrast and brightness, each slice with noise of its own.
      draw: of `draw_segmentation`.
      patch, scale: see above.
      marks: how the marks are drawn that the example shows beside, as `marks` (patch, patch,
        kinds); None: there are none.
    """
    if marks is not None and marks.anywhere:
        planes = _marked_anywhere(planes, draw, scale, share=marks.anywhere)
    shown = None if marks is None else _draw_marks(planes, draw, marks)
    view, nodes = _view(planes, draw, shown, patch, marks)
    rng = np.random.default_rng(draw["noise_seed"])
    image = _adjust(_warp(planes["image"], patch, view, nodes), draw, rng)
    fine_nodes = None if nodes is None else scale * nodes
    coded = _warp(planes["target"], scale * patch, view.finer(scale), fine_nodes)
    example = {"image": image[..., None], "target": decode_alpha(coded)[..., None]}
    if FEATURE in planes:
        # One by one: OpenCV rounds positions otherwise where a plane has several channels.
        slices = [_warp(plane, patch, view, nodes) for plane in np.moveaxis(planes[FEATURE], -1, 0)]
        example[FEATURE] = _adjust(np.stack(slices, axis=-1), draw, rng)
    if marks is not None and shown is not None:
        example["marks"] = mark_planes(marks.kinds, shown, *_positions(patch, view, nodes))
    return example


def _view(
    planes: Record, draw: Draw, shown: Marks | None, patch: int, drawn: DrawnMarks | None
) -> tuple[View, np.ndarray | None]:
    """Where the patch lies, and its nodes: as they were drawn or, of a lesion that is seen by its
    axes, without the turn and in the pixels of that view."""
    matrix, nodes = draw["matrix"].astype(np.float64), draw.get("nodes")
    shift = draw["shift"].astype(np.float64)
    if drawn is None or not drawn.share or shown is None or shown.recist is None:
        centre = planes["mark"]
        if draw["whole_pixels"]:
            centre = np.array(Box.centred(centre, patch).inside(planes["image"].shape).centre)
        return View(matrix, centre + shift), nodes
    view = view_of_axes(shown.recist, patch, share=drawn.share)
    # Which end of an axis is the first is chance; so the turn decides whether it lies to the left.
    first = np.sign(matrix[1, 1]) or 1.0
    mirror = np.sign(np.linalg.det(matrix))
    upright = np.diag([mirror, 1.0]) * first * np.sqrt(abs(np.linalg.det(matrix)))
    moved = None if nodes is None else view.pixel * nodes
    return View(view.matrix @ upright, view.centre + view.matrix @ shift), moved


def _marked_anywhere(planes: Record, draw: Draw, scale: int, *, share: float) -> Record:
    """The planes or, with a chance, those marked at any point where the target is at least half."""
    rng = np.random.default_rng([draw["marks_seed"], 1])
    if rng.random() >= share:
        return planes
    rows, columns = np.nonzero(planes["target"] >= _HALF)
    if not len(rows):
        return planes
    chosen = rng.integers(len(rows))
    fine = np.array([columns[chosen], rows[chosen]], np.float32)
    return {**planes, "mark": (fine - (scale - 1) / 2) / scale}


def _draw_marks(planes: Record, draw: Draw, drawn: DrawnMarks) -> Marks:
    rng, shape = np.random.default_rng(draw["marks_seed"]), planes["image"].shape
    axes = planes["axes"] if drawn.axes else np.zeros((0, 8))
    return draw_marks(planes["mark"], axes, shape, rng, drawn=drawn)


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
    rng = np.random.default_rng(draw["noise_seed"])
    image = _adjust(area_mean(target, scale), draw, rng)
    return {"image": image[..., None], "target": target[..., None]}


def _warp(plane: np.ndarray, size: int, view: View, nodes: np.ndarray | None) -> np.ndarray:
    """Samples a `size` square of a plane; the `nodes` are in the plane's pixels."""
    if nodes is None:
        return view.sample(plane, size)
    x, y = _positions(size, view, nodes)
    return cv2.remap(
        plane,
        x.astype(np.float32),
        y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _positions(size: int, view: View, nodes: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """x and y of every pixel of a square in the plane, (size, size) each."""
    x, y = view.positions(size)
    if nodes is None:
        return x, y
    weights = node_weights(size)
    return x + weights @ nodes[0] @ weights.T, y + weights @ nodes[1] @ weights.T


def _adjust(patch: np.ndarray, draw: Draw, rng: np.random.Generator) -> np.ndarray:
    """Contrast, brightness and noise of (P, P, ...) patches, clipped to [0, 1]."""
    noise = draw["noise"] * rng.standard_normal(patch.shape, np.float32)
    half = np.float32(0.5)
    return np.clip((patch - half) * draw["contrast"] + half + draw["brightness"] + noise, 0.0, 1.0)
