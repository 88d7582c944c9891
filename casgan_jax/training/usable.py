"""Whether a training can go on from a state, and its average be used: nothing in it, and nothing
that a step computes of it, is NaN or infinite.

    look = Look(stage, devices, loss_variables)
    done, state = resume(checkpoints, shapes, look, batch_from)  # of the newest usable checkpoint
    look.check(step, state, batch, stands="...")                 # before a state is saved

Losses and parameters that are finite are not enough: parameters near 1e20 are, and their first
convolution is not. So a state is looked at by a step that changes nothing: its losses, gradients
and batch statistics on one batch, and the average's prediction. The learning rate plays no part: a
good state is good whatever will be done to it next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from casgan_jax.errors import UserError
from casgan_jax.training.parallel import Devices
from casgan_jax.training.state import TrainState
from casgan_jax.training.step import AXIS, Batch, Stage, adversarial_step
from casgan_jax.workdir.checkpoints import Checkpoints

# Leaves parameters as they are where their gradients are finite, and makes them NaN where not; the
# state is that of the stage's own optimiser.
_STANDING_STILL = optax.GradientTransformation(
    lambda params: (),
    lambda gradients, state, params=None: (jax.tree.map(lambda g: 0.0 * g, gradients), state),
)


class Look:
    """Looks at states of one stage; compiled once, over all devices."""

    def __init__(self, stage: Stage, devices: Devices, loss_variables: Any) -> None:
        """
        Args:
          stage: networks and losses.
          devices: that states are replicated and batches are split over.
          loss_variables: the stage's, replicated.
        """
        self._loss_variables = loss_variables
        self._look = devices.map_look(lambda *seen: _look(*seen, stage=stage))

    def what_is_wrong(self, state: TrainState, batch: Batch) -> str:
        """What is not finite in a state, or in what a step makes of it on a batch; "": nothing."""
        losses, parts = jax.device_get(self._look(state, batch, self._loss_variables))
        wrong = [f"{name} = {value}" for name, value in losses.items() if not np.isfinite(value)]
        wrong = [f"on a batch {', '.join(wrong)}"] if wrong else []
        wrong += [f"{name} is not finite" for name, finite in parts.items() if not finite]
        return "; ".join(wrong)

    def check(self, step: int, state: TrainState, batch: Batch, *, stands: str) -> None:
        """Refuses a state that is not to be saved.

        Args:
          step: that it is the state after.
          state, batch: on the devices.
          stands: what was saved before, for the error's line.

        Raises:
          UserError: something is not finite.
        """
        wrong = self.what_is_wrong(state, batch)
        if wrong:
            raise UserError(
                f"step {step}",
                found=f"weights that cannot be used after it ({wrong})",
                expected="finite values",
                remedy=f"{stands}; try a lower `optim.lr` or `optim.clip=1`",
            )


def _look(state: TrainState, batch: Batch, loss_variables: Any, *, stage: Stage) -> Any:
    """(losses, part of the state -> whether all is finite), on one device's part of a batch."""
    after, losses = adversarial_step(
        state,
        batch,
        loss_variables,
        stage=stage,
        generator_optimizer=_STANDING_STILL,
        discriminator_optimizer=_STANDING_STILL,
        average_decay=0.5,  # so that it is not finite where one of the two is not
    )
    condition = stage.condition(state.frozen, batch)
    prediction = stage.generator.apply(state.average, condition, train=False)
    parts = {
        "what the networks see": condition,
        "the generator": after.generator,
        "the discriminator": after.discriminator,
        "their average": (after.average, prediction),
    }
    finite = {name: _all_finite(part) for name, part in parts.items()}
    return losses, jax.lax.pmin(finite, AXIS)


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
