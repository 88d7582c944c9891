"""TensorBoard's event files, written at once and by the caller.

tensorboardX's own `SummaryWriter` writes by a thread. Where the disk is full that thread dies with
a traceback of its own, and the training then waits for it for ever.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog


class Events:
    """Event files of a folder. What cannot be written raises, and the next attempt begins another
    file: TensorBoard reads no file further than a record that was cut off."""

    def __init__(self, directory: Path, *, purge_step: int) -> None:
        """
        Args:
          directory: made here.
          purge_step: TensorBoard hides what earlier files hold from this step on.

        Raises:
          OSError: nothing can be written there.
        """
        self._directory, self._purge_step = directory, purge_step
        self._numbers = itertools.count()
        self._file: Any = None  # EventsWriter
        self._open()

    def scalars(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """One scalar a value, tagged kind/name.

        Raises:
          OSError: they cannot be written.
        """
        summaries = [summary.scalar(f"{kind}/{name}", value) for name, value in values.items()]
        self._write([Event(summary=each, step=step) for each in summaries])

    def picture(self, name: str, step: int, image: np.ndarray) -> None:
        """A (H, W, 3) uint8 picture.

        Raises:
          OSError: it cannot be written.
        """
        self._write([Event(summary=summary.image(name, image, dataformats="HWC"), step=step)])

    def close(self) -> None:
        """Everything is written already."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        suffix = f".{os.getpid()}.{next(self._numbers)}"  # two may begin in one second
        self._file = EventsWriter(str(self._directory / "events"), suffix)
        began = SessionLog(status=SessionLog.START)
        self._write([Event(step=self._purge_step, session_log=began)])

    def _write(self, events: list[Event]) -> None:
        if self._file is None:
            self._open()
        try:
            for event in events:
                event.wall_time = time.time()
                self._file.write_event(event)
            self._file.flush()
        except OSError:
            broken, self._file = self._file, None
            with contextlib.suppress(OSError):  # which this one has told already
                broken.close()
            raise
