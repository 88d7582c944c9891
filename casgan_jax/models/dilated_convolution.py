"""Dilated (atrous) convolution, whose taps read pixels `dilation` apart (Chen et al. 2018).

On accelerators it is XLA's own convolution. On the CPU it is a matrix product for each tap, over
the pixels alone for which the tap reads within the map: on small maps most taps of a large dilation
read nothing but the border's zeros, and where the dilation reaches the side, the central tap is all
that is left.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def dilated_conv(x: jax.Array, kernel: jax.Array, dilation: int) -> jax.Array:
    """Convolution of stride 1 whose output has the input's sides.

    Args:
      x: (N, H, W, C).
      kernel: (K, K, C, F) of x's dtype, K odd.
      dilation: distance in pixels of neighbouring taps; the border is K // 2 * dilation zeros.

    Returns:
      (N, H, W, F).
    """
    return jax.lax.platform_dependent(
        x,
        kernel,
        cpu=functools.partial(_conv_by_taps, dilation=dilation),
        default=functools.partial(_plain_conv, dilation=dilation),
    )


def _forward(
    x: jax.Array, kernel: jax.Array, dilation: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return dilated_conv(x, kernel, dilation), (x, kernel)


def _backward(
    dilation: int, residuals: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    def plain(x: jax.Array, kernel: jax.Array, gradient: jax.Array) -> tuple[jax.Array, ...]:
        return jax.vjp(functools.partial(_plain_conv, dilation=dilation), x, kernel)[1](gradient)

    def on_cpu(x: jax.Array, kernel: jax.Array, gradient: jax.Array) -> tuple[jax.Array, ...]:
        turned = kernel[::-1, ::-1].swapaxes(2, 3)
        return _conv_by_taps(gradient, turned, dilation=dilation), _kernel_gradient(
            x, kernel, gradient, dilation
        )

    return jax.lax.platform_dependent(*residuals, gradient, cpu=on_cpu, default=plain)


dilated_conv.defvjp(_forward, _backward)


def _plain_conv(x: jax.Array, kernel: jax.Array, *, dilation: int) -> jax.Array:
    border = kernel.shape[0] // 2 * dilation
    return jax.lax.conv_general_dilated(
        x,
        kernel,
        (1, 1),
        ((border, border),) * 2,
        rhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def _offsets(size: int, side: int, dilation: int) -> Iterator[tuple[int, int]]:
    """(tap, pixels from output to input) of the taps that read within a side."""
    for tap in range(size):
        offset = (tap - size // 2) * dilation
        if abs(offset) < side:
            yield tap, offset


def _overlap(side: int, offset: int) -> slice:
    """The pixels p of a side for which p + offset lies within it too."""
    return slice(max(0, -offset), side - max(0, offset))


def _conv_by_taps(x: jax.Array, kernel: jax.Array, *, dilation: int) -> jax.Array:
    _, height, width, _ = x.shape
    size = kernel.shape[0]
    total = jnp.zeros((*x.shape[:3], kernel.shape[3]), x.dtype)
    for row, down in _offsets(size, height, dilation):
        for column, right in _offsets(size, width, dilation):
            product = x[:, _overlap(height, -down), _overlap(width, -right)] @ kernel[row, column]
            borders = ((max(0, -down), max(0, down)), (max(0, -right), max(0, right)))
            total += jnp.pad(product, ((0, 0), *borders, (0, 0)))
    return total


def _kernel_gradient(
    x: jax.Array, kernel: jax.Array, gradient: jax.Array, dilation: int
) -> jax.Array:
    _, height, width, channels = x.shape
    size, features = kernel.shape[0], gradient.shape[-1]
    total = jnp.zeros_like(kernel)
    for row, down in _offsets(size, height, dilation):
        for column, right in _offsets(size, width, dilation):
            seen = x[:, _overlap(height, -down), _overlap(width, -right)]
            seen_by = gradient[:, _overlap(height, down), _overlap(width, right)]
            product = seen.reshape(-1, channels).T @ seen_by.reshape(-1, features)
            total = total.at[row, column].set(product)
    return total
