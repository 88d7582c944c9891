import functools
import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.models.pooling import (
    central_pool,
    central_windows,
    max_pool,
    max_pool_3x3,
    max_pool_with_indices,
    max_unpool,
)

# Few levels, so that most windows hold ties.
TIED = np.random.default_rng(0).integers(0, 4, (2, 6, 8, 3)).astype(np.float32)


def reference_pool(x):
    """Window by window; of equal values the first, row by row."""
    n, height, width, channels = x.shape
    values = np.zeros((n, height // 2, width // 2, channels), x.dtype)
    indices = np.zeros(values.shape, np.uint8)
    for i, row, column, c in np.ndindex(*values.shape):
        window = x[i, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2, c].ravel()
        indices[i, row, column, c] = window.argmax()
        values[i, row, column, c] = window.max()
    return values, indices


def reference_unpool(x, indices):
    n, height, width, channels = x.shape
    y = np.zeros((n, 2 * height, 2 * width, channels), x.dtype)
    for i, row, column, c in np.ndindex(*x.shape):
        down, right = divmod(int(indices[i, row, column, c]), 2)
        y[i, 2 * row + down, 2 * column + right, c] = x[i, row, column, c]
    return y


def test_pooling_finds_each_maximum_and_its_place():
    values, indices = max_pool_with_indices(TIED)
    expected_values, expected_indices = reference_pool(TIED)
    np.testing.assert_array_equal(values, expected_values)
    np.testing.assert_array_equal(indices, expected_indices)
    assert indices.dtype == jnp.uint8
    np.testing.assert_array_equal(max_pool(TIED), expected_values)


def test_unpooling_puts_values_where_they_came_from():
    _, indices = reference_pool(TIED)
    x = np.random.default_rng(1).normal(size=indices.shape).astype(np.float32)
    np.testing.assert_array_equal(max_unpool(x, indices), reference_unpool(x, indices))


def test_the_first_of_equal_values_gets_the_whole_gradient():
    _, indices = reference_pool(TIED)
    weights = np.random.default_rng(2).normal(size=indices.shape).astype(np.float32)
    gradient = jax.grad(lambda x: (max_pool_with_indices(x)[0] * weights).sum())(TIED)
    np.testing.assert_array_equal(gradient, reference_unpool(weights, indices))


def test_the_gradient_of_unpooling_is_read_at_the_places():
    x = np.random.default_rng(3).normal(size=(1, 2, 3, 2)).astype(np.float32)
    indices = np.random.default_rng(4).integers(0, 4, x.shape).astype(np.uint8)
    weights = np.random.default_rng(5).normal(size=(1, 4, 6, 2)).astype(np.float32)
    gradient = jax.grad(lambda x: (max_unpool(x, indices) * weights).sum())(x)
    # <unpool(e), weights> of each unit vector e is the gradient's entry.
    expected = [
        (reference_unpool(unit.reshape(x.shape), indices) * weights).sum()
        for unit in np.eye(x.size)
    ]
    np.testing.assert_allclose(gradient.ravel(), expected, rtol=1e-6)


@pytest.mark.parametrize("place", range(4))
def test_pooling_keeps_nan(place):
    x = np.ones((1, 2, 2, 1), np.float32)
    x[0, place // 2, place % 2] = np.nan
    values, indices = max_pool_with_indices(x)
    assert np.isnan(values).all() and int(indices[0, 0, 0, 0]) == place


def test_pooling_keeps_the_dtype():
    values, indices = max_pool_with_indices(jnp.ones((1, 2, 2, 1), jnp.bfloat16))
    assert values.dtype == max_unpool(values, indices).dtype == jnp.bfloat16


def test_pooling_names_sides_that_do_not_divide():
    with pytest.raises(ValueError, match="found 6 x 7 pixels and windows of 2, expected sides"):
        max_pool_with_indices(jnp.zeros((1, 6, 7, 1)))
    with pytest.raises(ValueError, match="and these at most 16"):
        max_pool(jnp.zeros((1, 17, 17, 1)), 17)


@pytest.mark.parametrize(
    "pool", [max_pool, functools.partial(max_pool, size=3), max_pool_3x3, central_pool]
)
def test_no_gradient_looks_for_pixels_that_equal_the_maximum(pool):
    # XLA may round them differently from the maximum: then none is equal.
    def weighted_sum(x):
        return pool(x).sum()

    program = str(jax.make_jaxpr(jax.grad(weighted_sum))(np.zeros((1, 6, 6, 2), np.float32)))
    assert " div " not in program and " max " not in program and "reduce_max" not in program


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 3])
def test_the_gradient_of_max_pooling_is_that_of_its_windows(size):
    x = np.random.default_rng(7).normal(size=(2, 7, 8, 3)).astype(np.float32)
    weights = np.random.default_rng(8).normal(size=max_pool(x, size).shape).astype(np.float32)
    found, expected = (
        jax.grad(lambda x, pool=pool: (pool(x) * weights).sum())(x)
        for pool in (
            lambda x: max_pool(x, size),
            lambda x: nn.max_pool(x, (size,) * 2, (size,) * 2),
        )
    )
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("size", range(1, 41))
def test_central_windows_halve_the_side_and_grow_outwards(size):
    windows = central_windows(size)
    assert sum(windows) == size and len(windows) == (size + 1) // 2
    narrowest = windows.index(min(windows))
    assert list(windows[:narrowest]) == sorted(windows[:narrowest], reverse=True)
    assert list(windows[narrowest:]) == sorted(windows[narrowest:])


def test_the_middle_of_35_pixels_is_pooled_with_no_other():
    assert central_windows(35) == (3,) * 2 + (2,) * 4 + (1,) * 5 + (2,) * 5 + (3,) * 2
    middle = 17
    for size in (35, 18):
        edges = np.cumsum((0, *central_windows(size)))
        window = int(np.searchsorted(edges, middle, side="right")) - 1
        assert edges[window + 1] - edges[window] == 1
        middle = window
    assert middle == 4  # of 9


def test_central_pooling_takes_the_maximum_of_each_window():
    x = np.random.default_rng(6).normal(size=(2, 18, 9, 3)).astype(np.float32)
    rows, columns = (np.cumsum((0, *central_windows(size))) for size in x.shape[1:3])
    expected = [
        [x[:, top:bottom, left:right].max((1, 2)) for left, right in itertools.pairwise(columns)]
        for top, bottom in itertools.pairwise(rows)
    ]
    np.testing.assert_array_equal(
        jax.jit(central_pool)(x), np.array(expected).transpose(2, 0, 1, 3)
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 3, 5])
def test_max_pooling_drops_what_does_not_fill_a_window(size):
    x = np.random.default_rng(0).normal(size=(2, 7, 11, 3)).astype(np.float32)
    np.testing.assert_array_equal(max_pool(x, size), nn.max_pool(x, (size, size), (size, size)))


@pytest.mark.slow
def test_pooling_and_its_gradient():
    x = jax.random.normal(jax.random.key(0), (2, 6, 8, 3))

    def plain(x):
        return nn.max_pool(x, (3, 3), (2, 2), ((1, 1), (1, 1)))

    np.testing.assert_array_equal(max_pool_3x3(x), plain(x))
    weights = jax.random.normal(jax.random.key(1), (2, 3, 4, 3))
    found, wanted = (
        jax.jit(jax.grad(lambda x, pool=pool: (pool(x) * weights).sum()))(x)
        for pool in (max_pool_3x3, plain)
    )
    np.testing.assert_allclose(found, wanted, atol=1e-6)
