import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.models.segmentation_blocks import AlphaHead, UpConv2x2, check_side


def test_up_conv_is_the_transposed_convolution():
    x = jax.random.normal(jax.random.key(0), (2, 4, 6, 3))
    layer = UpConv2x2(5)
    params = layer.init(jax.random.key(1), x)["params"]
    plain = nn.ConvTranspose(5, (2, 2), strides=(2, 2), padding="VALID")
    # Flax correlates where the scatter form convolves: its kernel is mirrored.
    mirrored = {"kernel": params["kernel"][::-1, ::-1], "bias": params["bias"]}
    np.testing.assert_allclose(
        layer.apply({"params": params}, x), plain.apply({"params": mirrored}, x), atol=1e-6
    )


@pytest.mark.parametrize("size", [1, 3])
def test_the_head_is_a_convolution_and_a_sigmoid(size):
    x = jax.random.normal(jax.random.key(0), (2, 4, 6, 3))
    head = AlphaHead(0.03, size=size)
    params = head.init(jax.random.key(1), x)["params"]
    plain = nn.Conv(1, (size, size)).apply({"params": params}, x)
    np.testing.assert_allclose(head.apply({"params": params}, x), nn.sigmoid(plain), atol=1e-6)
    np.testing.assert_allclose(nn.sigmoid(params["bias"]), 0.03, rtol=1e-5)
    assert head.apply({"params": params}, x.astype(jnp.bfloat16)).dtype == jnp.float32


@pytest.mark.parametrize("shape", [(1, 24, 24, 2), (1, 32, 16, 2)])
def test_sides_that_do_not_divide_are_named(shape):
    with pytest.raises(
        ValueError, match=f"found {shape[1]} x {shape[2]} pixels, expected a square"
    ):
        check_side(jnp.zeros(shape), 16, "4 levels")
    check_side(jnp.zeros((1, 48, 48, 2)), 16, "4 levels")
