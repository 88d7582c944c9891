"""Checkpoints of a stage: a folder a step, sealed, that appears whole or not at all.

    checkpoints = Checkpoints(directory, keep=2, measure="dice", data=digest)
    step = checkpoints.recover()         # newest intact step, or None before the first
    state = checkpoints.restore(state_or_shapes, step)
    checkpoints.save(1000, state, score=0.8)

The newest `keep` and the one with the best score stay. What a score is of, its measure and its
data, is sealed beside it: only scores of the same are compared.

Orbax writes the arrays into a temporary folder, the manifest (`casgan_jax.workdir.seal`) is written
last, and a rename makes it a checkpoint. Arrays are replicated over all devices, so the first
process of a run writes them and every process reads them, whatever the number of devices and
processes then and now. The position in the data needs no file: it is a function of the step
(`casgan_jax.data.pipeline`).
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging

from casgan_jax.errors import Step, UserError, one_line
from casgan_jax.workdir.processes import barrier, is_first
from casgan_jax.workdir.seal import Damaged, read_facts, seal, verify

_TEMPORARY = ".writing-"
_DELETED = ".deleted-"


class Checkpoints:
    """The checkpoints of one stage.

    Args:
      directory: made when the first one is saved.
      keep: how many of the newest stay.
      measure: what scores are, now; another text is another measure.
      data: digest of the data set that they are measured on, now; None where none is known.
      say: takes a line for every checkpoint that is damaged, and for scores that do not count.
    """

    def __init__(
        self,
        directory: Path,
        *,
        keep: int = 2,
        measure: str | None = None,
        data: str | None = None,
        say: Callable[[str], None] = logging.warning,
    ) -> None:
        self.directory = directory.absolute()
        self._keep, self._say = keep, say
        self._of = {"measure": measure, "data": data}

    def steps(self) -> list[int]:
        """Steps of all checkpoints, damaged ones too, oldest first."""
        if not self.directory.is_dir():
            return []
        return sorted(int(path.name) for path in self.directory.iterdir() if path.name.isdigit())

    def recover(self) -> int | None:
        """Clears what an interruption or damage left behind; returns the newest intact step.

        A damaged checkpoint is named and moved to `damaged` beside the directory, so that training
        can write its step again.

        Returns:
          None where no checkpoint was ever completed.

        Raises:
          UserError: there are checkpoints, and all of them are damaged.
        """
        newest, damaged = self._newest_intact()
        barrier("checkpoints verified")  # before one process moves what others are reading
        if is_first():
            for step, _ in damaged:
                self._move_aside(step, "damaged")
            for pattern in (f"{_TEMPORARY}*", f"{_DELETED}*"):
                for path in self.directory.glob(pattern):
                    shutil.rmtree(path)
        barrier("checkpoints recovered")
        self._tell_what_does_not_count()
        return newest

    def newest(self) -> int:
        """The newest intact step.

        Raises:
          UserError: there is none.
        """
        step, _ = self._newest_intact()
        if step is None:
            raise self._nothing_here()
        return step

    def best(self) -> int:
        """The intact step with the best score of the present measure and data; the newest one where
        there is no such score.

        Raises:
          UserError: there is no intact checkpoint.
        """
        scores = self._scores()
        for step in sorted(scores, key=lambda step: scores[step], reverse=True):
            if self._facts(step, verify):
                return step
        return self.newest()

    def save(self, step: int, state: Any, *, score: float | None = None) -> None:
        """Writes the state after `step`; `score` is what the best one is chosen by, higher wins.

        Raises:
          UserError: it cannot be written; earlier checkpoints are untouched.
        """
        if is_first():
            try:
                self._write(step, jax.device_get(state), score)
            except Exception as error:  # the disk's, the file system's or TensorStore's
                shutil.rmtree(self._temporary(step), ignore_errors=True)
                raise self._cannot_write(step, error) from error
            self._delete_old()
        barrier(f"checkpoint {step}")

    def set_aside(self, step: int, name: str) -> Path:
        """Moves a checkpoint to the folder `name` beside the directory, and returns that folder."""
        barrier(f"checkpoint {step} seen")  # before one process moves what others are reading
        if is_first():
            self._move_aside(step, name)
        barrier(f"checkpoint {step} set aside")
        return self.directory.with_name(name)

    def standing(self) -> str:
        """What was saved, for the line of an error: "the checkpoint of step 4 stands"."""
        steps = self.steps()
        if not steps:
            return "no checkpoint was written yet"
        return f"the checkpoint of step {steps[-1]} stands"

    def restore(self, like: Any, step: int) -> Any:
        """The state saved after `step` as numpy arrays, in the tree of `like` (arrays or shapes).

        Raises:
          UserError: that checkpoint is damaged, or holds other arrays than `like`.
        """
        folder = self.directory / str(step)
        try:
            facts = verify(folder)
        except Damaged as error:
            raise UserError(
                folder,
                found=f"a damaged checkpoint: {error}",
                expected="an intact one",
                remedy="use another",
            ) from None
        _check_arrays(folder, facts["arrays"], _arrays(like))
        shapes = jax.tree.map(lambda leaf: np.empty(leaf.shape, leaf.dtype), like)
        with _orbax() as orbax:
            return orbax.restore(folder / "state", args=ocp.args.StandardRestore(shapes))

    def _newest_intact(self) -> tuple[int | None, list[tuple[int, str]]]:
        damaged: list[tuple[int, str]] = []
        for step in reversed(self.steps()):
            try:
                verify(self.directory / str(step))
            except Damaged as error:
                damaged.append((step, str(error)))
                continue
            for bad, reason in damaged:
                self._say(
                    f"checkpoint {self.directory / str(bad)}: found it damaged ({reason}); "
                    f"going on from step {step}, the newest intact one"
                )
            return step, damaged
        if damaged:
            found = "; ".join(f"step {step}: {reason}" for step, reason in damaged)
            raise UserError(
                self.directory,
                found=f"no intact checkpoint ({found})",
                expected="one",
                remedy="bring the folder back from a copy, or begin again in another `workdir`",
            )
        return None, []

    def _scores(self) -> dict[int, float]:
        """Step -> score of the present measure and data, the newest step first: of equal scores the
        later training's counts."""
        return {step: facts["score"] for step, facts in self._scored() if self._counts(facts)}

    def _scored(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """(step, facts) of every checkpoint that has a score of any kind, the newest first."""
        for step in reversed(self.steps()):
            facts = self._facts(step, read_facts)
            if facts and facts["score"] is not None:
                yield step, facts

    def _counts(self, facts: dict[str, Any]) -> bool:
        """Whether a score is of the present measure and data, which earlier versions did not
        note."""
        return all(facts.get(name) == now for name, now in self._of.items())

    def _tell_what_does_not_count(self) -> None:
        steps = [str(step) for step, facts in self._scored() if not self._counts(facts)]
        if steps:
            self._say(
                f"checkpoints {self.directory}: the scores of step {', '.join(reversed(steps))} "
                "are of another measure, other data or an earlier version; they are not compared "
                "with later ones"
            )

    def _facts(self, step: int, read: Callable[[Path], dict[str, Any]]) -> dict[str, Any] | None:
        """What `read` finds in a checkpoint's manifest; None, and a line, where it is damaged."""
        folder = self.directory / str(step)
        try:
            return read(folder)
        except Damaged as error:
            self._say(f"checkpoint {folder}: found it damaged ({error}); it is left out")
            return None

    def _write(self, step: int, state: Any, score: float | None) -> None:
        temporary = self._temporary(step)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        _check_room(temporary, state)
        with _orbax() as orbax:
            orbax.save(temporary / "state", args=ocp.args.StandardSave(state))
        seal(temporary, {"step": step, "score": score, **self._of, "arrays": _arrays(state)})
        temporary.rename(self.directory / str(step))

    def _temporary(self, step: int) -> Path:
        return self.directory / f"{_TEMPORARY}{step}"

    def _delete_old(self) -> None:
        steps = self.steps()
        scores = self._scores()
        best = max(scores, key=lambda step: scores[step], default=None)
        for step in steps[: -self._keep]:
            if step != best:
                doomed = self.directory / f"{_DELETED}{step}"
                (self.directory / str(step)).rename(doomed)  # never half a checkpoint
                shutil.rmtree(doomed)

    def _move_aside(self, step: int, name: str) -> None:
        folder = self.directory.with_name(name)
        folder.mkdir(exist_ok=True)
        attempts = len(list(folder.glob(f"{step}-*")))
        (self.directory / str(step)).rename(folder / f"{step}-{attempts}")

    def _nothing_here(self) -> UserError:
        return UserError(
            "workdir",
            found=f"no checkpoint in {self.directory}",
            expected="a trained stage",
            remedy="train it",
            step=Step("train", {"workdir": str(self.directory.parents[1])}),
        )

    def _cannot_write(self, step: int, error: Exception) -> UserError:
        free = shutil.disk_usage(self.directory.parent).free / 2**20
        return UserError(
            "checkpoint",
            found=(
                f"that step {step} cannot be written to {self.directory} ({one_line(error)}), "
                f"with {free:.0f} MiB free"
            ),
            expected="room for it",
            remedy=f"{self.standing()}; make room and run the same command again",
        )


def _check_room(folder: Path, state: Any) -> None:
    """Raises OSError where the arrays of the state are larger than what is free. TensorStore would
    find out in the middle, and print a traceback for every array that it was still writing."""
    needed = sum(leaf.nbytes for leaf in jax.tree.leaves(state))
    if shutil.disk_usage(folder).free < needed:
        raise OSError(errno.ENOSPC, f"no room for {needed / 2**20:.0f} MiB")


@contextmanager
def _orbax() -> Iterator[ocp.Checkpointer]:
    """Orbax for this process alone; what fails is raised, not printed in tracebacks as well."""
    me = jax.process_index()
    options = ocp.options.MultiprocessingOptions(
        primary_host=me, active_processes={me}, barrier_sync_key_prefix=f"process{me}"
    )
    handler = ocp.StandardCheckpointHandler(multiprocessing_options=options)
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.FATAL)
    try:
        with ocp.Checkpointer(handler, multiprocessing_options=options) as checkpointer:
            yield checkpointer
    finally:
        logging.set_verbosity(verbosity)


def _arrays(tree: Any) -> dict[str, list[Any]]:
    """Path -> [shape, dtype] of every leaf, for the manifest."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): [list(leaf.shape), str(leaf.dtype)]
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def _check_arrays(folder: Path, found: dict[str, Any], expected: dict[str, Any]) -> None:
    changed = [
        name for name in sorted({*found, *expected}) if found.get(name) != expected.get(name)
    ]
    if changed:
        name = changed[0]
        raise UserError(
            folder,
            found=f"{name} {_shape(found.get(name))}",
            expected=(
                f"{_shape(expected.get(name))} ({len(changed)} arrays differ): a checkpoint "
                "of another architecture"
            ),
            remedy=(
                "set the config's model, data.patch and data.scale to those of config.json "
                "in its workdir"
            ),
        )


def _shape(array: list[Any] | None) -> str:
    return f"of shape {tuple(array[0])} and type {array[1]}" if array else "absent"
