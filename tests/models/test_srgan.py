"""SRGAN's networks: sizes, the interpolation they may start from, the hand-written gradient."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.losses import bce_generator, total_variation
from casgan_jax.models.convolution import space_to_depth
from casgan_jax.models.srgan import (
    SRDiscriminator,
    SRGenerator,
)

pytestmark = pytest.mark.slow

KEY = jax.random.key(0)


def parameter_count(module: nn.Module, *inputs: jax.Array | None) -> int:
    variables = jax.eval_shape(lambda: module.init(KEY, *inputs, train=True))
    return sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(variables["params"]))


def initialise(module: nn.Module, *inputs: jax.Array | None):
    """Output and variables of a fresh module, compiled in one piece."""
    return jax.jit(lambda: module.init_with_output(KEY, *inputs, train=True))()


def normal(*shape: int) -> jax.Array:
    return jax.random.normal(jax.random.fold_in(KEY, len(shape)), shape)


@pytest.fixture(scope="module")
def small_generator():
    module = SRGenerator(features=4, blocks=1, scale=2)
    return module, initialise(module, jnp.zeros((1, 6, 5, 1)))[1]


def test_generator_has_the_parameters_of_the_reference_implementation():
    # SRResNet, 5 blocks, x4, three channels, biases everywhere: 734,219. Less two of three inputs
    # (2 * 81 * 64 = 10,368), two of three output channels with their biases
    # (2 * 81 * 64 + 2 = 10,370), and the biases before the 11 normalisations (11 * 64 = 704).
    expected = 734_219 - 10_368 - 10_370 - 704
    assert expected == 712_777
    assert parameter_count(SRGenerator(), jnp.zeros((1, 8, 8, 1))) == expected


def test_a_doubling_costs_one_upsampling_layer():
    # 3 * 3 * 64 * 256 weights, 256 biases, one PReLU slope.
    twice = parameter_count(SRGenerator(scale=2), jnp.zeros((1, 8, 8, 1)))
    assert twice == 712_777 - (147_456 + 256 + 1)


def test_discriminator_has_the_parameters_of_the_reference_implementation():
    # Ledig et al.'s with a global mean before the dense layers, three channels, biases everywhere:
    # 5,215,425. Less two of three input channels (2 * 9 * 64 = 1,152) and the biases before the
    # normalisations (64 + 2 * 128 + 2 * 256 + 2 * 512 = 1,856).
    expected = 5_215_425 - 1_152 - 1_856
    assert expected == 5_212_417
    assert parameter_count(SRDiscriminator(), None, jnp.zeros((1, 96, 96, 1))) == expected
    assert parameter_count(SRDiscriminator(), None, jnp.zeros((1, 50, 70, 1))) == expected


@pytest.mark.parametrize("scale", [2, 4])
def test_generator_multiplies_the_size_by_its_scale(scale):
    module = SRGenerator(features=4, blocks=1, scale=scale)

    def apply(x):
        variables = module.init(KEY, x, train=True)
        return module.apply(variables, x, train=True, mutable=["batch_stats"])

    output, state = jax.eval_shape(apply, jnp.zeros((2, 6, 5, 1)))
    assert output.shape == (2, 6 * scale, 5 * scale, 1) and output.dtype == jnp.float32
    assert set(state) == {"batch_stats"}


def test_blocks_start_as_the_identity(small_generator):
    _, variables = small_generator
    assert not variables["params"]["block0_norm1"]["scale"].any()


def test_another_scale_is_refused():
    with pytest.raises(ValueError, match=r"scale: found 3, expected one of \(2, 4\)"):
        SRGenerator(scale=3).init(KEY, jnp.zeros((1, 4, 4, 1)), train=True)


@pytest.mark.parametrize("scale", [2, 4])
def test_residual_generator_starts_as_interpolation(scale):
    module = SRGenerator(features=2, blocks=0, scale=scale, residual_to_interpolation=True)
    ramp = jnp.broadcast_to(jnp.arange(10.0)[None, None, :, None], (1, 8, 10, 1))
    output, variables = initialise(module, ramp)
    expected = jax.image.resize(ramp, (1, 8 * scale, 10 * scale, 1), "lanczos3")
    np.testing.assert_allclose(output, expected, atol=1e-5)
    assert not variables["params"]["output"]["kernel"].any()
    # Native x lies at scale * x + (scale - 1) / 2, the pixel convention of the data: a ramp stays
    # that ramp, but for the border and the ripple of Lanczos' kernel.
    columns = (np.arange(10 * scale) - (scale - 1) / 2) / scale
    inner = slice(3 * scale, -3 * scale)
    np.testing.assert_allclose(output[0, 4 * scale, inner, 0], columns[inner], atol=0.03)


def test_bfloat16_computes_but_keeps_float32_parameters_and_statistics():
    module = SRGenerator(features=4, blocks=1, scale=2, dtype=jnp.bfloat16)
    output, variables = jax.eval_shape(
        lambda x: module.init_with_output(KEY, x, train=True), jnp.zeros((1, 4, 4, 1))
    )
    assert output.dtype == jnp.float32
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}


def test_batch_statistics_are_averaged_over_the_axis(small_generator):
    images = normal(4, 6, 5, 1)
    alone, variables = small_generator
    spread = alone.clone(axis_name="devices")

    def apply(module, images):
        return module.apply(variables, images, train=True, mutable=["batch_stats"])

    together, state = jax.jit(lambda x: apply(alone, x))(images)
    per_device = jax.vmap(lambda x: apply(spread, x), axis_name="devices")
    shards, states = jax.jit(per_device)(images.reshape(2, 2, 6, 5, 1))
    np.testing.assert_allclose(shards.reshape(together.shape), together, atol=1e-5)
    for one, both in zip(jax.tree.leaves(state), jax.tree.leaves(states), strict=True):
        np.testing.assert_allclose(both[0], one, atol=1e-6)
        np.testing.assert_allclose(both[1], one, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 16, 16, 1), (1, 33, 18, 1)])
def test_discriminator_takes_any_size_and_needs_no_condition(shape):
    module = SRDiscriminator(features=2)
    logits, _ = jax.eval_shape(
        lambda x: module.init_with_output(KEY, None, x, train=True), jnp.zeros(shape)
    )
    assert logits.shape == (shape[0], 1) and logits.dtype == jnp.float32


def test_adversarial_gradients_are_finite(small_generator):
    generator, variables = small_generator
    discriminator = SRDiscriminator(features=2)

    @jax.jit
    def gradient(params):
        def loss(params):
            image, _ = generator.apply(
                {**variables, "params": params},
                normal(2, 6, 5, 1),
                train=True,
                mutable=["batch_stats"],
            )
            logits, _ = discriminator.init_with_output(KEY, None, image, train=True)
            return bce_generator(logits) + total_variation(image)

        return jax.grad(loss)(params)

    gradients = gradient(variables["params"])
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradients))
    assert jnp.abs(gradients["input"]["kernel"]).max() > 0


def test_strided_layers_are_the_dense_map_of_space_to_depth():
    # What a rearranged layer would compute: weights of either form are exchangeable.
    x, kernel = normal(2, 8, 6, 3), normal(3, 3, 3, 5)
    strided = nn.Conv(5, (3, 3), strides=2, padding=1, use_bias=False)
    padded = jnp.pad(kernel, ((1, 0), (1, 0), (0, 0), (0, 0)))
    dense = padded.reshape(2, 2, 2, 2, 3, 5).transpose(0, 2, 1, 3, 4, 5).reshape(2, 2, 12, 5)
    expected = jax.lax.conv_general_dilated(
        space_to_depth(x),
        dense,
        (1, 1),
        ((1, 0), (1, 0)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
    np.testing.assert_allclose(
        strided.apply({"params": {"kernel": kernel}}, x), expected, atol=1e-5
    )
