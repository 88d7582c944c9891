"""Everything that a training step reads and writes: both networks, both optimisers, step and
key."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import flax.struct
import jax
import jax.numpy as jnp
import optax

Variables = dict[str, Any]


@flax.struct.dataclass
class Network:
    """Parameters, batch statistics and optimiser state of one network."""

    params: Any
    batch_stats: Any
    opt_state: Any

    @property
    def variables(self) -> Variables:
        return {"params": self.params, "batch_stats": self.batch_stats}


@flax.struct.dataclass
class TrainState:
    """State of an adversarial training, replicated on every device and saved in every checkpoint.

    Attributes:
      step: number of finished steps.
      generator, discriminator: the networks in training.
      average: moving average of the generator's variables; what is evaluated and kept for use.
      frozen: variables that condition and targets depend on and that are not trained, see
        `casgan_jax.systems.networks`.
      key: base of all random draws of the step; draw with `jax.random.fold_in(key, step)`.
    """

    step: jax.Array
    generator: Network
    discriminator: Network
    average: Variables
    frozen: Variables
    key: jax.Array


def _network(
    module: nn.Module, optimizer: optax.GradientTransformation, key: jax.Array, *inputs: jax.Array
) -> Network:
    variables = module.init(key, *inputs, train=False)
    params = variables["params"]
    return Network(params, variables.get("batch_stats", {}), optimizer.init(params))


def create_state(
    generator: nn.Module,
    discriminator: nn.Module,
    generator_optimizer: optax.GradientTransformation,
    discriminator_optimizer: optax.GradientTransformation,
    *,
    generator_input: jax.Array,
    target: jax.Array,
    frozen: Variables,
    seed: int,
) -> TrainState:
    """Initialises both networks for inputs of these shapes (their values do not matter)."""
    generator_key, discriminator_key, step_key = jax.random.split(jax.random.key(seed), 3)
    generator_state = _network(generator, generator_optimizer, generator_key, generator_input)
    return TrainState(
        step=jnp.zeros((), jnp.int32),
        generator=generator_state,
        discriminator=_network(
            discriminator, discriminator_optimizer, discriminator_key, generator_input, target
        ),
        # A copy: the step donates its state, and one buffer cannot be donated twice.
        average=jax.tree.map(jnp.copy, generator_state.variables),
        frozen=frozen,
        key=jax.random.key_data(step_key),
    )
