"""Checkpoints of a stage: state and data position together; the best and the last few are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grain
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers as managers

from casgan_jax.errors import UserError

SCORE = "score"  # the metric by which the best checkpoint is chosen; higher is better
UNMEASURED = -1e9  # the score of a checkpoint between two validations


class Checkpoints:
    """The checkpoints of one stage, under `directory`.

    Example:
      with Checkpoints(directory, keep=2) as checkpoints:
          state = checkpoints.restore(state, iterator) if checkpoints.latest else state
          checkpoints.save(step, state, iterator, score=0.8)
    """

    def __init__(self, directory: Path, *, keep: int = 2) -> None:
        self.directory = directory
        policy = managers.AnyPreservationPolicy(
            [
                managers.LatestN(keep),
                managers.BestN(get_metric_fn=lambda metrics: metrics[SCORE], n=1),
            ]
        )
        self._manager = ocp.CheckpointManager(
            directory.absolute(),
            options=ocp.CheckpointManagerOptions(
                preservation_policy=policy, best_fn=lambda metrics: metrics[SCORE], best_mode="max"
            ),
        )

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, *_: object) -> None:
        self._manager.close()

    @property
    def latest(self) -> int | None:
        """Step of the newest checkpoint, or None."""
        return self._manager.latest_step()

    @property
    def best(self) -> int | None:
        """Step of the checkpoint with the highest score, or None where there is none."""
        return self._manager.best_step()

    def save(self, step: int, state: Any, iterator: Any, *, score: float | None = None) -> None:
        """Saves the state after `step` and where the data iterator stands."""
        self._manager.save(
            step,
            args=ocp.args.Composite(
                state=ocp.args.StandardSave(state), data=grain.checkpoint.CheckpointSave(iterator)
            ),
            metrics={SCORE: UNMEASURED if score is None else score},
            force=True,
        )

    def restore(self, state: Any, iterator: Any | None = None, *, step: int | None = None) -> Any:
        """The saved state, placed like `state` (arrays or shapes), and the iterator moved to its
        position.

        Raises:
          UserError: there is no checkpoint.
        """
        step = self.latest if step is None else step
        if step is None:
            raise UserError(
                f"workdir: found no checkpoint in {self.directory}, expected a trained stage; "
                "train it with `python -m launch.train --workdir=...`"
            )
        items = {"state": ocp.args.StandardRestore(state)}
        if iterator is not None:
            items["data"] = grain.checkpoint.CheckpointRestore(iterator)
        return self._manager.restore(step, args=ocp.args.Composite(**items))["state"]
