"""TensorBoard's event files, written at once and by the caller.

tensorboardX's own `SummaryWriter` writes by a thread. Where the disk is full that thread dies with
a traceback of its own, and the training then waits for it for ever.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tensorboardX import summary
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.record_writer import masked_crc32c


class Events:
    """One event file, to which whole records are added or nothing: TensorBoard reads no further
    than a record that was cut off."""

    def __init__(self, directory: Path, *, purge_step: int) -> None:
        """
        Args:
          directory: made here.
          purge_step: TensorBoard hides what earlier files hold from this step on.

        Raises:
          OSError: nothing can be written there.
        """
        directory.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}"
        self._path = directory / name
        began = SessionLog(status=SessionLog.START)
        self._write(Event(file_version="brain.Event:2"), Event(step=purge_step, session_log=began))

    def scalars(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """One scalar a value, tagged kind/name.

        Raises:
          OSError: they cannot be written.
        """
        summaries = [summary.scalar(f"{kind}/{name}", value) for name, value in values.items()]
        self._write(*(Event(summary=each, step=step) for each in summaries))

    def picture(self, name: str, step: int, image: np.ndarray) -> None:
        """A (H, W, 3) uint8 picture.

        Raises:
          OSError: it cannot be written.
        """
        self._write(Event(summary=summary.image(name, image, dataformats="HWC"), step=step))

    def _write(self, *events: Event) -> None:
        for event in events:
            event.wall_time = time.time()
        append_whole(self._path, b"".join(_record(event.SerializeToString()) for event in events))


def append_whole(path: Path, data: bytes) -> None:
    """Adds to a file, all of it or nothing.

    Raises:
      OSError: it cannot be written.
    """
    size = path.stat().st_size if path.exists() else 0
    try:
        with path.open("ab", buffering=0) as file:
            left = memoryview(data)
            while left:
                left = left[file.write(left) :]
    except OSError:
        with contextlib.suppress(OSError):  # the first one tells more
            os.truncate(path, size)
        raise


def _record(data: bytes) -> bytes:
    """TFRecord: the length, its check sum, the data, their check sum."""
    length = struct.pack("<Q", len(data))
    sums = [struct.pack("<I", masked_crc32c(part)) for part in (length, data)]
    return length + sums[0] + data + sums[1]
