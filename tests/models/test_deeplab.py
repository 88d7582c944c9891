import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.models.deeplab import DeepLab


def shapes(model, size, channels=3):
    x = jnp.zeros((1, size, size, channels))
    return jax.eval_shape(lambda: model.init(jax.random.key(0), x, train=False))


def test_has_the_parameters_of_the_published_parts():
    # ResNet-50 without classifier; ASPP: two 1x1 and three 3x3 convolutions of 2048 channels, the
    # 1x1 over the five, six normalisations; 48 channels of the first stage's 256; two 3x3
    # convolutions; the logits. With ResNet-101 (42,500,160) and 21 logits these are the 59,344,309
    # of jfzhang95/pytorch-deeplab-xception.
    aspp = (2 + 3 * 9) * 2048 * 256 + 5 * 256 * 256 + 6 * 2 * 256
    decoder = 256 * 48 + 2 * 48 + 9 * (304 + 256) * 256 + 2 * 2 * 256
    assert 42_500_160 + aspp + decoder + 257 * 21 == 59_344_309
    params = shapes(DeepLab(depth=50), 32)["params"]
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    assert count == 23_508_032 + aspp + decoder + 257


@pytest.fixture(scope="module")
def trained():
    """A tiny network at its start: its parameters, its output, and a step's gradients."""
    model = DeepLab(features=4, depth=34, initial_alpha=0.03)
    x = jax.random.uniform(jax.random.key(0), (2, 32, 32, 2))
    variables = model.init(jax.random.key(1), x, train=False)

    @jax.jit
    def step(params):
        def loss(params):
            alpha, updates = model.apply(
                variables | {"params": params},
                x,
                train=True,
                rngs={"dropout": jax.random.key(2)},
                mutable=["batch_stats"],
            )
            return ((alpha - x[..., :1]) ** 2).mean(), (alpha, updates)

        return jax.grad(loss, has_aux=True)(params)

    return step(variables["params"]), variables


def test_starts_at_the_given_alpha(trained):
    (_, (alpha, _)), _ = trained
    assert alpha.shape == (2, 32, 32, 1) and alpha.dtype == jnp.float32
    np.testing.assert_allclose(alpha.mean(), 0.03, rtol=0.2)
    assert alpha.min() >= 0 and alpha.max() <= 1 and alpha.std() > 0


def test_gradients_reach_every_parameter(trained):
    (gradients, (_, updates)), variables = trained
    for path, leaf in jax.tree_util.tree_leaves_with_path(gradients):
        assert np.isfinite(leaf).all() and np.abs(leaf).max() > 0, jax.tree_util.keystr(path)
    changed = jax.tree.map(
        lambda a, b: not np.array_equal(a, b), updates, {"batch_stats": variables["batch_stats"]}
    )
    assert all(jax.tree.leaves(changed))


def test_a_side_that_does_not_divide_is_named():
    with pytest.raises(ValueError, match="found 24 x 24 pixels, expected .* multiple of 16"):
        shapes(DeepLab(features=4), 24)
