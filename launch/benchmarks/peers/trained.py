"""What a system of a comparison is once it is trained, and how long it was trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from casgan_jax.evaluation.looking import Cascade

VALIDATIONS = 8  # on the way, for the learning curve
VALIDATED = 64  # records, of each of them


class Point(NamedTuple):
    """Of a learning curve: seconds of training until then, Dice on validation records."""

    seconds: float
    dice: float


@dataclass(frozen=True)
class Trained:
    """A trained system.

    Attributes:
      system: to be measured.
      seconds: of training: processor time on a CPU, else time; compilation counts, validation and
        the final measurement do not.
      steps: that were taken.
      curve: on the way.
    """

    system: Cascade
    seconds: float
    steps: int
    curve: tuple[Point, ...]


def steps_within(seconds: float, *, start: float, step: float) -> int:
    """How many steps fit a budget, at least VALIDATIONS.

    Args:
      seconds: of the budget.
      start: seconds before the first step.
      step: seconds of a step.
    """
    return max(VALIDATIONS, int((seconds - start) / step))
