import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.models.segmentation_blocks import AlphaHead, UpConv2x2, check_side


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def test_up_conv_writes_each_pixel_through_the_kernel():
    x, kernel, bias = normal(0, 2, 4, 6, 3), normal(1, 2, 2, 3, 5), normal(2, 5)
    y = UpConv2x2(5).apply({"params": {"kernel": kernel, "bias": bias}}, x)
    for row in (0, 1):
        for column in (0, 1):
            expected = x @ kernel[row, column] + bias
            np.testing.assert_allclose(y[:, row::2, column::2], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [1, 3])
def test_the_head_is_a_convolution_and_a_sigmoid(size):
    x, kernel, bias = normal(0, 2, 4, 6, 3), normal(1, size, size, 3, 1), normal(2, 1)
    alpha = AlphaHead(0.5, size=size).apply({"params": {"kernel": kernel, "bias": bias}}, x)
    border = size // 2
    padded = np.pad(x, ((0, 0), (border, border), (border, border), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))
    logits = np.einsum("nyxcij,ijcf->nyxf", windows, kernel) + bias
    np.testing.assert_allclose(alpha, 1 / (1 + np.exp(-logits)), rtol=1e-4)


def test_the_head_starts_at_the_given_alpha():
    x = jnp.zeros((1, 2, 2, 3), jnp.bfloat16)
    head = AlphaHead(0.03, dtype=jnp.bfloat16)
    alpha = jax.jit(lambda: head.init_with_output(jax.random.key(0), x)[0])()
    assert alpha.dtype == jnp.float32
    np.testing.assert_allclose(alpha, 0.03, rtol=1e-5)


@pytest.mark.parametrize("shape", [(1, 24, 24, 2), (1, 32, 16, 2)])
def test_sides_that_do_not_divide_are_named(shape):
    with pytest.raises(
        ValueError, match=f"found {shape[1]} x {shape[2]} pixels, expected a square"
    ):
        check_side(jnp.zeros(shape), 16, "4 levels")
    check_side(jnp.zeros((1, 48, 48, 2)), 16, "4 levels")
