"""Max pooling, plain and with a memory of its maxima, unpooling, and CF-CNN's central pooling.

Pooling and unpooling by indices are each other's transposed maps, and so each other's gradients:
comparisons and sums of shifted views, no scatter. Of equal values in a window the first, row by
row, is the maximum and gets the whole gradient, as in Caffe and PyTorch.

No gradient here is JAX's own of a maximum, which looks for the pixels that are equal to it and
divides by their number. XLA may compute a pixel twice, once for the maximum and once to compare,
with different rounding: then no pixel is equal, and the gradient is 0 / 0 of `jnp.max` and 0 of
`jnp.maximum`. Which of the pixels is the largest is decided here, once, and kept.
"""

from __future__ import annotations

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np


def max_pool(x: jax.Array, size: int = 2) -> jax.Array:
    """Maxima of windows of size x size pixels, an incomplete last row or column dropped.

    Args:
      x: (N, H, W, C), floating.
      size: at most 16.

    Returns:
      (N, H // size, W // size, C).
    """
    rows, columns = (side - side % size for side in x.shape[1:3])
    return max_pool_with_indices(x[:, :rows, :columns], size)[0]


def max_pool_3x3(x: jax.Array) -> jax.Array:
    """3x3 max pooling of stride 2 and padding 1: (N, 2H, 2W, C) -> (N, H, W, C).

    Maxima of shifted views, because XLA's windowed pooling has a slow gradient on the CPU.
    """
    for axis in (1, 2):
        even, odd = (
            jax.lax.slice_in_dim(x, start, x.shape[axis], 2, axis=axis) for start in (0, 1)
        )
        before = jax.lax.slice_in_dim(odd, 0, odd.shape[axis] - 1, axis=axis)
        border = [(1, 0) if each == axis else (0, 0) for each in range(4)]
        before = jnp.pad(before, border, constant_values=-jnp.inf)
        x = _maximum(_maximum(even, odd), before)
    return x


def _is_larger(x: jax.Array, other: jax.Array) -> jax.Array:
    """NaN counts as larger than all numbers, so that it is not lost."""
    return (x > other) | (jnp.isnan(x) & ~jnp.isnan(other))


def _maximum(x: jax.Array, other: jax.Array) -> jax.Array:
    return jnp.where(_is_larger(other, x), other, x)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def max_pool_with_indices(x: jax.Array, size: int = 2) -> tuple[jax.Array, jax.Array]:
    """Maxima of windows of size x size pixels and where in its window each stood.

    NaN counts as larger than all numbers, so that it is not lost.

    Args:
      x: (N, size H, size W, C), floating.
      size: at most 16.

    Returns:
      Maxima (N, H, W, C) and indices (N, H, W, C), uint8: size x row + column in the window.

    Raises:
      ValueError: a side is no multiple of `size`, or that is above 16.
    """
    values, *others = _window_views(x, size)
    indices = jnp.zeros(values.shape, jnp.uint8)
    for index, candidate in enumerate(others, start=1):
        larger = _is_larger(candidate, values)
        values = jnp.where(larger, candidate, values)
        indices = jnp.where(larger, jnp.uint8(index), indices)
    return values, indices


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def max_unpool(x: jax.Array, indices: jax.Array, size: int = 2) -> jax.Array:
    """Each value back at the place in its window that pooling took it from, zeros elsewhere.

    Args:
      x: (N, H, W, C).
      indices: (N, H, W, C), of `max_pool_with_indices`.
      size: of its windows.

    Returns:
      (N, size H, size W, C).
    """
    n, height, width, channels = x.shape
    window = (n, height, 1, width, 1, channels)
    places = jnp.arange(size**2, dtype=indices.dtype).reshape(1, 1, size, 1, size, 1)
    spread = jnp.where(indices.reshape(window) == places, x.reshape(window), jnp.zeros((), x.dtype))
    return spread.reshape(n, size * height, size * width, channels)


def _window_views(x: jax.Array, size: int) -> list[jax.Array]:
    """The pixels of every window, row by row, (N, H, W, C) each."""
    n, height, width, channels = x.shape
    if height % size or width % size or size > 16:
        raise ValueError(
            f"pooling: found {height} x {width} pixels and windows of {size}, expected sides that "
            "are multiples of the windows', and these at most 16"
        )
    x = x.reshape(n, height // size, size, width // size, size, channels)
    return [x[:, :, row, :, column] for row in range(size) for column in range(size)]


def _pick(x: jax.Array, indices: jax.Array, size: int) -> jax.Array:
    """The pixel of each window that `indices` names: the transposed map of `max_unpool`."""
    zero = jnp.zeros((), x.dtype)
    return functools.reduce(
        jnp.add,
        (
            jnp.where(indices == jnp.uint8(index), view, zero)
            for index, view in enumerate(_window_views(x, size))
        ),
    )


def _pool_forward(x: jax.Array, size: int) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
    values, indices = max_pool_with_indices(x, size)
    return (values, indices), indices


def _pool_backward(
    size: int, indices: jax.Array, gradients: tuple[jax.Array, np.ndarray]
) -> tuple[jax.Array]:
    return (max_unpool(gradients[0], indices, size),)


def _unpool_forward(x: jax.Array, indices: jax.Array, size: int) -> tuple[jax.Array, jax.Array]:
    return max_unpool(x, indices, size), indices


def _unpool_backward(size: int, indices: jax.Array, gradient: jax.Array) -> tuple[jax.Array, None]:
    return _pick(gradient, indices, size), None


max_pool_with_indices.defvjp(_pool_forward, _pool_backward)
max_unpool.defvjp(_unpool_forward, _unpool_backward)


@functools.cache
def central_windows(size: int) -> tuple[int, ...]:
    """Widths of the windows that central pooling divides `size` pixels into.

    Single pixels around the middle, pairs beside them, triples outside, together half as many
    windows as pixels (rounded up): an eighth of the pixels is left alone, half is pooled in pairs,
    three eighths in triples, and what is left of the division goes to pixels and pairs. Where the
    windows do not come in equal numbers for both sides, pixel size // 2 is kept nearest to the
    middle of the single pixels: so the middle of 35 pixels stays the middle of 18 and of 9.
    """
    windows = (size + 1) // 2
    triples = size // 8
    pairs = size - windows - 2 * triples
    singles = windows - pairs - triples

    def offset(split: tuple[int, int]) -> float:
        triples_before, pairs_before = split
        start = 3 * triples_before + 2 * pairs_before
        return abs(start + (singles - 1) / 2 - size // 2)

    halves = itertools.product(
        (triples // 2, triples - triples // 2), (pairs // 2, pairs - pairs // 2)
    )
    triples_before, pairs_before = min(halves, key=offset)
    before = (3,) * triples_before + (2,) * pairs_before
    after = (2,) * (pairs - pairs_before) + (3,) * (triples - triples_before)
    return before + (1,) * singles + after


def central_pool(x: jax.Array) -> jax.Array:
    """Max pooling that is finest in the middle: (N, H, W, C) -> (N, ceil(H/2), ceil(W/2), C).

    Wang et al. 2017 ("Central focused convolutional neural networks"): rows and columns are divided
    into the windows of `central_windows`, and each window gives its maximum.
    """
    return _pool_axis(_pool_axis(x, 1), 2)


def _pool_axis(x: jax.Array, axis: int) -> jax.Array:
    pooled, start = [], 0
    for width, run in itertools.groupby(central_windows(x.shape[axis])):
        stop = start + width * len(tuple(run))
        steps = [
            jax.lax.slice_in_dim(x, start + step, stop, width, axis=axis) for step in range(width)
        ]
        pooled.append(functools.reduce(_maximum, steps))
        start = stop
    return jnp.concatenate(pooled, axis=axis)
