import flax.linen as nn
import jax
import numpy as np
import pytest

from casgan_jax.models.dilated_convolution import dilated_conv

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("size", "dilation"),
    [
        (3, 2),
        (3, 8),  # taps above and below read nothing
        (3, 12),  # the central tap is left
        (5, 3),
    ],
)
def test_values_and_gradients_are_those_of_the_plain_convolution(size, dilation):
    keys = jax.random.split(jax.random.key(0), 3)
    x = jax.random.normal(keys[0], (2, 7, 10, 3))
    kernel = jax.random.normal(keys[1], (size, size, 3, 4))

    def plain(x, kernel):
        border = size // 2 * dilation
        layer = nn.Conv(4, (size, size), 1, border, kernel_dilation=dilation, use_bias=False)
        return layer.apply({"params": {"kernel": kernel}}, x)

    output, pullback = jax.vjp(lambda x, kernel: dilated_conv(x, kernel, dilation), x, kernel)
    expected, expected_pullback = jax.vjp(plain, x, kernel)
    np.testing.assert_allclose(output, expected, atol=1e-4)
    cotangent = jax.random.normal(keys[2], output.shape)
    for found, wanted in zip(pullback(cotangent), expected_pullback(cotangent), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-4)
