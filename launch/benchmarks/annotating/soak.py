"""Simulated readers at one server for a long time: what it holds of the memory, and every error.

Each reader has a browser and a lesion of their own, and goes through as many as in an hour of work
while the soak lasts: looks at the lesion and at some slices of a series, draws axes, brushes,
undoes, brushes again, decides, comments, clears. The first fifth warms caches and compilations; the
growth is counted from there.
"""

from __future__ import annotations

import json
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.images import write_png
from launch.benchmarks.annotating.client import Client, memory_mb, served
from launch.benchmarks.annotating.made_images import (
    SIDE,
    WINDOW,
    axes,
    moving,
    nodule,
    write_series,
)

READERS = 20
LESIONS_AN_HOUR = 100  # of each
SLICES = 60
_LOOKS = 10  # pieces of the time after which the memory is looked at
_RADII = (5, 7, 10, 14, 20)  # pixels


class _Reader(threading.Thread):
    """Works until it is told to end.

    Attributes:
      milliseconds: of each action with its soft mask.
      errors: what was refused or not answered.
      lesions: how many were gone through.
    """

    def __init__(self, address: str, number: int, seconds: float, end: threading.Event) -> None:
        super().__init__()
        self._address, self._number, self._end = address, number, end
        self._each = seconds / LESIONS_AN_HOUR
        self._draw = random.Random(number)
        self.milliseconds: list[float] = []
        self.errors: list[str] = []
        self.lesions = 0

    def run(self) -> None:
        begin = time.monotonic() + self._draw.uniform(0, self._each)
        with Client(self._address) as client:
            while not self._end.wait(
                max(0.0, begin + self.lesions * self._each - time.monotonic())
            ):
                try:
                    self._lesion(client)
                except (UserError, OSError) as error:
                    self.errors.append(str(error))
                self.lesions += 1

    def _lesion(self, client: Client) -> None:
        key, radius = f"reader-{self._number:02d}", _RADII[self._number % len(_RADII)]
        work = json.loads(client.get("/api/work"))["lesions"]
        (series,) = {one["picture"] for one in work if not one["key"].startswith("reader-")}
        for _ in range(3):
            index = str(self._draw.randrange(SLICES))
            client.get("/api/slice", picture=series, index=index)
        last = json.loads(client.get("/api/lesion", key=key))["last"]
        recist = axes(radius, self._draw.uniform(-1, 1))
        points = [[SIDE / 2 + radius, SIDE / 2 + step] for step in np.linspace(-2, 2, 9)]
        stroke = {"value": "background", "radius": 1.5, "points": points}
        last = self._act(
            client, key, "mark", {"slice": 0, "recist": recist, "window": list(WINDOW)}, last
        )
        last = self._act(client, key, "stroke", stroke, last)
        last = self._act(client, key, "undo", {}, last)
        last = self._act(client, key, "stroke", stroke, last)
        decision = self._draw.choice(["accepted", "rejected", "unsure"])
        last = client.act(key, "decide", {"decision": decision}, last)
        last = client.act(key, "comment", {"text": f"lesion {self.lesions}"}, last)
        client.act(key, "clear", {}, last)

    def _act(self, client: Client, key: str, kind: str, body: dict[str, Any], last: int) -> int:
        start = time.perf_counter()
        last = client.act(key, kind, body, last)
        client.mask(key)
        self.milliseconds.append(1e3 * (time.perf_counter() - start))
        return last


def rows(seconds: float) -> Iterator[dict[str, Any]]:
    """The server's memory from time to time, then the summary.

    Raises:
      UserError: the server does not start.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_images(folder / "images")
        with served(folder / "images", folder / "out") as (address, process):
            end = threading.Event()
            readers = [_Reader(address, number, seconds, end) for number in range(READERS)]
            for reader in readers:
                reader.start()
            held = []
            for look in range(1, _LOOKS + 1):
                time.sleep(seconds / _LOOKS)
                held.append(memory_mb(process))
                yield {"seconds": round(look * seconds / _LOOKS), "server_mb": held[-1]}
            end.set()
            for reader in readers:
                reader.join()
    took = [each for reader in readers for each in reader.milliseconds]
    errors = [each for reader in readers for each in reader.errors]
    warm = held[_LOOKS // 5 - 1]
    yield {
        "soak_seconds": seconds,
        "readers": READERS,
        "lesions": sum(reader.lesions for reader in readers),
        "actions": len(took),
        "act_ms": round(float(np.median(took)), 1),
        "act_p95_ms": round(float(np.percentile(took, 95)), 1),
        "server_mb": held[-1],
        "growth_mb": held[-1] - warm,
        "errors": len(errors),
        "first_error": errors[0] if errors else "",
    }


def _write_images(folder: Path) -> None:
    (folder / "series").mkdir(parents=True)
    for number in range(READERS):
        radius = _RADII[number % len(_RADII)]
        write_png(folder / f"reader-{number:02d}.png", nodule(radius))
    write_series(folder / "series", moving(SLICES))
