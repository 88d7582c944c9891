"""A stage's state: freshly initialised, or of the checkpoint that is used after training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from casgan_jax.configs.schema.kinds import StageConfig
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.configs.schema.srgan import SrganConfig
from casgan_jax.configs.schema.tree import replaced
from casgan_jax.files import expand_user
from casgan_jax.training.optimizers import adam
from casgan_jax.training.stages import BUILD_STAGE
from casgan_jax.training.state import TrainState, create_state
from casgan_jax.training.step import Stage
from casgan_jax.workdir.checkpoints import Checkpoints
from casgan_jax.workdir.layout import checkpoints_folder


def initial_state(config: StageConfig, stage: Stage, frozen: Any) -> TrainState:
    """Freshly initialised networks and optimisers."""
    side, scale = config.data.patch, config.data.scale
    patch = jnp.zeros((1, side, side, 1))
    condition = stage.condition(frozen, {"image": patch})
    return create_state(
        stage.generator,
        stage.discriminator,
        adam(config.optim),
        adam(config.optim),
        generator_input=condition,
        target=jnp.zeros((1, scale * side, scale * side, 1)),
        frozen=frozen,
        seed=config.seed,
    )


def restore_stage(config: StageConfig, workdir: str | Path, step: int) -> TrainState:
    """A checkpoint of a trained stage, as numpy arrays.

    Args:
      config: the stage's.
      workdir: of the run.
      step: which one; that of the stage's result is the one that is used.

    Raises:
      UserError: it is damaged or gone, or one of another architecture.
    """
    checkpoints = Checkpoints(checkpoints_folder(expand_user(workdir), config.name))
    return checkpoints.restore(state_shapes(config), step)


def used_step(config: StageConfig, checkpoints: Checkpoints) -> int:
    """The step whose weights are used: the best, or the newest where `train.best` is "last".

    Raises:
      UserError: there is no intact checkpoint.
    """
    newest = isinstance(config, SoftganConfig) and config.train.best == "last"
    return checkpoints.newest() if newest else checkpoints.best()


def state_shapes(config: StageConfig) -> TrainState:
    """The shapes of a stage's state."""
    stage = BUILD_STAGE[config.name](_without_perceptual(config))
    return jax.eval_shape(
        lambda frozen: initial_state(config, stage, frozen), frozen_shapes(config)
    )


def frozen_shapes(config: StageConfig) -> dict[str, Any]:
    """The shapes of the frozen variables that a resolved config describes."""
    if isinstance(config, SrganConfig):
        return {}
    shapes = {}
    if config.sr != "none":
        shapes["srgan"] = state_shapes(config.srgan).average
    for role, (_, other) in config.others.items():
        assert other is not None, "a config that names another system is resolved"
        state = state_shapes(other)
        shapes[role] = {"variables": state.average, "frozen": state.frozen}
    return shapes


def _without_perceptual(config: StageConfig) -> StageConfig:
    """The config with no need of VGG19's weights, which no use of a trained network has."""
    if isinstance(config, SoftganConfig):
        return config
    return replaced(config, loss=dict(perceptual=0.0, mse=config.loss.mse or 1.0))
