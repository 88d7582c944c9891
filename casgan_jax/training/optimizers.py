"""Adam and its learning-rate schedules.

The rate is no part of the optimiser: a step is given it, so that one compilation serves all.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax

from casgan_jax.configs.schema.sections import Optim


def learning_rate(config: Optim, total_steps: int) -> optax.Schedule:
    """Step -> learning rate.

    Args:
      config: `lr`, `schedule`, `warmup_steps` (linear from 0), and for "constant_then_linear" the
        share `constant` of the steps before the linear decay to 0 (the paper: 35 epochs of 70).
      total_steps: of the whole training.
    """
    warmup = min(config.warmup_steps, total_steps)
    after = max(total_steps - warmup, 1)
    if config.schedule == "constant":
        main = optax.constant_schedule(config.lr)
    elif config.schedule == "cosine":
        main = optax.cosine_decay_schedule(config.lr, after)
    else:
        flat = int(config.constant * after)
        main = optax.linear_schedule(config.lr, 0.0, max(after - flat, 1), transition_begin=flat)
    if not warmup:
        return main
    return optax.join_schedules([optax.linear_schedule(0.0, config.lr, warmup), main], [warmup])


def learning_rates(config: Optim, total_steps: int) -> np.ndarray:
    """The learning rate of every step, (total_steps,) float32."""
    schedule = jax.vmap(learning_rate(config, total_steps))
    with jax.numpy_dtype_promotion("standard"):  # Optax multiplies counts of steps by floats
        rates = jax.jit(schedule)(jnp.arange(total_steps))
    return np.broadcast_to(np.asarray(rates, np.float32), total_steps)


def adam(config: Optim) -> optax.GradientTransformation:
    """Adam at a rate of 1, with the config's `b1`, gradients clipped to norm `clip` where it is not
    0."""
    optimizer = optax.adam(optax.constant_schedule(1.0), b1=config.b1)
    if config.clip:
        return optax.chain(optax.clip_by_global_norm(config.clip), optimizer)
    return optimizer
