"""The annotation server as the page uses it: a real one, asked over HTTP on the loopback address.

Milliseconds from a request to the last byte of what the page needs of it: the soft mask of two axes
and of a stroke upon it (512x512 slices, lesions of 10 to 40 pixels; what is compiled once is not
counted), a work list of 10,000 lesions, the first picture after the address is opened. Slices a
second are those of a DICOM series of 300 (CT, 512x512), one after the other, none of them kept.
With --data_dir, a prepared data set with readers, what corrections gain (`labels/corrections.py`).
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.annotate.sources import TABLE
from casgan_jax.errors import UserError
from casgan_jax.images import write_png
from casgan_jax.images.checks import import_extra
from launch.benchmarks.label import consensus_samples
from launch.benchmarks.labels import corrections

SIDE = 512
RADII = (5, 7, 10, 14, 20)  # pixels
LESIONS, SLICES = 10_000, 300
_WINDOW = [31768, 33168]  # -1000 to 400 HU, as the slices are stored


def run(options: Any) -> Iterator[dict[str, Any]]:
    """Yields a row for each question, then the summary.

    Raises:
      UserError: the server does not start, or refuses a question.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = [*_marks(folder, options.repeats), *_list(folder, options.repeats)]
        rows += _series(folder)
    if options.data_dir is not None:
        yield from corrections.rows(consensus_samples(options.data_dir, options.limit))
    yield from rows
    yield {key: value for row in rows for key, value in row.items() if key != "repeats"}


def _marks(folder: Path, repeats: int) -> Iterator[dict[str, Any]]:
    """Axes and strokes, on lesions of several sizes."""
    images = folder / "images"
    images.mkdir()
    for radius in RADII:
        write_png(images / f"r{radius}.png", _slice(radius))
    with _served(images, folder / "marks") as client:
        marks, strokes = [], []
        for count in range(repeats + 1):
            for radius in RADII:
                mark, stroke = client.annotate(f"r{radius}", radius, shift=0.1 * count)
                if count:  # the first time compiles
                    marks.append(mark)
                    strokes.append(stroke)
        yield {"mark_ms": _median(marks), "mark_p95_ms": _high(marks), "repeats": len(marks)}
        yield {"stroke_ms": _median(strokes), "stroke_p95_ms": _high(strokes)}


def _list(folder: Path, repeats: int) -> Iterator[dict[str, Any]]:
    """The work list of many lesions, and the first picture."""
    table = folder / "many" / TABLE
    table.parent.mkdir()
    write_png(table.parent / "a.png", _slice(10))
    lines = [f"{k},a.png,{','.join(f'{x:g}' for x in _axes(10, 0.0))}" for k in range(LESIONS)]
    table.write_text("\n".join(["key,image,x1,y1,x2,y2,x3,y3,x4,y4", *lines, ""]))
    with _served(table, folder / "list") as client:
        first = [_timed(client.first_picture) for _ in range(repeats)]
        lists = [_timed(lambda: client.get("/api/work")) for _ in range(repeats)]
        yield {"first_picture_ms": _median(first), "first_picture_p95_ms": _high(first)}
        yield {"list_ms": _median(lists), "list_p95_ms": _high(lists)}


def _series(folder: Path) -> Iterator[dict[str, Any]]:
    """Scrolling through a series, and how much memory the server has taken then."""
    series = folder / "series"
    series.mkdir()
    _write_series(series)
    with _served(series, folder / "scrolled") as client:
        work = json.loads(client.get("/api/work"))
        picture = work["lesions"][0]["picture"].replace(" ", "%20")
        slices = [f"/api/slice?picture={picture}&index={index}" for index in range(SLICES)]
        seconds = [_timed(functools.partial(client.get, each)) / 1e3 for each in slices]
        yield {
            "slices_per_second": round(1 / float(np.median(seconds)), 1),
            "slices_per_second_p95": round(1 / float(np.percentile(seconds, 95)), 1),
            "server_mb": client.memory_mb(),
        }


class _Client:
    """The page's questions, on one connection."""

    def __init__(self, address: str, process: int) -> None:
        self._process = process
        parts = urllib.parse.urlsplit(address)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=300)
        self._headers = {"Origin": f"http://{parts.netloc}"}
        _, headers = self._ask("GET", f"{parts.path}?{parts.query}")
        self._headers["Cookie"] = headers["set-cookie"].split(";")[0]

    def close(self) -> None:
        self._connection.close()

    def get(self, address: str) -> bytes:
        return self._ask("GET", address)[0]

    def post(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        answer, _ = self._ask("POST", f"/api/{name}", json.dumps(body))
        return dict(json.loads(answer))

    def first_picture(self) -> None:
        """All that the page asks for until a lesion is seen."""
        page = self.get("/").decode()
        for name in re.findall(r'"(/page/[^"]+)"', page):
            self.get(name)
        lesion = json.loads(self.get("/api/work"))["lesions"][0]
        self.get(f"/api/lesion?key={lesion['key']}")
        self.get(f"/api/slice?picture={lesion['picture']}&index=0")
        self.get(f"/api/mask?key={lesion['key']}")

    def annotate(self, key: str, radius: float, *, shift: float) -> tuple[float, float]:
        """Milliseconds of axes and of a stroke, each with the soft mask that they make."""
        last = json.loads(self.get(f"/api/lesion?key={key}"))["last"]
        mark = {"slice": 0, "recist": _axes(radius, shift), "window": _WINDOW}
        edge = SIDE / 2 + radius
        points = [[edge + shift, SIDE / 2 + step] for step in np.linspace(-2, 2, 9)]
        stroke = {"value": "background", "radius": 1.5, "points": points}
        took = []
        for kind, body in (("mark", mark), ("stroke", stroke)):
            start = time.perf_counter()
            request = {"key": key, "kind": kind, "body": body, "after": last}
            last = self.post("act", request)["last"]
            self.get(f"/api/mask?key={key}")
            took.append(1e3 * (time.perf_counter() - start))
        self.post("act", {"key": key, "kind": "clear", "body": {}, "after": last})
        return took[0], took[1]

    def memory_mb(self) -> int:
        lines = Path(f"/proc/{self._process}/status").read_text().splitlines()
        (resident,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
        return int(resident) // 1024

    def _ask(
        self, method: str, address: str, body: str | None = None
    ) -> tuple[bytes, http.client.HTTPMessage]:
        self._connection.request(method, address, body, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status >= 400:
            raise UserError(address, found=content.decode(), expected="an answer")
        return content, answer.headers


@contextlib.contextmanager
def _served(source: Path, output: Path) -> Iterator[_Client]:
    command = [sys.executable, "-m", "launch.annotate", f"--input={source}", f"--output={output}"]
    process = subprocess.Popen(
        [*command, "--noopen"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None and process.stderr is not None, "they are pipes"
        told = re.search(r"http://\S+", process.stdout.readline())
        if told is None:
            raise UserError("server", found=process.stderr.read().strip(), expected="its address")
        client = _Client(told[0], process.pid)
        with contextlib.closing(client):
            yield client
    finally:
        process.terminate()
        process.communicate()


def _slice(radius: float) -> np.ndarray:
    """16-bit PNG of a nodule in lung, HU + 32768 as the tables of DeepLesion have it."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    inside = 1 / (1 + np.exp((np.hypot(x, 1.2 * y) - radius) / 0.8))
    noise = np.random.default_rng(int(radius)).normal(0, 30, (SIDE, SIDE))
    return np.round(-850 + 880 * inside + noise + 32768).astype(np.uint16)


def _axes(radius: float, shift: float) -> list[float]:
    middle, short = SIDE / 2 + shift, radius / 1.2
    return [
        *(middle - radius, SIDE / 2, middle + radius, SIDE / 2),
        *(middle, SIDE / 2 - short, middle, SIDE / 2 + short),
    ]


def _write_series(folder: Path) -> None:
    pydicom = import_extra("pydicom", folder, "DICOM")
    values = (_slice(20).astype(np.int32) - 32768).astype(np.int16)
    uids = pydicom.uid
    series = uids.generate_uid()
    for index in range(SLICES):
        one = pydicom.Dataset()
        one.SOPClassUID, one.SOPInstanceUID = uids.CTImageStorage, uids.generate_uid()
        one.SeriesInstanceUID, one.SeriesNumber, one.Modality = series, 1, "CT"
        one.Rows, one.Columns, one.PixelSpacing = SIDE, SIDE, [0.7, 0.7]
        one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        one.ImagePositionPatient = [0, 0, float(index)]
        one.SliceThickness, one.RescaleSlope, one.RescaleIntercept = 1, 1, 0
        one.BitsAllocated, one.BitsStored, one.HighBit = 16, 16, 15
        one.PixelRepresentation, one.SamplesPerPixel = 1, 1
        one.PhotometricInterpretation = "MONOCHROME2"
        one.PixelData = np.roll(values, index, axis=0).tobytes()
        one.file_meta = pydicom.dataset.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = uids.ExplicitVRLittleEndian
        one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
        one.save_as(folder / f"{index:03d}.dcm", enforce_file_format=True)


def _timed(ask: Callable[[], object]) -> float:
    start = time.perf_counter()
    ask()
    return 1e3 * (time.perf_counter() - start)


def _median(milliseconds: list[float]) -> float:
    return round(float(np.median(milliseconds)), 1)


def _high(milliseconds: list[float]) -> float:
    return round(float(np.percentile(milliseconds, 95)), 1)
