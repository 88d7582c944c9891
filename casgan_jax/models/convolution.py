"""Convolution with stride 1 or 2 that the CPU backend runs at the pace of matrix products.

On accelerators `conv` is XLA's own convolution. XLA's CPU backend is slow in some places, which are
written as something that it is fast at: gradients by kernels of few features or of very many
channels, kernels of many channels on few pixels, small kernels that shrink the number of channels,
gradients by the input of a strided convolution. 3x3 kernels of many channels on many pixels are
applied by `casgan_jax.models.winograd`, with fewer products.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from casgan_jax.models import winograd

_DIMENSIONS = ("NHWC", "HWIO", "NHWC")
# Below either the maps cost more than the products they save: see `_suits_winograd`.
_WINOGRAD_CHANNELS = 64
_WINOGRAD_PIXELS = 1024
_PLAIN_KERNEL = 2**16  # channels times features from which on products are the faster gradient
_CACHE = 1_700_000  # bytes of a gradient that stay there: see `_plain_kernel_gradient`


def space_to_depth(x: jax.Array, r: int = 2) -> jax.Array:
    """(N, r H, r W, C) -> (N, H, W, r^2 C), channels ordered (row in the cell, column, C)."""
    n, height, width, channels = x.shape
    x = x.reshape(n, height // r, r, width // r, r, channels)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(n, height // r, width // r, r * r * channels)


def depth_to_space(x: jax.Array, r: int = 2) -> jax.Array:
    """(N, H, W, r^2 C) -> (N, r H, r W, C), the inverse of `space_to_depth`."""
    n, height, width, channels = x.shape
    x = x.reshape(n, height, width, r, r, channels // r**2)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(n, r * height, r * width, channels // r**2)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def conv(x: jax.Array, kernel: jax.Array, stride: int = 1, padding: int = 0) -> jax.Array:
    """Convolution; on the CPU in one of the ways that the module's docstring names.

    Milliseconds on two cores of an AMD EPYC, against XLA's own convolution: 4 maps of 44 x 44
    pixels, 3 x 3 taps, by Winograd's products 6.7 and 11.4 for 64 to 128 channels, 9.6 and 18.9
    back; 8 maps of 66 x 66 pixels, 2 x 2 taps, 32 to 4 channels as a shifted sum 0.9 and 6.6.
    On one core: 9 x 9 pixels, 2 x 2 taps, 1024 to 2048 channels as one product 32 and 70, since
    XLA transposes such a kernel first, and the gradient of the input 27 and 151.

    Args:
      x: (N, H, W, C).
      kernel: (K, K, C, F) of x's dtype.
      stride: in pixels, of both directions.
      padding: zeros on each side.

    Returns:
      (N, (H + 2 padding - K) // stride + 1, (W + 2 padding - K) // stride + 1, F).
    """
    geometry: dict[str, Any] = dict(stride=stride, padding=padding)
    plain = functools.partial(_plain_conv, stride=stride, padding=padding)
    on_cpu: Callable[[jax.Array, jax.Array], jax.Array]
    if _is_larger_than_output(x, kernel, **geometry):
        on_cpu = functools.partial(_conv_as_product, **geometry)
    elif _suits_winograd(x, kernel, **geometry):
        on_cpu = winograd.winograd_conv
    elif stride == 1 and _shrinks(kernel):
        on_cpu = functools.partial(_conv_as_shifted_sum, padding=padding)
    else:
        return plain(x, kernel)
    return jax.lax.platform_dependent(x, kernel, cpu=on_cpu, default=plain)


def _conv_forward(
    x: jax.Array, kernel: jax.Array, stride: int, padding: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return conv(x, kernel, stride, padding), (x, kernel)


def _conv_backward(
    stride: int, padding: int, residuals: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    geometry: dict[str, Any] = dict(stride=stride, padding=padding)

    def plain(x: jax.Array, kernel: jax.Array, gradient: jax.Array) -> tuple[jax.Array, ...]:
        return jax.vjp(functools.partial(_plain_conv, **geometry), x, kernel)[1](gradient)

    def on_cpu(x: jax.Array, kernel: jax.Array, gradient: jax.Array) -> tuple[jax.Array, ...]:
        if _is_larger_than_output(x, kernel, **geometry):
            return jax.vjp(functools.partial(_conv_as_product, **geometry), x, kernel)[1](gradient)
        if _suits_winograd(x, kernel, **geometry):
            by_input = winograd.winograd_input_gradient(kernel, gradient)
        elif stride == 2:
            by_input = _input_gradient_of_stride_2(x.shape[1:3], kernel, gradient, padding)
        else:
            by_input = plain(x, kernel, gradient)[0]
        return by_input, _kernel_gradient(x, kernel, gradient, **geometry)

    return jax.lax.platform_dependent(*residuals, gradient, cpu=on_cpu, default=plain)


conv.defvjp(_conv_forward, _conv_backward)


def _plain_conv(x: jax.Array, kernel: jax.Array, *, stride: int, padding: int) -> jax.Array:
    return jax.lax.conv_general_dilated(
        x, kernel, (stride, stride), ((padding, padding),) * 2, dimension_numbers=_DIMENSIONS
    )


def _is_larger_than_output(x: jax.Array, kernel: jax.Array, stride: int, padding: int) -> bool:
    n, *sides, channels = x.shape
    height, width = ((side + 2 * padding - kernel.shape[0]) // stride + 1 for side in sides)
    return n * height * width < 2 * channels


def _suits_winograd(x: jax.Array, kernel: jax.Array, stride: int, padding: int) -> bool:
    """Whether fewer products outweigh the maps to and from them. Below float32 the maps' sums
    would lose digits that the plain sum keeps.

    Output and both gradients in milliseconds on one core of a busy Intel Xeon, by its products
    and without: 8 x 64 x 64 pixels, 64 to 32 channels 112 and 75; 8 x 8 x 8 pixels, 256 to 128
    channels 35 and 16; 4 x 44 x 44 pixels, 128 to 64 channels 47 and 61.
    """
    size, _, *channels = kernel.shape
    is_3x3 = (size, stride, padding) == (3, 1, 1)
    is_large = min(channels) >= _WINOGRAD_CHANNELS and x.size // x.shape[-1] >= _WINOGRAD_PIXELS
    return is_3x3 and is_large and x.dtype == jnp.float32


def _shrinks(kernel: jax.Array) -> bool:
    """Whether the products of a pixel with all taps are few beside its channels."""
    size, _, channels, features = kernel.shape
    return features < 8 or size**2 * features <= 4 * channels


def _conv_as_shifted_sum(x: jax.Array, kernel: jax.Array, *, padding: int) -> jax.Array:
    """One product of every pixel with all taps, of which each output pixel sums its neighbours'."""
    size, _, channels, features = kernel.shape
    x = pad(x, padding)
    height, width = (side - size + 1 for side in x.shape[1:3])
    products = x @ kernel.transpose(2, 0, 1, 3).reshape(channels, -1)
    products = products.reshape(*x.shape[:3], size, size, features)
    return functools.reduce(
        jnp.add,
        (
            products[:, row : row + height, column : column + width, row, column]
            for row in range(size)
            for column in range(size)
        ),
    )


def _taps(x: jax.Array, size: int, stride: int, padding: int) -> list[jax.Array]:
    """For every tap, row by row, what it reads for the output pixels: size**2 of (N, h, w, C)."""
    height, width = ((side + 2 * padding - size) // stride + 1 for side in x.shape[1:3])
    x = pad(x, padding)
    return [
        x[:, row : row + stride * height : stride, column : column + stride * width : stride]
        for row in range(size)
        for column in range(size)
    ]


def _conv_as_product(x: jax.Array, kernel: jax.Array, *, stride: int, padding: int) -> jax.Array:
    size, _, _, features = kernel.shape
    seen = jnp.concatenate(_taps(x, size, stride, padding), axis=-1)
    return seen @ kernel.reshape(-1, features)


def _input_gradient_of_stride_2(
    sides: Sequence[int], kernel: jax.Array, gradient: jax.Array, padding: int
) -> jax.Array:
    """The gradient of `conv` by its input, without the zeros of a dilated gradient.

    Input pixel 2 q + a is read through the taps k of parity a + padding, by output pixel
    q + (a + padding - k) / 2: for each parity of row and column, matrix products of shifted
    gradients. For 4 x 88 x 88 pixels and 64 channels 7.4 ms instead of 13.1, for 44 x 44 and 128
    channels 5.4 instead of 9.5 (two cores).
    """
    size = kernel.shape[0]
    height, width = ((side + 1) // 2 for side in sides)
    taps = {
        parity: [(k, (parity + padding - k) // 2) for k in range((parity + padding) % 2, size, 2)]
        for parity in (0, 1)
    }
    padded = pad(gradient, size)
    # A kernel of 1 x 1 taps reads the pixels of one parity only.
    unread = jnp.zeros((gradient.shape[0], height, width, kernel.shape[2]), gradient.dtype)
    planes = [
        sum(
            (
                padded[:, size + down : size + down + height, size + right : size + right + width]
                @ kernel[row, column].T
                for row, down in taps[row_parity]
                for column, right in taps[column_parity]
            ),
            start=unread,
        )
        for row_parity in (0, 1)
        for column_parity in (0, 1)
    ]
    return depth_to_space(jnp.concatenate(planes, axis=-1))[:, : sides[0], : sides[1]]


def _kernel_gradient(
    x: jax.Array, kernel: jax.Array, gradient: jax.Array, *, stride: int, padding: int
) -> jax.Array:
    """The gradient of `conv` by its kernel: XLA's own, or matrix products over all pixels.

    XLA's own and a product a tap, in milliseconds on one core of an AMD EPYC: 8 x 8 x 8 pixels,
    192 to 192 channels 3.3 and 3.7; 4 x 88 x 88 pixels, stride 2, 64 to 64 channels 8 and 13;
    2 x 2 taps, 65 x 65 pixels, 256 to 256 channels 33 and 26.
    """
    size, _, channels, features = kernel.shape
    # The map of a gradient of many features costs more than the products it saves.
    if _suits_winograd(x, kernel, stride, padding) and features <= 2 * channels:
        return winograd.winograd_kernel_gradient(x, gradient)
    if stride == 1 and (features < 8 or size**2 * features <= 2 * channels):
        return _kernel_gradient_by_shifted_gradients(x, kernel, gradient, padding)
    if size > 1 and channels * features < _PLAIN_KERNEL:
        return _plain_kernel_gradient(x, kernel, gradient, stride, padding)
    gradient = gradient.reshape(-1, features)
    products = [seen.reshape(-1, channels).T @ gradient for seen in _taps(x, size, stride, padding)]
    return jnp.stack(products).reshape(kernel.shape)


def _plain_kernel_gradient(
    x: jax.Array, kernel: jax.Array, gradient: jax.Array, stride: int, padding: int
) -> jax.Array:
    """XLA's own, of a few images at a time where all gradients together would not stay in the
    cache of a core: for 8 x 64 x 64 pixels and 24 channels 9 ms instead of 23, for 32 channels 8
    instead of 18. Up to 16 features all at once are faster: 8 x 128 x 128 pixels and 16 channels 12
    ms, and 82 in groups (one core of an Intel Xeon)."""
    images, *_, features = gradient.shape
    of_image = gradient.size // images * gradient.dtype.itemsize
    group = max(1, _CACHE // of_image) if features > 16 else images

    def of(some: slice) -> jax.Array:
        plain = functools.partial(_plain_conv, x[some], stride=stride, padding=padding)
        by_kernel: jax.Array = jax.vjp(plain, kernel)[1](gradient[some])[0]
        return by_kernel

    groups = [slice(start, start + group) for start in range(0, images, group)]
    return functools.reduce(jnp.add, map(of, groups))


def _kernel_gradient_by_shifted_gradients(
    x: jax.Array, kernel: jax.Array, gradient: jax.Array, padding: int
) -> jax.Array:
    """The same by one product, of shifted copies of the gradient, which are small, with x."""
    size, _, channels, features = kernel.shape
    _, height, width, _ = x.shape
    # Output pixel p reads input pixel p + tap - padding: seen from the input, taps run backwards.
    padded = pad(gradient, size - 1 - padding).transpose(3, 0, 1, 2)
    shifted = jnp.stack(
        [
            padded[:, :, row : row + height, column : column + width]
            for row in reversed(range(size))
            for column in reversed(range(size))
        ]
    )
    product = shifted.reshape(size * size * features, -1) @ x.reshape(-1, channels)
    return product.reshape(size, size, features, channels).swapaxes(2, 3)


def pad(x: jax.Array, border: int) -> jax.Array:
    return jnp.pad(x, ((0, 0), (border, border), (border, border), (0, 0)))
