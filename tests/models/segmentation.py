"""What every segmentation network promises, checked with one function compiled at a small size.

Compiling is what such tests cost: variables are drawn by NumPy, and XLA does not optimise.
"""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from casgan_jax.models.segmentation_blocks import AlphaHead

SIDE, CHANNELS = 32, 2

quick_jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def parameter_count(model, channels, side=64):
    image = jnp.zeros((1, side, side, channels))
    params = jax.eval_shape(lambda: model.init(jax.random.key(0), image, train=False))["params"]
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def check_network(model, outputs=1):
    """Checks all but the parameters' number; returns variables, an image and the first output."""
    image = np.random.default_rng(1).uniform(size=(2, SIDE, SIDE, CHANNELS)).astype(np.float32)
    variables = jax.tree.map_with_path(_draw, _checked_shapes(model, image, outputs))

    def loss(params, image):
        alpha, updates = model.apply(
            {**variables, "params": params},
            image,
            train=True,
            rngs={"dropout": jax.random.key(2, impl="unsafe_rbg")},
            mutable=["batch_stats"],
        )
        return jnp.square(alpha - image[..., :1]).mean(), (alpha, updates)

    step = quick_jit(jax.grad(loss, has_aux=True))
    gradient, (alpha, updates) = step(variables["params"], image)
    assert alpha.shape == (2, SIDE, SIDE, outputs) and alpha.dtype == jnp.float32
    assert alpha.min() >= 0 and alpha.max() <= 1 and np.ptp(alpha) > 0
    for path, leaf in jax.tree.leaves_with_path(gradient):
        assert np.isfinite(leaf).all() and np.abs(leaf).max() > 0, jax.tree_util.keystr(path)
    for path, leaf in jax.tree.leaves_with_path(updates):
        assert np.isfinite(leaf).all(), jax.tree_util.keystr(path)
    return variables, image, alpha


def _checked_shapes(model, image, outputs):
    """Computing in bfloat16 leaves parameters, statistics and masks in float32; all outputs start
    at the given alpha."""
    heads = []

    def note_heads(method, args, kwargs, context):
        if isinstance(context.module, AlphaHead):
            heads.append(context.module.initial_alpha)
        return method(*args, **kwargs)

    model = model.clone(dtype=jnp.bfloat16)
    with nn.intercept_methods(note_heads):
        alpha, variables = jax.eval_shape(
            lambda: model.init_with_output(jax.random.key(0), image, train=False)
        )
    assert alpha.shape == (2, SIDE, SIDE, 1)
    assert {leaf.dtype for leaf in jax.tree.leaves((alpha, variables))} == {jnp.dtype("float32")}
    assert heads == outputs * [model.initial_alpha]
    return variables


def _draw(path, leaf):
    """He's kernels, all else as before any learning."""
    name = path[-1].key
    if name == "kernel":
        kernel = np.random.default_rng(0).normal(size=leaf.shape)
        return (kernel * np.sqrt(2 / np.prod(leaf.shape[:-1]))).astype(np.float32)
    value = {"negative_slope": 0.25, "scale": 1, "var": 1}.get(name, 0)
    return np.full(leaf.shape, value, np.float32)
