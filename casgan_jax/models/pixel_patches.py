"""The surroundings of many pixels at a given scale, as small images."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np


def pixel_patches(x: jax.Array, stride: int, window: int, side: int) -> jax.Array:
    """What surrounds the points of a lattice.

    The points are the middles of the cells of stride x stride pixels: every pixel where `stride` is
    1. Around each a square of `window` x `window` pixels is rescaled to `side` x `side` by linear
    interpolation, whose triangle is widened where the square shrinks, so that nothing is skipped.
    Beyond the image its border goes on. As the lattice and the squares are regular, all of it is
    two matrix products.

    Args:
      x: (N, S, S, C), float32.
      stride: distance of the points in pixels, a divisor of S.
      window: side of the squares in pixels, odd.
      side: side of the patches, odd.

    Returns:
      (N, S / stride, S / stride, side, side, C): rows and columns of points, then of pixels.
    """
    n, size, _, channels = x.shape
    points = size // stride
    weights = jnp.asarray(_sampling(size, stride, window, side))
    product = functools.partial(jnp.einsum, precision=jax.lax.Precision.HIGHEST)
    rows = product("ph,nhwc->npwc", weights, x)
    patches = product("qw,npwc->npqc", weights, rows)
    patches = patches.reshape(n, points, side, points, side, channels)
    return patches.transpose(0, 1, 3, 2, 4, 5)


@functools.lru_cache(maxsize=8)
def _sampling(size: int, stride: int, window: int, side: int) -> np.ndarray:
    """(size / stride * side, size): the weights of the pixels of a line in its samples."""
    spacing = window / side
    centres = np.arange(size // stride) * stride + (stride - 1) / 2
    offsets = (np.arange(side) - (side - 1) / 2) * spacing
    samples = (centres[:, None] + offsets[None]).reshape(-1, 1)
    width = max(1.0, spacing)
    first = np.ceil(samples - width)
    pixels = first + np.arange(int(2 * width) + 1)
    weights = np.maximum(0.0, 1.0 - np.abs(pixels - samples) / width)
    weights /= weights.sum(axis=1, keepdims=True)
    sampling = np.zeros((len(samples), size))
    kept = np.clip(pixels, 0, size - 1).astype(int)
    np.add.at(sampling, (np.arange(len(samples))[:, None], kept), weights)
    return sampling.astype(np.float32)
