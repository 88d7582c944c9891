import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.models import resnet
from casgan_jax.models.ce_net import CENet, ResidualMultiKernelPooling
from tests.models.segmentation import check_network, parameter_count

pytestmark = pytest.mark.slow


def test_has_the_parameters_of_the_authors_code():
    # networks/cenet.py of Guzaiwang/CE-Net: torchvision's ResNet-34 without classifier, three 3x3
    # and one 1x1 convolution of 512 channels, one of 512 to 1, four decoders, three last layers.
    dac = 3 * (9 * 512 * 512 + 512) + 512 * 512 + 512
    rmp = 512 + 1

    def decoder(inputs, outputs):
        quarter = inputs // 4
        first, middle = (inputs + 3) * quarter, (9 * quarter + 3) * quarter
        return first + middle + (quarter + 3) * outputs

    decoders = decoder(516, 256) + decoder(256, 128) + decoder(128, 64) + decoder(64, 64)
    last = 16 * 64 * 32 + 32 + 9 * 32 * 32 + 32 + 9 * 32 + 1
    expected = 21_284_672 + dac + rmp + decoders + last
    assert expected == 29_003_093
    assert parameter_count(CENet(), channels=3) == expected


def test_pooled_maps_join_the_features():
    x = jnp.arange(49.0).reshape(1, 7, 7, 1)
    params = {"conv": {"kernel": jnp.ones((1, 1, 1, 1)), "bias": jnp.zeros(1)}}
    y = ResidualMultiKernelPooling().apply({"params": params}, x)
    assert y.shape == (1, 7, 7, 5)
    # Windows of 5 and 6 pixels fit once: their largest, last pixel; those of 3 in two rows of two.
    np.testing.assert_allclose(y[0, :, :, 2], x[0, 4, 4, 0])
    np.testing.assert_allclose(y[0, :, :, 3], x[0, 5, 5, 0])
    np.testing.assert_allclose(y[0, [0, 0, -1, -1], [0, -1, 0, -1], 1], [16, 19, 37, 40])
    np.testing.assert_array_equal(y[..., 4:], x)


def test_keeps_what_all_networks_promise(monkeypatch):
    monkeypatch.setitem(resnet._BLOCKS, 34, (1, 1, 1, 1))  # an encoder of four blocks
    check_network(CENet(features=4, initial_alpha=0.1))


def test_a_side_that_does_not_divide_is_named():
    with pytest.raises(ValueError, match="found 48 x 48 pixels, expected .* multiple of 32"):
        parameter_count(CENet(features=4), channels=1, side=48)
