import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.models import convolution
from casgan_jax.models.convolution import conv, depth_to_space, space_to_depth
from casgan_jax.models.winograd import winograd_conv

pytestmark = pytest.mark.slow


def test_depth_to_space_undoes_space_to_depth():
    x = jax.random.normal(jax.random.key(0), (2, 8, 12, 3))
    np.testing.assert_array_equal(depth_to_space(space_to_depth(x)), x)


@pytest.mark.parametrize(
    ("channels", "features", "size", "stride", "padding"),
    [
        (3, 9, 3, 1, 1),
        (12, 9, 3, 1, 1),  # few products a pixel
        (3, 9, 3, 2, 1),
        (3, 9, 1, 2, 0),
        (3, 9, 2, 1, 0),
        (200, 9, 3, 1, 1),  # more channels than pixels
        (3, 1, 9, 1, 4),
        (3, 4, 2, 1, 0),
        (24, 20, 2, 1, 0),  # a shifted sum
        (24, 12, 2, 1, 0),  # and its gradient by shifted gradients
        (64, 72, 3, 1, 1),  # Winograd
        (72, 64, 3, 1, 1),
        (64, 192, 3, 1, 1),  # but for the gradient by the kernel
    ],
)
def test_gradients_of_conv_are_those_of_the_plain_convolution(
    channels, features, size, stride, padding, monkeypatch
):
    monkeypatch.setattr(convolution, "_WINOGRAD_PIXELS", 1)
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (2, 7, 10, channels))
    kernel = jax.random.normal(keys[1], (size, size, channels, features))

    def plain(x, kernel):
        layer = nn.Conv(features, (size, size), stride, padding, use_bias=False)
        return layer.apply({"params": {"kernel": kernel}}, x)

    output, pullback = jax.vjp(lambda x, kernel: conv(x, kernel, stride, padding), x, kernel)
    expected, expected_pullback = jax.vjp(plain, x, kernel)
    np.testing.assert_allclose(output, expected, atol=1e-3)
    cotangent = jax.random.normal(keys[2], output.shape)
    for found, wanted in zip(pullback(cotangent), expected_pullback(cotangent), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-3)


@pytest.mark.parametrize("group", [1, 2, 3, 5])
def test_a_gradient_by_the_kernel_of_a_few_images_at_a_time_is_that_of_all(group, monkeypatch):
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (5, 6, 7, 4))
    kernel = jax.random.normal(keys[1], (3, 3, 4, 20))
    gradient = jax.random.normal(keys[2], (5, 6, 7, 20))

    def by_kernel(cache):
        monkeypatch.setattr(convolution, "_CACHE", cache)
        jax.clear_caches()
        return jax.vjp(lambda kernel: conv(x, kernel, 1, 1), kernel)[1](gradient)[0]

    of_image = gradient[0].nbytes
    np.testing.assert_allclose(by_kernel(group * of_image), by_kernel(2**30), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("sides", [(6, 8), (5, 8), (6, 3), (1, 1)])
def test_winograd_of_even_and_odd_sides(sides):
    x = jax.random.normal(jax.random.key(0), (2, *sides, 5))
    kernel = jax.random.normal(jax.random.key(1), (3, 3, 5, 4))
    expected = jax.lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    np.testing.assert_allclose(winograd_conv(x, kernel), expected, atol=1e-4)


def test_bfloat16_is_not_left_to_winograd_whose_sums_would_lose_digits():
    keys = jax.random.split(jax.random.key(0))
    x = jax.random.normal(keys[0], (1, 32, 32, 64), jnp.bfloat16)
    kernel = jax.random.normal(keys[1], (3, 3, 64, 64), jnp.bfloat16)
    exact = conv(x.astype(jnp.float32), kernel.astype(jnp.float32), 1, 1)
    found = conv(x, kernel, 1, 1).astype(jnp.float32)
    error = jnp.abs(found - exact) / jnp.maximum(jnp.abs(exact), 1)
    assert error.max() < 2**-7
