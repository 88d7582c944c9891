"""A stage's state: freshly initialised, or the best one that training left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from casgan_jax.files import expand_user
from casgan_jax.training.checkpoint import Checkpoints
from casgan_jax.training.optimizers import adam
from casgan_jax.training.stages import BUILD_STAGE
from casgan_jax.training.state import TrainState, create_state
from casgan_jax.training.step import Stage


def initial_state(config: Any, stage: Stage, steps: int, frozen: Any) -> TrainState:
    """Freshly initialised networks and optimisers."""
    side, scale = config.data.patch, config.data.scale
    patch = jnp.zeros((1, side, side, 1))
    condition = stage.condition(frozen, {"image": patch})
    return create_state(
        stage.generator,
        stage.discriminator,
        adam(config.optim, steps),
        adam(config.optim, steps),
        generator_input=condition,
        target=jnp.zeros((1, scale * side, scale * side, 1)),
        frozen=frozen,
        seed=config.seed,
    )


def restore_stage(config: Any, workdir: str | Path, frozen: Any = None) -> TrainState:
    """The best checkpoint of a trained stage, as numpy arrays.

    Args:
      config: the stage's.
      workdir: of the run.
      frozen: arrays or shapes of the frozen variables; by default as the config describes them.

    Raises:
      UserError: there is no intact checkpoint, or it is one of another architecture.
    """
    stage = BUILD_STAGE[config.name](_without_perceptual(config))
    if config.name == "softgan" and config.sr != "none" and frozen is None:
        sr = config.srgan
        frozen = jax.eval_shape(
            lambda: initial_state(sr, BUILD_STAGE["srgan"](_without_perceptual(sr)), 1, {}).average
        )
    frozen = {} if frozen is None else frozen
    shapes = jax.eval_shape(lambda frozen: initial_state(config, stage, 1, frozen), frozen)
    checkpoints = Checkpoints(expand_user(workdir) / config.name / "checkpoints")
    return checkpoints.restore(shapes, checkpoints.best())


def restore_generator(config: Any, workdir: str | Path) -> tuple[Any, Any]:
    """Variables of a trained cascade: the segmentor's, and SRGAN's that it was trained with."""
    state = restore_stage(config, workdir)
    return state.average, state.frozen


def _without_perceptual(config: Any) -> Any:
    """The config with no need of VGG19's weights, which no use of a trained network has."""
    config = config.copy_and_resolve_references()
    if "perceptual" in config.loss:
        with config.unlocked():
            config.loss.perceptual = 0.0
            config.loss.mse = config.loss.mse or 1.0
    return config
