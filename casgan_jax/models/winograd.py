"""3x3 convolutions by Winograd's minimal filtering, F(2x2, 3x3): 4 products an output, not 9.

Tiles of 4x4 input pixels that overlap by two, and the kernel, are mapped to 16 coefficients each;
the coefficients' products, which are matrix products over the channels, map back to 2x2 output
pixels (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, section 4.1):

    output = A^T [(G kernel G^T) * (B^T tile B)] A

The maps only add, subtract and halve, so float32 results differ from the plain sum by rounding.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

# Rows of G; A and B are written out where they are applied.
_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], np.float32)


def winograd_conv(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Convolution with stride 1 and a border of one zero.

    Args:
      x: (N, H, W, C).
      kernel: (3, 3, C, F) of x's dtype.

    Returns:
      (N, H, W, F).
    """
    n, height, width, channels = x.shape
    features = kernel.shape[-1]
    coefficients = jnp.einsum("ai,bj,ijcf->abcf", _G, _G, kernel).reshape(16, channels, features)
    tiles = _tile_coefficients(x)
    products = [tile @ k for tile, k in zip(tiles, coefficients, strict=True)]
    rows = [_pair(*products[column::4]) for column in range(4)]
    # (column coefficient, row of the tile) -> (row, column) of the tile.
    pixels = [_pair(*(rows[column][row] for column in range(4))) for row in (0, 1)]
    tiles_down, tiles_right = (height + 1) // 2, (width + 1) // 2
    y = jnp.stack([jnp.stack(pair, axis=-2) for pair in pixels], axis=-3)
    y = y.reshape(n, tiles_down, tiles_right, 2, 2, features).transpose(0, 1, 3, 2, 4, 5)
    return y.reshape(n, 2 * tiles_down, 2 * tiles_right, features)[:, :height, :width]


def winograd_input_gradient(kernel: jax.Array, gradient: jax.Array) -> jax.Array:
    """Gradient of `winograd_conv` by its input: the same with the kernel turned by 180 degrees."""
    return winograd_conv(gradient, kernel[::-1, ::-1].swapaxes(2, 3))


def winograd_kernel_gradient(x: jax.Array, gradient: jax.Array) -> jax.Array:
    """Gradient of `winograd_conv` by its kernel: G^T [(B^T tile B) * (A gradient A^T)] G."""
    channels, features = x.shape[-1], gradient.shape[-1]
    products = [
        tile.T @ coefficient
        for tile, coefficient in zip(
            _tile_coefficients(x), _gradient_coefficients(gradient), strict=True
        )
    ]
    coefficients = jnp.stack(products).reshape(4, 4, channels, features)
    return jnp.einsum("ai,bj,abcf->ijcf", _G, _G, coefficients)


def _tile_coefficients(x: jax.Array) -> list[jax.Array]:
    """B^T tile B of all tiles: 16, row by row, of (N * tiles, C)."""
    _, height, width, channels = x.shape
    x = jnp.pad(x, ((0, 0), (1, 1 + height % 2), (1, 1 + width % 2), (0, 0)))
    down, right = (height + 1) // 2, (width + 1) // 2
    rows = _differences(*(x[:, row : row + 2 * down - 1 : 2] for row in range(4)))
    return [
        coefficient.reshape(-1, channels)
        for row in rows
        for coefficient in _differences(
            *(row[:, :, column : column + 2 * right - 1 : 2] for column in range(4))
        )
    ]


def _gradient_coefficients(gradient: jax.Array) -> list[jax.Array]:
    """A gradient A^T of all tiles: 16, row by row, of (N * tiles, F)."""
    _, height, width, features = gradient.shape
    gradient = jnp.pad(gradient, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)))
    rows = _spread(gradient[:, ::2], gradient[:, 1::2])
    return [
        coefficient.reshape(-1, features)
        for row in rows
        for coefficient in _spread(row[:, :, ::2], row[:, :, 1::2])
    ]


def _differences(a: jax.Array, b: jax.Array, c: jax.Array, d: jax.Array) -> list[jax.Array]:
    """B^T."""
    return [a - c, b + c, c - b, b - d]


def _pair(a: jax.Array, b: jax.Array, c: jax.Array, d: jax.Array) -> list[jax.Array]:
    """A^T."""
    return [a + b + c, b - c - d]


def _spread(a: jax.Array, b: jax.Array) -> list[jax.Array]:
    """A."""
    return [a, a + b, a - b, -b]
