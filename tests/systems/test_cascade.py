import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.configs.schema.load import load_config
from casgan_jax.configs.schema.tree import replaced
from casgan_jax.systems.cascade import Cascade, _predict
from casgan_jax.systems.networks import describe_system
from tests.faults import fault_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cascade():
    fields = [
        ("data.patch", "16"),
        ("model.features", "4"),
        ("srgan.model.features", "4"),
        ("srgan.model.blocks", "1"),
    ]
    config = load_config("softgan:quick", fields)
    patch = jnp.zeros((1, 16, 16, 1))
    system = describe_system(config)
    sr = system.upscale.init(jax.random.key(0), patch, train=False)
    condition = jnp.zeros((1, 32, 32, 2))
    variables = system.network.init(jax.random.key(1), condition, train=False)
    return Cascade(config, variables, {"srgan": sr}, batch_size=4)


def test_any_number_of_patches_gives_the_same_masks(cascade):
    patches = np.random.default_rng(0).random((6, 16, 16), dtype=np.float32)
    together = cascade(patches)
    assert together["alpha"].shape == together["super_resolution"].shape == (6, 32, 32)
    assert together["alpha"].min() >= 0 and together["alpha"].max() <= 1
    alone = cascade(patches[5:])
    np.testing.assert_allclose(alone["alpha"][0], together["alpha"][5], atol=1e-5)
    assert cascade(patches[:0])["alpha"].shape == (0, 32, 32)


def test_weights_that_cannot_be_used_are_named_and_not_the_image(cascade):
    patches = np.full((1, 16, 16), 0.5, np.float32)
    variables = jax.tree.map(lambda leaf: leaf * jnp.float32(np.nan), cascade._variables[0])
    assert fault_of(cascade.with_variables(variables), patches).what == "weights"
    assert np.isnan(cascade(patches * np.float32(np.nan))["alpha"]).any(), "the image's own fault"


def test_few_sizes_and_equal_cascades_are_compiled_once(cascade):
    patches = np.random.default_rng(0).random((7, 16, 16), dtype=np.float32)
    for count in (1, 2, 4):
        cascade(patches[:count])
    compiled = _predict._cache_size()
    cascade(patches[:3])  # padded to 4
    cascade(patches[:7])  # 4, then 3
    same = Cascade(cascade.config, *cascade._variables, batch_size=4)
    np.testing.assert_array_equal(same(patches)["alpha"], cascade(patches)["alpha"])
    assert _predict._cache_size() == compiled


def test_averaging_over_symmetries_makes_the_cascade_equivariant(cascade):
    # The SR network is not symmetric; with the bilinear condition alone the whole is.
    config = replaced(cascade.config, sr="none")
    network = describe_system(config).network
    variables = network.init(jax.random.key(1), jnp.zeros((1, 32, 32, 1)), train=False)
    symmetric = Cascade(config, variables, {}, batch_size=4)
    patch = np.random.default_rng(1).random((1, 16, 16), dtype=np.float32)
    expected = symmetric(patch)["alpha"][0]
    for k in range(4):
        turned = np.ascontiguousarray(np.rot90(patch, k, axes=(1, 2)))
        np.testing.assert_allclose(symmetric(turned)["alpha"][0], np.rot90(expected, k), atol=1e-5)
    mirrored = np.ascontiguousarray(patch[:, :, ::-1])
    np.testing.assert_allclose(symmetric(mirrored)["alpha"][0], expected[:, ::-1], atol=1e-5)


def test_another_patch_size_is_named(cascade):
    error = fault_of(cascade, np.zeros((1, 8, 8), np.float32), told_remedy=False)
    assert error.what == "patches" and "(1, 8, 8)" in error.found and "16" in error.expected
