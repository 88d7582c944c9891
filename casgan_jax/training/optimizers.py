"""Adam and its learning-rate schedules."""

from __future__ import annotations

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


def adam(config: Optim, total_steps: int) -> optax.GradientTransformation:
    """Adam with the config's schedule and `b1`, gradients clipped to norm `clip` where it is not
    0."""
    optimizer = optax.adam(learning_rate(config, total_steps), b1=config.b1)
    if config.clip:
        return optax.chain(optax.clip_by_global_norm(config.clip), optimizer)
    return optimizer
