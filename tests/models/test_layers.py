import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.models.layers import Conv, DownConv, UpConv, lecun_init

pytestmark = pytest.mark.slow


@pytest.fixture
def x():
    return jax.random.normal(jax.random.key(0), (2, 8, 12, 3))


@pytest.mark.parametrize(("features", "size", "stride"), [(4, 3, 1), (4, 3, 2), (1, 9, 1)])
def test_conv_exchanges_weights_with_the_plain_layer(features, size, stride, x):
    layer = Conv(features, size, stride, use_bias=True)
    plain = nn.Conv(features, (size, size), stride, size // 2, kernel_init=lecun_init)
    variables = layer.init(jax.random.key(1), x)
    jax.tree.map(np.testing.assert_array_equal, variables, plain.init(jax.random.key(1), x))
    np.testing.assert_allclose(layer.apply(variables, x), plain.apply(variables, x), atol=1e-5)


def test_down_conv_is_the_strided_convolution(x):
    layer = DownConv(5)
    variables = layer.init(jax.random.key(1), x)
    plain = nn.Conv(5, (4, 4), strides=2, padding=1)
    np.testing.assert_allclose(layer.apply(variables, x), plain.apply(variables, x), atol=1e-6)


def test_down_conv_of_odd_size_is_the_strided_convolution(x):
    layer = DownConv(5, size=7)
    variables = layer.init(jax.random.key(1), x)
    plain = nn.Conv(5, (7, 7), strides=2, padding=3)
    np.testing.assert_allclose(layer.apply(variables, x), plain.apply(variables, x), atol=1e-6)


def test_dilated_conv_exchanges_weights_with_the_plain_layer(x):
    layer = Conv(4, dilation=3)
    variables = layer.init(jax.random.key(1), x)
    plain = nn.Conv(4, (3, 3), padding=3, kernel_dilation=3, use_bias=False)
    np.testing.assert_allclose(layer.apply(variables, x), plain.apply(variables, x), atol=1e-5)
    with pytest.raises(ValueError, match="stride: found 2, expected 1"):
        Conv(4, stride=2, dilation=2).init(jax.random.key(1), x)


def test_up_conv_is_the_transposed_convolution(x):
    layer = UpConv(5)
    params = layer.init(jax.random.key(1), x)["params"]
    plain = nn.ConvTranspose(5, (4, 4), strides=(2, 2), padding=((2, 2), (2, 2)))
    # Flax correlates where the scatter form convolves: its kernel is mirrored.
    mirrored = {"kernel": params["kernel"][::-1, ::-1], "bias": params["bias"]}
    np.testing.assert_allclose(
        layer.apply({"params": params}, x), plain.apply({"params": mirrored}, x), atol=1e-6
    )


def test_up_conv_scatters_each_pixel_through_the_kernel():
    layer = UpConv(1, use_bias=False)
    x = jnp.zeros((1, 3, 3, 1)).at[0, 1, 1, 0].set(1.0)
    params = {"kernel": jnp.arange(16.0).reshape(4, 4, 1, 1)}
    y = layer.apply({"params": params}, x)[0, :, :, 0]
    np.testing.assert_array_equal(y[1:5, 1:5], np.arange(16.0).reshape(4, 4))
    assert float(y.sum()) == 120.0


def test_up_conv_of_size_3_scatters_each_pixel_through_the_kernel():
    layer = UpConv(1, size=3, use_bias=False)
    x = jnp.zeros((1, 3, 3, 1)).at[0, 1, 1, 0].set(1.0)
    params = {"kernel": jnp.arange(9.0).reshape(3, 3, 1, 1)}
    y = layer.apply({"params": params}, x)[0, :, :, 0]
    np.testing.assert_array_equal(y[1:4, 1:4], np.arange(9.0).reshape(3, 3))
    assert y.shape == (6, 6) and float(y.sum()) == 36.0


@pytest.mark.parametrize("layer", [DownConv(4), UpConv(4)])
def test_compute_dtype_leaves_parameters_in_float32(layer, x):
    layer = layer.clone(dtype=jnp.bfloat16)
    variables = layer.init(jax.random.key(0), x)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
    assert layer.apply(variables, x).dtype == jnp.bfloat16
