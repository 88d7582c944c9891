import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.models import resnet
from casgan_jax.models.deeplab import DeepLab
from tests.models.starts import quick_variables, training_step


def shapes(model, size, channels=3):
    x = jnp.zeros((1, size, size, channels))
    return jax.eval_shape(lambda: model.init(jax.random.key(0), x, train=False))


def test_has_the_parameters_of_the_published_parts():
    # ResNet-50 without classifier; ASPP: two 1x1 and three 3x3 convolutions of 2048 channels, the
    # 1x1 over the five, six normalisations; 48 channels of the first stage's 256; two 3x3
    # convolutions; the logits.
    aspp = (2 + 3 * 9) * 2048 * 256 + 5 * 256 * 256 + 6 * 2 * 256
    decoder = 256 * 48 + 2 * 48 + 9 * (304 + 256) * 256 + 2 * 2 * 256
    params = shapes(DeepLab(depth=50), 32)["params"]
    count = sum(leaf.size for leaf in jax.tree.leaves(params))
    assert count == 23_508_032 + aspp + decoder + 257


@pytest.fixture(scope="module")
def start():
    """A tiny network on an encoder of four blocks: a step's gradients, output and statistics."""
    model = DeepLab(features=4, depth=34, initial_alpha=0.03)
    x = jax.random.uniform(jax.random.key(0), (2, 32, 32, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(resnet._BLOCKS, 34, (1, 1, 1, 1))
        variables = quick_variables(model, x)
        return variables, *training_step(model, variables, x)


def test_starts_at_the_given_alpha(start):
    _, _, alpha, _ = start
    assert alpha.shape == (2, 32, 32, 1) and alpha.dtype == jnp.float32
    np.testing.assert_allclose(alpha.mean(), 0.03, rtol=0.2)
    assert alpha.min() >= 0 and alpha.max() <= 1 and alpha.std() > 0


def test_a_step_reaches_every_parameter_and_statistic(start):
    variables, gradients, _, statistics = start
    for path, leaf in jax.tree_util.tree_leaves_with_path(gradients):
        assert np.isfinite(leaf).all() and np.abs(leaf).max() > 0, jax.tree_util.keystr(path)
    for old, new in zip(
        jax.tree.leaves(variables["batch_stats"]), jax.tree.leaves(statistics), strict=True
    ):
        assert np.abs(old - new).max() > 0


def test_a_side_that_does_not_divide_is_named():
    with pytest.raises(ValueError, match="found 24 x 24 pixels, expected .* multiple of 16"):
        shapes(DeepLab(features=4), 24)
