import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.models.convolution import depth_to_space, space_to_depth
from casgan_jax.models.native_unet import NativeUNet
from tests.models.segmentation import SIDE, parameter_count, quick_jit

pytestmark = pytest.mark.slow


def small(**changes):
    return NativeUNet(**({"features": 4, "levels": 2, "scale": 2, "initial_alpha": 0.1} | changes))


def test_cells_of_any_side_are_folded_and_unfolded():
    x = np.arange(2 * 9 * 6 * 5, dtype=np.float32).reshape(2, 9, 6, 5)
    folded = space_to_depth(x, 3)
    assert folded.shape == (2, 3, 2, 45)
    np.testing.assert_array_equal(folded[0, 1, 1, :5], x[0, 3, 3])
    np.testing.assert_array_equal(folded[0, 1, 1, 15:20], x[0, 4, 3])
    np.testing.assert_array_equal(depth_to_space(folded, 3), x)


def test_works_on_native_pixels():
    # The same layers for a patch that is enlarged and for one that is not, but for the ends.
    native, enlarged = parameter_count(small(scale=1), 3), parameter_count(small(), 3)
    first, last = 9 * 3 * 4, 9 * 4 + 1
    assert enlarged - native == 3 * (first + last)


def test_cells_of_native_pixels_are_folded():
    # The same layers on fewer pixels, but for the ends.
    plain, folded = parameter_count(small(levels=1), 3), parameter_count(small(levels=1, fold=2), 3)
    first, last = 9 * 3 * 4, 9 * 4 + 1
    assert folded - plain == 3 * 4 * (first + last)


def test_the_widest_level_is_limited():
    wide, narrow = (
        parameter_count(small(levels=1), 1),
        parameter_count(small(widest=1, levels=1), 1),
    )
    below, up = (9 * 4 * 8 + 9 * 8 * 8) - 2 * 9 * 4 * 4, 4 * 4 * (8 - 4)
    assert wide - narrow == below + up + 2 * 2 * (8 - 4)  # of which the last normalise


def test_an_image_is_normalised_on_its_own():
    model, rng = small(normalisation="instance"), np.random.default_rng(2)
    images = rng.uniform(size=(2, SIDE, SIDE, 1)).astype(np.float32)
    variables = quick_jit(lambda key, x: model.init(key, x, train=False))(jax.random.key(0), images)
    assert variables.keys() == {"params"}
    both = quick_jit(lambda x: model.apply(variables, x, train=True))(images)
    alone = quick_jit(lambda x: model.apply(variables, x, train=False))(images[:1])
    np.testing.assert_allclose(both[:1], alone, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"fold": 2, "levels": 1, "normalisation": "instance"}])
def test_mask_and_gradients(options):
    model = small(**options)
    image = np.random.default_rng(1).uniform(size=(2, SIDE, SIDE, 2)).astype(np.float32)
    keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
    variables = quick_jit(lambda keys, x: model.init(keys, x, train=False))(keys, image)

    def loss(params, image):
        alpha, updates = model.apply(
            {**variables, "params": params}, image, train=True, mutable=["batch_stats"]
        )
        return jnp.square(alpha - image[..., :1]).mean(), (alpha, updates)

    gradient, (alpha, updates) = quick_jit(jax.grad(loss, has_aux=True))(variables["params"], image)
    assert alpha.shape == (2, SIDE, SIDE, 1) and alpha.dtype == jnp.float32
    assert np.mean(alpha) == pytest.approx(0.1, abs=0.05) and np.ptp(alpha) > 0
    for path, leaf in jax.tree.leaves_with_path(gradient):
        assert np.isfinite(leaf).all() and np.abs(leaf).max() > 0, jax.tree_util.keystr(path)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(updates))
    assert bool(jax.tree.leaves(updates)) == (not options)


@pytest.mark.parametrize("normalisation", ["batch", "instance"])
def test_computes_in_another_precision(normalisation):
    shapes = jax.eval_shape(
        lambda: small(dtype=jnp.bfloat16, normalisation=normalisation).init_with_output(
            jax.random.key(0), jnp.zeros((1, SIDE, SIDE, 1)), train=False
        )
    )
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {jnp.dtype("float32")}


def test_a_side_that_does_not_divide_is_named():
    with pytest.raises(ValueError, match="found 20 x 20 pixels, expected .* multiple of 8 for 2"):
        parameter_count(small(), channels=1, side=20)
