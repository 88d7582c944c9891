"""What a training tells while it runs: its progress, JSON lines, TensorBoard."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from casgan_jax.files import write_whole
from casgan_jax.progress import Progress, say
from casgan_jax.training.events import Events, append_whole
from casgan_jax.workdir.layout import LOG, TENSORBOARD


class Logs:
    """Progress on stderr, `log.jsonl` and TensorBoard events in a stage's folder.

    A resumed training goes on after its last checkpoint, so what an interrupted one had logged
    beyond it is taken out. `cpu_seconds` of a line is the processor time of the process until then,
    with that of the processes before it as far as they were gone on with. A process that is not the
    first of a run writes nothing (`enabled=False`).

    No training ends because of its logs: where they cannot be written, that is said once, and every
    later line is tried again. A disk that is full is told as an error by the next checkpoint.
    Progress may be lost, too: stderr can be a file on that disk.
    """

    def __init__(self, directory: Path, *, name: str, total: int, done: int, enabled: bool) -> None:
        self._enabled = enabled
        self._progress = Progress(name, total=total, unit="step", done=done, show=enabled)
        if enabled:
            directory.mkdir(parents=True, exist_ok=True)
            self._lines, self._told = directory / LOG, False
            self._cpu_before = _keep_until(self._lines, done)
            self._events = Events(directory / TENSORBOARD, purge_step=done + 1)

    def __enter__(self) -> Logs:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the progress; all files are written already."""
        with contextlib.suppress(OSError):
            self._progress.close()

    def advance(self) -> None:
        """One more step is done."""
        with contextlib.suppress(OSError):
            self._progress.update()

    def show(self, values: Mapping[str, float]) -> None:
        """Puts a few numbers behind the progress."""
        with contextlib.suppress(OSError):
            self._progress.show(values)

    def say(self, line: str) -> None:
        """A line above the progress."""
        if self._enabled:
            with contextlib.suppress(OSError):
                say(line, sys.stdout)

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """One JSON line, and one TensorBoard scalar a value, tagged kind/name."""
        if not self._enabled:
            return
        numbers = {name: float(value) for name, value in values.items()}
        record = {
            "kind": kind,
            "step": step,
            "time": round(time.time(), 3),
            "cpu_seconds": round(self._cpu_before + time.process_time(), 2),
        }
        with self._kept():
            append_whole(self._lines, (json.dumps(record | numbers) + "\n").encode())
            self._events.scalars(kind, step, numbers)

    def picture(self, name: str, step: int, image: np.ndarray) -> None:
        """A (H, W, 3) uint8 picture for TensorBoard."""
        if self._enabled:
            with self._kept():
                self._events.picture(name, step, image)

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        """Says that the logs cannot be written, the first time."""
        try:
            yield
        except OSError as error:
            if not self._told:
                self.say(f"logs: {error.strerror} at {self._lines.parent}; going on without them")
            self._told = True


def _keep_until(path: Path, step: int) -> float:
    """Drops the lines after `step`, and a last one that was cut off; the processor time of the last
    line that is left."""
    if not path.is_file():
        return 0.0
    lines = [line for line in path.read_text().splitlines(keepends=True) if line[-1] == "\n"]
    kept = [line for line in lines if json.loads(line)["step"] <= step]
    write_whole(path, "".join(kept).encode())
    return float(json.loads(kept[-1]).get("cpu_seconds", 0.0)) if kept else 0.0
