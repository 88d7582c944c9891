"""The annotation server as the page uses it: a real one, asked over HTTP on the loopback address.

Milliseconds from a request to the last byte of what the page needs of it: the soft mask of two axes
and of a stroke upon it (512x512 slices, lesions of 10 to 40 pixels; what is compiled once is not
counted), of the soft volume of a lesion in a CT series and of what is said of its other slices, a
work list of 10,000 lesions, the first picture after the address is opened. Slices a
second are those of a DICOM series of 300 (CT, 512x512), one after the other, none of them kept.
With --workdir also a network's proposal. With --data_dir, a prepared data set with readers, what
corrections gain (`labels/corrections.py`) and a session of them at a server
(`annotating/session.py`), with --deeplesion one of its key slices. With --soak_seconds nothing but
20 simulated readers for so long (`annotating/soak.py`).
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.annotate.sources import TABLE
from casgan_jax.images import write_png
from launch.benchmarks.annotating import session, soak
from launch.benchmarks.annotating.client import Client, memory_mb, served
from launch.benchmarks.annotating.made_images import (
    PIXEL_MM,
    SIDE,
    STEP_MM,
    WINDOW,
    axes,
    balls,
    moving,
    nodule,
    write_series,
)
from launch.benchmarks.label import consensus_samples
from launch.benchmarks.labels import corrections

RADII = (5, 7, 10, 14, 20)  # pixels
LESIONS, SLICES = 10_000, 300
SESSION = 30  # slices of the data set that a session goes through


def run(options: Any) -> Iterator[dict[str, Any]]:
    """Yields a row for each question, then the summary.

    Raises:
      UserError: the server does not start, or refuses a question.
    """
    if options.soak_seconds:
        yield from soak.rows(options.soak_seconds)
        return
    if options.deeplesion is not None:
        yield from session.rows(session.deeplesion_cases(Path(options.deeplesion)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [*_marks(folder, options.repeats, options.workdir), *_list(folder, options.repeats)]
        rows += _series(folder)
        rows += _volumes(folder, options.repeats)
    if options.data_dir is not None:
        samples = consensus_samples(options.data_dir, options.limit)
        yield from corrections.rows(samples)
        yield from session.rows(session.consensus_cases(samples[:SESSION]))
    yield from rows
    yield {key: value for row in rows for key, value in row.items() if key != "repeats"}


def _marks(folder: Path, repeats: int, workdir: str | None) -> Iterator[dict[str, Any]]:
    """Axes and strokes, on lesions of several sizes."""
    images = folder / "images"
    images.mkdir()
    for radius in RADII:
        write_png(images / f"r{radius}.png", nodule(radius))
    options = [f"--workdir={workdir}"] if workdir else []
    with _client(images, folder / "marks", *options) as (client, _):
        found: dict[str, list[float]] = defaultdict(list)
        for count in range(repeats + 1):
            for radius in RADII:
                took = _annotate(client, f"r{radius}", radius, 0.1 * count, bool(workdir))
                if count:  # the first time compiles
                    for kind, milliseconds in took.items():
                        found[kind].append(milliseconds)
        for kind, each in found.items():
            yield {f"{kind}_ms": _median(each), f"{kind}_p95_ms": _high(each), "repeats": len(each)}


def _list(folder: Path, repeats: int) -> Iterator[dict[str, Any]]:
    """The work list of many lesions, and the first picture."""
    table = folder / "many" / TABLE
    table.parent.mkdir()
    write_png(table.parent / "a.png", nodule(10))
    lines = [f"{k},a.png,{','.join(f'{x:g}' for x in axes(10, 0.0))}" for k in range(LESIONS)]
    table.write_text("\n".join(["key,image,x1,y1,x2,y2,x3,y3,x4,y4", *lines, ""]))
    with _client(table, folder / "list") as (client, _):
        first = [_timed(functools.partial(_first_picture, client)) for _ in range(repeats)]
        lists = [_timed(lambda: client.get("/api/work")) for _ in range(repeats)]
        yield {"first_picture_ms": _median(first), "first_picture_p95_ms": _high(first)}
        yield {"list_ms": _median(lists), "list_p95_ms": _high(lists)}


def _series(folder: Path) -> Iterator[dict[str, Any]]:
    """Scrolling through a series, and how much memory the server has taken then."""
    series = folder / "series"
    series.mkdir()
    write_series(series, moving(SLICES))
    with _client(series, folder / "scrolled") as (client, process):
        work = json.loads(client.get("/api/work"))
        picture = work["lesions"][0]["picture"].replace(" ", "%20")
        slices = [f"/api/slice?picture={picture}&index={index}" for index in range(SLICES)]
        seconds = [_timed(functools.partial(client.get, each)) / 1e3 for each in slices]
        yield {
            "slices_per_second": round(1 / float(np.median(seconds)), 1),
            "slices_per_second_p95": round(1 / float(np.percentile(seconds, 95)), 1),
            "server_mb": memory_mb(process),
        }


def _volumes(folder: Path, repeats: int) -> Iterator[dict[str, Any]]:
    """Volumes of lesions of several sizes, and a correction of one of their slices."""
    series = folder / "balls"
    series.mkdir()
    slices, middles = balls(RADII)
    write_series(series, slices)
    with _client(series, folder / "volumes") as (client, _):
        picture = json.loads(client.get("/api/work"))["lesions"][0]["picture"]
        found: dict[str, list[float]] = defaultdict(list)
        for count in range(repeats + 1):
            for radius, middle in zip(RADII, middles, strict=True):
                key = client.post("add", {"picture": picture})["key"]
                for kind, milliseconds in _whole(client, key, radius, middle, 0.1 * count).items():
                    if count:  # the first time compiles
                        found[kind].append(milliseconds)
        for kind, each in found.items():
            yield {f"{kind}_ms": _median(each), f"{kind}_p95_ms": _high(each), "repeats": len(each)}


def _whole(client: Client, key: str, radius: float, middle: int, shift: float) -> dict[str, float]:
    """Milliseconds of a volume, and of it with a stroke, axes and the end on other slices."""
    window = [-1000, 400]
    mark = {"slice": middle, "recist": axes(radius, shift, 1.0), "window": window}
    last = client.act(key, "mark", mark, client.last(key))
    other = middle + int(np.ceil(0.6 * radius * PIXEL_MM / STEP_MM))
    point = [SIDE / 2 + 0.8 * radius, SIDE / 2]
    actions: list[tuple[str, str, dict[str, Any]]] = [
        ("volume", "volume", {"on": True}),
        ("volume_stroke", "stroke", _background([point], other)),
        ("volume_axes", "mark", mark | {"slice": other, "recist": axes(0.8 * radius, shift, 1.0)}),
        ("volume_end", "absent", {"slice": 2 * middle - other - 1, "absent": True}),
    ]
    took = {}
    for name, kind, body in actions:
        start = time.perf_counter()
        last = client.act(key, kind, body, last)
        client.mask(key)
        client.get("/api/volume", key=key)
        took[name] = 1e3 * (time.perf_counter() - start)
    return took


def _background(points: list[list[float]], index: int) -> dict[str, Any]:
    return {"value": "background", "radius": 1.5, "points": points, "slice": index}


def _annotate(
    client: Client, key: str, radius: float, shift: float, network: bool
) -> dict[str, float]:
    """Milliseconds of axes, of a stroke and of a network's proposal, with the soft mask of each."""
    last = client.last(key)
    edge = SIDE / 2 + radius
    points = [[edge + shift, SIDE / 2 + step] for step in np.linspace(-2, 2, 9)]
    bodies: dict[str, dict[str, Any]] = {
        "mark": {"slice": 0, "recist": axes(radius, shift), "window": list(WINDOW)},
        "stroke": {"value": "background", "radius": 1.5, "points": points},
    }
    if network:
        bodies["propose"] = {"by": "network"}
    took = {}
    for kind, body in bodies.items():
        start = time.perf_counter()
        last = client.act(key, kind, body, last)
        client.mask(key)
        took[kind] = 1e3 * (time.perf_counter() - start)
        if kind == "stroke":
            last = client.act(key, "clear", {}, last)
    return took


def _first_picture(client: Client) -> None:
    """All that the page asks for until a lesion is seen."""
    page = client.get("/").decode()
    for name in re.findall(r'"(/page/[^"]+)"', page):
        client.get(name)
    lesion = json.loads(client.get("/api/work"))["lesions"][0]
    client.get("/api/lesion", key=lesion["key"])
    client.get("/api/slice", picture=lesion["picture"], index="0")
    client.mask(lesion["key"])


@contextlib.contextmanager
def _client(source: Path, output: Path, *options: str) -> Iterator[tuple[Client, int]]:
    with served(source, output, *options) as (address, process), Client(address) as client:
        yield client, process


def _timed(ask: Callable[[], object]) -> float:
    start = time.perf_counter()
    ask()
    return 1e3 * (time.perf_counter() - start)


def _median(milliseconds: list[float]) -> float:
    return round(float(np.median(milliseconds)), 1)


def _high(milliseconds: list[float]) -> float:
    return round(float(np.percentile(milliseconds, 95)), 1)
