"""What a network sees, with and without SR and with another system's soft mask as a prior."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.models.srgan import SRGenerator
from casgan_jax.models.unet import UNet
from casgan_jax.systems.networks import System

pytestmark = pytest.mark.slow

PATCHES = np.random.default_rng(0).random((2, 8, 8, 1), dtype=np.float32)


def system(upscale=None, prior=None):
    return System(UNet(features=2, levels=2), scale=2, upscale=upscale, prior=prior)


@pytest.fixture(scope="module")
def upscale():
    """SRGAN's generator and its variables."""
    network = SRGenerator(features=2, blocks=1, scale=2)
    return network, network.init(jax.random.key(0), PATCHES, train=False)


def test_without_sr_the_enlargement_alone():
    condition, image = system().condition({}, PATCHES)
    assert condition.shape == (2, 16, 16, 1)
    np.testing.assert_array_equal(condition, image)
    np.testing.assert_allclose(image.mean(), PATCHES.mean(), atol=0.01)


def test_the_sr_image_beside_the_enlargement(upscale):
    network, variables = upscale
    one = system(network)
    condition, sr = one.condition({"srgan": variables}, PATCHES)
    assert one.channels == condition.shape[-1] == 2
    np.testing.assert_array_equal(condition[..., :1], sr)
    np.testing.assert_array_equal(condition[..., 1:], system().condition({}, PATCHES)[0])
    expected = network.apply(variables, PATCHES, train=False)
    np.testing.assert_allclose(sr, jnp.clip(expected, 0, 1), atol=1e-6)


def test_the_soft_mask_of_another_system_as_a_prior(upscale):
    network, srgan = upscale
    prior = system(network)
    variables = prior.network.init(jax.random.key(1), jnp.zeros((1, 16, 16, 2)), train=False)
    frozen = {"prior": {"variables": variables, "frozen": {"srgan": srgan}}}
    one = system(prior=prior)
    condition, _ = one.condition(frozen, PATCHES)
    assert one.channels == condition.shape[-1] == 2
    expected = prior.alpha(variables, {"srgan": srgan}, PATCHES)
    np.testing.assert_array_equal(condition[..., 1:], expected)
    assert expected.std() > 0


def test_planes_of_marks_beside_the_patch():
    one = System(UNet(features=2, levels=2), 2, None, None, mark_kinds=("click", "axes"))
    planes = np.random.default_rng(1).random((2, 8, 8, 2), dtype=np.float32)
    condition, _ = one.condition({}, PATCHES, planes)
    assert one.channels == condition.shape[-1] == 3
    np.testing.assert_array_equal(condition[..., :1], system().condition({}, PATCHES)[0])
    means = condition[..., 1:].mean((1, 2))
    np.testing.assert_allclose(means, planes.mean((1, 2)), atol=0.02)
    alone, _ = one.condition({}, PATCHES)
    assert alone.shape == condition.shape
    assert alone[0, 7:9, 7:9, 1].max() < 0.1 and alone[..., 2].min() == 1.0


def test_slices_beside_are_channels_the_nearest_first():
    one = System(UNet(features=2, levels=2), 2, None, None, neighbours=1)
    assert one.channels == 3
    beside = np.random.default_rng(1).random((*PATCHES.shape[:3], 4), np.float32)
    condition, _ = one.condition({}, PATCHES, neighbours=beside)
    assert condition.shape[-1] == 3
    for k in range(2):
        enlarged, _ = system().condition({}, beside[..., k : k + 1])
        np.testing.assert_allclose(condition[..., k + 1 : k + 2], enlarged, atol=1e-6)
    alone, _ = one.condition({}, PATCHES)  # the patch stands in for them
    np.testing.assert_array_equal(alone[..., 1:2], alone[..., :1])
    np.testing.assert_array_equal(alone[..., 2:], alone[..., :1])
