"""What a training tells while it runs: progress bar, JSON lines, TensorBoard."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tqdm import tqdm

from casgan_jax.files import write_whole
from casgan_jax.workdir.layout import LOG, TENSORBOARD


class Logs:
    """Progress bar on stderr, `log.jsonl` and TensorBoard events in a stage's folder.

    A resumed training goes on after its last checkpoint, so what an interrupted one had logged
    beyond it is taken out. A process that is not the first of a run writes nothing
    (`enabled=False`).
    """

    def __init__(self, directory: Path, *, name: str, total: int, done: int, enabled: bool) -> None:
        self._enabled = enabled
        self._bar = tqdm(
            total=total, initial=done, desc=name, unit="step", disable=not enabled, smoothing=0.05
        )
        if enabled:
            from tensorboardX import SummaryWriter

            directory.mkdir(parents=True, exist_ok=True)
            path = directory / LOG
            _keep_until(path, done)
            self._lines = open(path, "a")  # noqa: SIM115 (closed by __exit__)
            self._events = SummaryWriter(str(directory / TENSORBOARD), purge_step=done + 1)

    def __enter__(self) -> Logs:
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the bar and flushes all files."""
        self._bar.close()
        if self._enabled:
            self._lines.close()
            self._events.close()

    def advance(self) -> None:
        """One more step is done."""
        self._bar.update()

    def show(self, values: Mapping[str, float]) -> None:
        """Puts a few numbers behind the bar."""
        self._bar.set_postfix({name: f"{value:.4g}" for name, value in values.items()})

    def say(self, line: str) -> None:
        """A line above the bar."""
        if self._enabled:
            self._bar.write(line)

    def write(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """One JSON line, and one TensorBoard scalar a value, tagged kind/name."""
        if not self._enabled:
            return
        numbers = {name: float(value) for name, value in values.items()}
        record = {"kind": kind, "step": step, "time": round(time.time(), 3)}
        self._lines.write(json.dumps(record | numbers) + "\n")
        self._lines.flush()
        for name, value in numbers.items():
            self._events.add_scalar(f"{kind}/{name}", value, step)

    def picture(self, name: str, step: int, image: np.ndarray) -> None:
        """A (H, W, 3) uint8 picture for TensorBoard."""
        if self._enabled:
            self._events.add_image(name, image, step, dataformats="HWC")


def _keep_until(path: Path, step: int) -> None:
    """Drops the lines after `step`, and a last one that was cut off."""
    if path.is_file():
        lines = [line for line in path.read_text().splitlines(keepends=True) if line[-1] == "\n"]
        kept = "".join(line for line in lines if json.loads(line)["step"] <= step)
        write_whole(path, kept.encode())
