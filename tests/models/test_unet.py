import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.models.unet import UNet
from tests.models.segmentation import quick_jit


def shapes(model, size, channels=2):
    x = jnp.zeros((1, size, size, channels))
    return jax.eval_shape(lambda: model.init(jax.random.key(0), x, train=False))


def test_has_the_parameters_of_pix2pix():
    # pix2pix's unet_256 (ngf 64, 3 -> 3 channels, batch normalisation) has 54,414,019 parameters
    # in PyTorch; one input channel less drops 16 * 64, two outputs less 2 * (16 * 128 + 1).
    params = shapes(UNet(), 256)["params"]
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    assert count == 54_414_019 - 16 * 64 - 2 * (16 * 128 + 1) + _unpaired_biases()


def _unpaired_biases():
    # The decoder has no convolution bias before a normalisation there or here: nothing differs but
    # the innermost encoder level's, which pix2pix builds without one.
    return 512


def test_as_many_levels_as_the_size_allows():
    params = shapes(UNet(features=4), 32)["params"]
    assert {name for name in params if name.startswith("down") and "norm" not in name} == {
        f"down{level}" for level in range(5)
    }


@pytest.mark.slow
def test_starts_at_the_given_alpha_and_stays_in_the_unit_interval():
    model = UNet(features=4, initial_alpha=0.03)
    x = jax.random.uniform(jax.random.key(0), (2, 16, 16, 2))
    variables = quick_jit(functools.partial(model.init, train=False))(jax.random.key(1), x)
    alpha = quick_jit(functools.partial(model.apply, train=False))(variables, x)
    assert alpha.shape == (2, 16, 16, 1) and alpha.dtype == jnp.float32
    np.testing.assert_allclose(alpha.mean(), 0.03, rtol=0.1)
    assert alpha.min() >= 0 and alpha.max() <= 1


@pytest.mark.slow
def test_dropout_draws_only_in_training():
    model = UNet(features=4, dropout=0.5)
    x = jax.random.uniform(jax.random.key(0), (2, 64, 64, 1))
    variables = quick_jit(functools.partial(model.init, train=False))(jax.random.key(1), x)

    @quick_jit
    def run(seed):
        return model.apply(
            variables,
            x,
            train=True,
            rngs={"dropout": jax.random.key(seed)},
            mutable=["batch_stats"],
        )[0]

    np.testing.assert_array_equal(run(0), run(0))
    assert np.abs(run(0) - run(1)).max() > 0


def test_a_size_that_does_not_divide_is_named():
    with pytest.raises(ValueError, match="found 24 x 24 pixels, expected .* multiple of 16"):
        shapes(UNet(features=4, levels=4), 24)
