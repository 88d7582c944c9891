"""One step of a segmentation network on two small images, compiled once."""

import jax
import jax.numpy as jnp
import numpy as np

SIDE, CHANNELS = 32, 2


def parameter_count(model, channels, side=64):
    image = jnp.zeros((1, side, side, channels))
    params = jax.eval_shape(lambda: model.init(jax.random.key(0), image, train=False))["params"]
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def check_step(model, outputs=1):
    """Checks what all networks promise; returns variables, image and the outputs in training."""
    image = jax.random.uniform(jax.random.key(0), (2, SIDE, SIDE, CHANNELS))
    variables = jax.jit(lambda: model.init(jax.random.key(1), image, train=False))()

    def loss(params):
        alpha, updates = model.apply(
            {**variables, "params": params},
            image,
            train=True,
            rngs={"dropout": jax.random.key(2)},
            mutable=["batch_stats"],
        )
        return jnp.square(alpha - image[..., :1]).mean(), (alpha, updates)

    gradient, (alpha, updates) = jax.jit(jax.grad(loss, has_aux=True))(variables["params"])
    assert alpha.shape == (2, SIDE, SIDE, outputs) and alpha.dtype == jnp.float32
    assert alpha.min() >= 0 and alpha.max() <= 1
    np.testing.assert_allclose(alpha.mean(), model.initial_alpha, rtol=0.15)
    for path, leaf in jax.tree.leaves_with_path(gradient):
        assert np.isfinite(leaf).all() and np.abs(leaf).max() > 0, jax.tree_util.keystr(path)
    for path, leaf in jax.tree.leaves_with_path(updates):
        assert np.isfinite(leaf).all(), jax.tree_util.keystr(path)
    _check_dtypes(model, image)
    return variables, image, alpha


def _check_dtypes(model, image):
    """Computing in bfloat16 leaves parameters, statistics and masks in float32."""
    alpha, variables = jax.eval_shape(
        lambda: model.clone(dtype=jnp.bfloat16).init_with_output(
            jax.random.key(0), image, train=False
        )
    )
    assert alpha.shape == (2, SIDE, SIDE, 1)
    assert {leaf.dtype for leaf in jax.tree.leaves((alpha, variables))} == {jnp.dtype("float32")}
