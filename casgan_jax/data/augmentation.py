"""What is drawn for each example; a renderer, on the host or on the device, makes pixels of it.

A draw is a flat dictionary of numpy values of fixed types, so that draws of a batch can be stacked
and sent to the devices.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from casgan_jax.configs.schema.softgan import Augmentation
from casgan_jax.data.elastic import NODES

Draw = dict[str, Any]


def draw_segmentation(
    index: int, rng: np.random.Generator, *, augmentation: Augmentation, marked: bool = False
) -> Draw:
    """A patch of a record, turned, mirrored, zoomed and shifted about its mark, and deformed.

    Args:
      index: of the record.
      rng: what all is drawn from.
      augmentation: limits.
      marked: whether the example shows a user's marks, which the renderer draws.

    Returns:
      `record`, `matrix` (2, 2) from an output pixel's offset (x, y) to the source's, both from the
      patch's centre, `whole_pixels`, `shift` (2,) of that centre in native pixels, from the mark
      or, by whole pixels, from the centre of the patch around it (`casgan_jax.records.patches`),
      grey levels (see `_draw_levels`), where there is elastic deformation `nodes` (2, 3, 3): how
      far it moves the source's x and y at the nodes of its grid, in native pixels, and where there
      are marks `marks_seed`.
    """
    whole = augmentation.whole_pixels > 0 and rng.random() < augmentation.whole_pixels
    angle = np.deg2rad(rng.uniform(-augmentation.rotation, augmentation.rotation))
    shrink = np.exp(-rng.uniform(-augmentation.zoom, augmentation.zoom))
    mirror = -1.0 if augmentation.flip and rng.random() < 0.5 else 1.0
    shift = rng.uniform(-augmentation.shift, augmentation.shift, 2)
    cosine, sine = np.cos(angle) * shrink, np.sin(angle) * shrink
    if whole:
        # Interpolation would blur what is sharp when it is predicted.
        cosine, sine = ((1, 0), (0, 1), (-1, 0), (0, -1))[rng.integers(4)]
        shift = np.rint(shift)
    draw = {
        "record": np.int32(index),
        "matrix": np.array([[mirror * cosine, -sine], [mirror * sine, cosine]], np.float32),
        "whole_pixels": np.bool_(whole),
        "shift": shift.astype(np.float32),
        **_draw_levels(augmentation, rng),
    }
    if augmentation.elastic:
        nodes = rng.standard_normal((2, NODES, NODES), np.float32)
        draw["nodes"] = np.float32(0.0 if whole else augmentation.elastic) * nodes
    if marked:
        draw["marks_seed"] = rng.integers(2**32, dtype=np.uint32)
    return draw


def draw_super_resolution(
    index: int,
    rng: np.random.Generator,
    *,
    augmentation: Augmentation,
    shape: tuple[int, int],
    side: int,
) -> Draw:
    """A square crop of a high-resolution image, one of its eight symmetries, and noise.

    Args:
      shape: of the image.
      side: of the crop, at most that of the image.

    Returns:
      `record`, `corner` (2,) row and column, `turns` by 90 degrees, `mirror` (after the turns), and
      grey levels (see `_draw_levels`): contrast and brightness are left alone.
    """
    corner = [rng.integers(0, length - side + 1) for length in shape]
    return {
        "record": np.int32(index),
        "corner": np.array(corner, np.int32),
        "turns": np.int32(rng.integers(4)),
        "mirror": np.bool_(rng.random() < 0.5),
        **_draw_levels(dataclasses.replace(augmentation, contrast=0.0, brightness=0.0), rng),
    }


def _draw_levels(augmentation: Augmentation, rng: np.random.Generator) -> Draw:
    """`contrast` factor, `brightness` added, `noise` standard deviation and `noise_seed`.

    The noise itself is the renderer's: 4,096 numbers for a patch of 64 would be most of a draw.
    """
    return {
        "contrast": np.float32(np.exp(rng.uniform(-augmentation.contrast, augmentation.contrast))),
        "brightness": np.float32(rng.uniform(-augmentation.brightness, augmentation.brightness)),
        "noise": np.float32(rng.uniform(0.0, augmentation.noise)),
        "noise_seed": rng.integers(2**32, dtype=np.uint32),
    }
