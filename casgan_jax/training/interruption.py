"""Stops a training between two steps when SIGTERM (preemption) or Ctrl-C asks for it.

with Interruption() as interruption:
    for step in ...:
        ...
        if interruption.requested(step):
            save, and leave
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

import jax
from jax.experimental import multihost_utils


class Interruption:
    """Notes the first SIGTERM or Ctrl-C; a second one acts at once, as without this.

    With several processes JAX listens to SIGTERM itself and tells all of them a common step to stop
    after; Ctrl-C is left alone there.
    """

    def __init__(self) -> None:
        self._several = jax.process_count() > 1
        self._found: signal.Signals | None = None
        self._previous: dict[int, Any] = {}  # handlers

    def __enter__(self) -> Interruption:
        if not self._several:
            for number in (signal.SIGTERM, signal.SIGINT):
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def requested(self, step: int) -> signal.Signals | None:
        """The signal that asked to stop after this step, or None."""
        if self._several:
            return signal.SIGTERM if multihost_utils.reached_preemption_sync_point(step) else None
        return self._found

    def _note(self, number: int, _: FrameType | None) -> None:
        self._found = signal.Signals(number)
        signal.signal(number, self._previous[number])
