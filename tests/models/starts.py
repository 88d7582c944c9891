"""Networks at their start without the minutes that compiling all random draws takes."""

import jax
import numpy as np


def quick_variables(model, condition):
    """The variables of a network whose last layer is named `logits`: that as the network draws it,
    kernels of NumPy's normal draws (He et al. 2015), and normalisations that change nothing."""
    rng = np.random.default_rng(0)

    def init():
        return model.init(jax.random.key(0), condition, train=False)

    def draw(path, leaf):
        name = path[-1].key
        if name == "kernel":
            height, width, _, features = leaf.shape
            scale = np.sqrt(2 / (height * width * features))
            return rng.normal(size=leaf.shape, scale=scale).astype(np.float32)
        return np.full(leaf.shape, name in ("scale", "var"), np.float32)

    variables = jax.tree_util.tree_map_with_path(draw, jax.eval_shape(init))
    variables["params"]["logits"] = jax.jit(lambda: init()["params"]["logits"])()
    return variables


def training_step(model, variables, condition):
    """Gradients of a squared difference by all parameters, the output, and the new statistics."""

    def loss(params):
        output, updates = model.apply(
            variables | {"params": params},
            condition,
            train=True,
            rngs={"dropout": jax.random.key(2)},
            mutable=["batch_stats"],
        )
        return ((output - condition[..., :1]) ** 2).mean(), (output, updates)

    # Without optimisation, as the code runs once.
    options = {"xla_backend_optimization_level": 0}
    step = jax.jit(jax.grad(loss, has_aux=True), compiler_options=options)
    gradients, (output, updates) = step(variables["params"])
    return gradients, output, updates["batch_stats"]
