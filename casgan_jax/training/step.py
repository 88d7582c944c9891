"""One adversarial step for every pair of networks: (state, batch) -> (state, metrics), pure.

The generator runs forward once. The discriminator learns from the real target and that output, then
the generator from its content losses and from the updated discriminator's judgement (the order of
pix2pix). The step is written for one device; gradients, batch statistics and metrics are averaged
over the named axis AXIS, over which `casgan_jax.training.parallel` maps it.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from casgan_jax.training.state import Network, TrainState

AXIS = "data"

Batch = Mapping[str, jax.Array]
Losses = dict[str, jax.Array]


def _batch_target(frozen: Any, batch: Batch) -> Sequence[tuple[float, jax.Array]]:
    del frozen
    return ((1.0, batch["target"]),)


@dataclasses.dataclass(frozen=True)
class Stage:
    """What is particular to one GAN; everything else in training is shared.

    Attributes:
      name: of the stage's folder in the workdir.
      generator: module called as (condition, train=) -> output.
      discriminator: module called as (condition, candidate, train=) -> scores.
      condition: (frozen variables, batch) -> what the generator sees.
      targets: (frozen variables, batch) -> (weight, target) pairs: what its output is to be near.
      content_losses: (output, target, loss_variables) -> weighted terms, by name.
      generator_loss: scores of the output -> scalar.
      discriminator_loss: (scores of the target, scores of the output) -> scalar.
      adversarial_weight: of `generator_loss` beside the content terms; 0 trains no discriminator.
    """

    name: str
    generator: nn.Module
    discriminator: nn.Module
    condition: Callable[[Any, Batch], jax.Array]
    content_losses: Callable[[jax.Array, jax.Array, Any], Losses]
    generator_loss: Callable[[jax.Array], jax.Array]
    discriminator_loss: Callable[[jax.Array, jax.Array], jax.Array]
    adversarial_weight: float
    targets: Callable[[Any, Batch], Sequence[tuple[float, jax.Array]]] = _batch_target
    loss_variables: Any = dataclasses.field(default_factory=dict)  # weights of a perceptual loss


class Constants(NamedTuple):
    """What a step is given beside state and batch: as large constants of its own they would slow
    compilation down.

    Attributes:
      loss_variables: the stage's.
      rate: the learning rate of this step. At 0 parameters stay where they are, or become NaN if
        their gradients are not finite, and all else is what a step computes: a look at a state
        (`casgan_jax.training.usable`).
    """

    loss_variables: Any
    rate: np.floating | jax.Array


def _mean_over_devices(tree: Any) -> Any:
    # Over one device the mean is what is there already; XLA would copy it.
    return tree if jax.lax.axis_size(AXIS) == 1 else jax.lax.pmean(tree, AXIS)


def _update(
    network: Network,
    gradients: Any,
    batch_stats: Any,
    optimizer: optax.GradientTransformation,
    rate: np.floating | jax.Array,
) -> Network:
    gradients = _mean_over_devices(gradients)
    # Optax multiplies its integer count of steps by floats.
    with jax.numpy_dtype_promotion("standard"):
        updates, opt_state = optimizer.update(gradients, network.opt_state, network.params)
    updates = jax.tree.map(lambda u, g: jnp.where(rate > 0, rate * u, 0.0 * g), updates, gradients)
    return Network(optax.apply_updates(network.params, updates), batch_stats, opt_state)


def _discriminate(
    stage: Stage, params: Any, batch_stats: Any, condition: jax.Array, candidate: jax.Array
) -> tuple[jax.Array, Any]:
    scores, changed = stage.discriminator.apply(
        {"params": params, "batch_stats": batch_stats},
        condition,
        candidate,
        train=True,
        mutable=["batch_stats"],
    )
    return scores, changed.get("batch_stats", {})


def adversarial_step(
    state: TrainState,
    batch: Batch,
    constants: Constants,
    *,
    stage: Stage,
    generator_optimizer: optax.GradientTransformation,
    discriminator_optimizer: optax.GradientTransformation,
    average_decay: float,
) -> tuple[TrainState, Losses]:
    """Trains both networks on one device's part of a batch.

    Args:
      state: replicated.
      batch: `image` (n, P, P, 1) and `target` (n, r P, r P, 1), float32 in [0, 1].
      constants: see there; replicated.
      stage: networks and losses.
      generator_optimizer, discriminator_optimizer: as in `create_state`; their updates are those
        of a rate of 1.
      average_decay: of the generator's moving average, reached over the first steps; 0 keeps no
        average.

    Returns:
      The next state, and every loss term (weighted), averaged over the devices.
    """
    loss_variables, rate = constants
    key = jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step)
    dropout_key = jax.random.fold_in(key, jax.lax.axis_index(AXIS))
    condition = jax.lax.stop_gradient(stage.condition(state.frozen, batch))
    target = batch["target"]
    targets = jax.lax.stop_gradient(stage.targets(state.frozen, batch))

    def generate(params: Any) -> tuple[jax.Array, Any]:
        output, changed = stage.generator.apply(
            {"params": params, "batch_stats": state.generator.batch_stats},
            condition,
            train=True,
            mutable=["batch_stats"],
            rngs={"dropout": dropout_key},
        )
        return output, changed.get("batch_stats", {})

    output, pull_back, generator_stats = jax.vjp(generate, state.generator.params, has_aux=True)
    discriminator = state.discriminator
    losses: Losses = {}
    if stage.adversarial_weight:

        def discriminator_loss(params: Any) -> tuple[jax.Array, Any]:
            real, stats = _discriminate(stage, params, discriminator.batch_stats, condition, target)
            fake, stats = _discriminate(stage, params, stats, condition, output)
            return stage.discriminator_loss(real, fake), stats

        (losses["discriminator"], stats), gradients = jax.value_and_grad(
            discriminator_loss, has_aux=True
        )(discriminator.params)
        discriminator = _update(discriminator, gradients, stats, discriminator_optimizer, rate)

    def generator_losses(output: jax.Array) -> tuple[jax.Array, Losses]:
        terms: Losses = {}
        for weight, goal in targets:
            for name, term in stage.content_losses(output, goal, loss_variables).items():
                terms[name] = terms.get(name, 0.0) + weight * term
        if stage.adversarial_weight:
            fake, _ = _discriminate(
                stage, discriminator.params, discriminator.batch_stats, condition, output
            )
            terms["adversarial"] = stage.adversarial_weight * stage.generator_loss(fake)
        return functools.reduce(jnp.add, terms.values()), terms

    (losses["generator"], terms), output_gradient = jax.value_and_grad(
        generator_losses, has_aux=True
    )(output)
    (gradients,) = pull_back(output_gradient)
    generator = _update(state.generator, gradients, generator_stats, generator_optimizer, rate)

    step = state.step.astype(jnp.float32)
    warm = jnp.minimum(average_decay, (1.0 + step) / (10.0 + step))
    decay = warm if average_decay else jnp.zeros_like(warm)
    average = jax.tree.map(
        lambda old, new: decay * old + (1.0 - decay) * new, state.average, generator.variables
    )
    next_state = dataclasses.replace(
        state,
        step=state.step + 1,
        generator=generator,
        discriminator=discriminator,
        average=average,
    )
    return next_state, _mean_over_devices(losses | terms)
