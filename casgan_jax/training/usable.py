"""Whether a training can go on from a state, and its average be used: nothing in it, and nothing
that a step computes of it, is NaN or infinite.

    look = Look(stage, devices, step, loss_variables)
    look.check("step 4", state, batch, remedy="...")  # before a state is saved
    done, state = resume(checkpoints, shapes, look_at, say=print)  # the newest usable checkpoint

Losses and parameters that are finite are not enough: parameters near 1e20 are, and their first
convolution is not. So a state is looked at by a step that moves nothing, from a copy of it:
its losses, gradients and batch statistics, and what the average predicts. The learning rate plays
no part: a good state is good whatever will be done to it next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.training.parallel import Devices
from casgan_jax.training.state import TrainState
from casgan_jax.training.step import AXIS, Batch, Constants, Stage
from casgan_jax.workdir.checkpoints import Checkpoints


class Look:
    """Looks at states of one stage."""

    def __init__(
        self, stage: Stage, devices: Devices, step: Callable[..., Any], loss_variables: Any
    ) -> None:
        """
        Args:
          stage: networks and losses.
          devices: that states are replicated and batches are split over.
          step: the training's own, of `Devices.map_step`, which takes long to compile.
          loss_variables: the stage's, replicated.
        """
        self._step = step
        self._constants = Constants(loss_variables, devices.scalar(np.float32(0)))
        self._copy = jax.jit(lambda state: jax.tree.map(jnp.copy, state))
        self._look = devices.map_look(lambda *seen: _look(*seen, stage=stage))

    def what_is_wrong(self, state: TrainState, batch: Batch) -> str:
        """What is not finite in a state, or in what a step makes of it on a batch; "": nothing."""
        after, losses = self._step(self._copy(state), batch, self._constants)
        parts = self._look((state, after), batch, {})
        losses, parts = jax.device_get((losses, parts))
        wrong = [f"{name} = {value}" for name, value in losses.items() if not np.isfinite(value)]
        wrong = [f"on an example {', '.join(wrong)}"] if wrong else []
        wrong += [f"{name} is not finite" for name, finite in parts.items() if not finite]
        return "; ".join(wrong)

    def check(self, what: str, state: TrainState, batch: Batch, *, remedy: str) -> None:
        """Refuses a state that is not to be saved.

        Args:
          what: the state is.
          state, batch: on the devices.
          remedy: what to do about it.

        Raises:
          UserError: something is not finite.
        """
        wrong = self.what_is_wrong(state, batch)
        if wrong:
            raise UserError(
                what,
                found=f"weights that cannot be used ({wrong})",
                expected="finite values",
                remedy=remedy,
            )


def _look(
    states: tuple[TrainState, TrainState], batch: Batch, constants: Any, *, stage: Stage
) -> dict[str, jax.Array]:
    """Part of a state -> whether it is finite before and after, on one device's part of a batch."""
    del constants
    state, after = states
    image = jax.tree.map(lambda array: array[:1], batch)
    condition = stage.condition(state.frozen, image)
    prediction = stage.generator.apply(state.average, condition, train=False)
    parts = {
        "what the networks see": condition,
        "the generator": after.generator,
        "the discriminator": after.discriminator,
        "their average": (after.average, prediction),
    }
    finite = {name: _all_finite(part) for name, part in parts.items()}
    return jax.lax.pmin(finite, AXIS)


def _all_finite(tree: Any) -> jax.Array:
    """1 or 0: integers, like an optimiser's count of steps, are always finite."""
    found = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]
    return jnp.stack(found).all().astype(jnp.int32)


def resume(
    checkpoints: Checkpoints,
    shapes: TrainState,
    look: Callable[[TrainState, int], str],
    *,
    say: Callable[[str], None],
) -> tuple[int, Any]:
    """The newest checkpoint that is intact and usable: its step and state, NumPy.

    One that is not usable, of an earlier version for instance, is named and set aside.

    Args:
      checkpoints: of the stage.
      shapes: of its state.
      look: (state, step) -> what is wrong with it, or "".
      say: takes a line for every checkpoint that is set aside.

    Returns:
      (0, None) where no checkpoint was ever completed, or none can be used.

    Raises:
      UserError: there are checkpoints, and all of them are damaged.
    """
    while step := checkpoints.recover():
        state = checkpoints.restore(shapes, step)
        wrong = look(state, step)
        if not wrong:
            return step, state
        place = checkpoints.set_aside(step, "unusable")
        rest = "going on from the one before" if checkpoints.steps() else "beginning again"
        say(
            f"checkpoint {checkpoints.directory / str(step)}: found weights that cannot be used "
            f"({wrong}); moved to {place}; {rest}"
        )
    return 0, None
