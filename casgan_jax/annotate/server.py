"""The server of the page: each address is one question or one action of `Workplace`.

| address | answer |
|---|---|
| / and /page/NAME | the page |
| GET /api/work | the lesions with state and quality, and what went wrong |
| GET /api/lesion?key= | one lesion: marks, strokes, measurements |
| GET /api/mask?key= | its soft mask and trimap, bytes |
| GET /api/proposal?key=&by= | the same by matting, by the network, or all readers' consensus |
| GET /api/volume?key= | its soft volume: values and soft mask of its slices, bytes |
| GET /api/slice?picture=&index= | values of a slice, bytes; `X-Slice` says what they are |
| POST /api/act | an action on a lesion; answers as /api/lesion |
| POST /api/click | the axes of what a point lies in |
| POST /api/add | another lesion on an image |
| POST /api/reload | the network's weights are read again |
| POST /api/export | the accepted lesions are written |

What cannot be done is {"error": one line}, with status 404 where there is no such thing, 409 where
another window was first, else 422.
"""

from __future__ import annotations

import importlib.resources
import json
import math
import reprlib
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from casgan_jax.annotate.consensus import consensus_label, finished
from casgan_jax.annotate.describe import (
    described_label,
    described_lesion,
    described_slice,
    described_volume,
)
from casgan_jax.annotate.export import export
from casgan_jax.annotate.state import PROPOSALS
from casgan_jax.annotate.store import ConflictError
from casgan_jax.annotate.workplace import Workplace
from casgan_jax.errors import UserError
from casgan_jax.grid import encode_alpha
from casgan_jax.labelling.batch import BatchOptions
from casgan_jax.labelling.label import LesionLabel

_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_LONGEST_TEXT = 4096


class Server:
    """The application and what it needs to know.

    Attributes:
      app: to run.
      busy: time (`time.monotonic`) of the last request.
    """

    def __init__(self, place: Workplace, folder: Path, options: BatchOptions) -> None:
        self._place, self._folder, self._options = place, folder, options
        self._page = _page_files()
        self.busy = time.monotonic()
        gets = {
            "work": self._work,
            "lesion": self._lesion,
            "mask": self._mask,
            "proposal": self._proposal,
            "volume": self._volume,
            "slice": self._slice,
        }
        posts = {
            "act": self._act,
            "click": self._click,
            "add": self._add,
            "reload": self._reload,
            "export": self._export,
        }
        self.app = Starlette(
            routes=[
                Route("/", self._file, methods=["GET"]),
                Route("/page/{name}", self._file, methods=["GET"]),
                *(
                    Route(f"/api/{name}", self._get(do), methods=["GET"])
                    for name, do in gets.items()
                ),
                *(
                    Route(f"/api/{name}", self._post(do), methods=["POST"])
                    for name, do in posts.items()
                ),
            ]
        )

    async def _file(self, request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in self._page:
            return JSONResponse({"error": "no such file"}, status_code=404)
        kind = _TYPES["." + name.rpartition(".")[2]]
        return Response(self._page[name], media_type=kind)

    def _get(self, do: Callable[[dict[str, str]], Response]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            return await self._answer(lambda: do(dict(request.query_params)))

        return answer

    def _post(self, do: Callable[[dict[str, Any]], Response]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            body = await request.body()
            return await self._answer(lambda: do(_object(body)))

        return answer

    def _answer(self, do: Callable[[], Response]) -> Awaitable[Response]:
        self.busy = time.monotonic()

        def guarded() -> Response:
            try:
                return do()
            except KeyError:
                return JSONResponse({"error": "found no such lesion or image"}, status_code=404)
            except ConflictError as error:
                return JSONResponse({"error": str(error)}, status_code=409)
            except UserError as error:
                return JSONResponse({"error": str(error).replace("`", "")}, status_code=422)

        return run_in_threadpool(guarded)

    def _work(self, _: dict[str, str]) -> Response:
        place = self._place
        return JSONResponse(
            {
                "reader": place.reader,
                "folder": str(self._folder),
                "lesions": place.listing(),
                "failures": place.failures,
                "today": place.decided_today(),
                "network": place.network is not None,
                "finished": place.is_finished(),
            }
        )

    def _lesion(self, query: dict[str, str]) -> Response:
        return JSONResponse(described_lesion(self._place, query["key"]))

    def _mask(self, query: dict[str, str]) -> Response:
        label = self._place.label(query["key"])
        if label is None:
            raise UserError("mask", found="no mark", expected="one")
        return _planes(label)

    def _proposal(self, query: dict[str, str]) -> Response:
        key, by = query["key"], query.get("by", "")
        if by == "consensus":
            return _planes(self._consensus(key))
        if by not in PROPOSALS:
            raise UserError("by", found=f"{by!r:.40}", expected=", ".join(PROPOSALS))
        return _planes(self._place.proposed(key, by))

    def _volume(self, query: dict[str, str]) -> Response:
        volume = self._place.volume(query["key"])
        if volume is None:
            raise UserError("volume", found="none", expected="one", remedy="make it first")
        about = json.dumps(described_volume(volume))
        planes = _little(volume.values) + volume.alpha.tobytes()
        return Response(planes, media_type=_BYTES, headers={"X-Volume": about})

    def _consensus(self, key: str) -> LesionLabel:
        """Of readers who have finished, for one who has: all are blind until then."""
        self._place.item(key)
        if not self._place.is_finished():
            raise UserError(
                "consensus",
                found="lesions that you have not decided on",
                expected="a decision on each",
                remedy="readers are blind until they have finished",
            )
        return consensus_label(key, finished(self._place.readers()))

    def _slice(self, query: dict[str, str]) -> Response:
        picture = self._place.pictures[query["picture"]]
        index = _index(query.get("index", ""))
        scan = self._place.slices.read(picture, index)
        about = json.dumps(described_slice(picture, scan))
        return Response(_little(scan.values), media_type=_BYTES, headers={"X-Slice": about})

    def _act(self, body: dict[str, Any]) -> Response:
        key, kind, after, action = (body.get(name) for name in ("key", "kind", "after", "body"))
        if not isinstance(after, int) or not isinstance(action, dict):
            raise UserError(
                "after, body",
                found=reprlib.repr((after, action)),
                expected="a number and an object",
            )
        self._place.act(_text("key", key), _text("kind", kind), action, after=after)
        return JSONResponse(described_lesion(self._place, _text("key", key)))

    def _click(self, body: dict[str, Any]) -> Response:
        x, y = _pair("point", body.get("point"))
        low, high = _pair("window", body.get("window"))
        index = body.get("slice")
        if not isinstance(index, int) or isinstance(index, bool):
            raise UserError("slice", found="another value", expected="a whole number")
        axes = self._place.axes_at(_text("key", body.get("key")), index, (x, y), (low, high))
        return JSONResponse({"recist": axes})

    def _add(self, body: dict[str, Any]) -> Response:
        key = self._place.add(_text("picture", body.get("picture")))
        return JSONResponse(described_lesion(self._place, key))

    def _reload(self, _: dict[str, Any]) -> Response:
        network = self._place.network
        if network is None:
            raise UserError("network", found="none", expected="one that was named at the start")
        network.reload()
        return JSONResponse({"loaded": network.loaded})

    def _export(self, _: dict[str, Any]) -> Response:
        exported = export(self._place, self._folder, self._options)
        return JSONResponse(
            {
                "folder": str(self._folder),
                "written": exported.written,
                "volumes": len(exported.volumes.rows) if exported.volumes else 0,
                "failed": exported.failed,
            }
        )


_BYTES = "application/octet-stream"


def _planes(label: LesionLabel) -> Response:
    planes = encode_alpha(label.alpha).tobytes() + label.trimap.tobytes()
    about = json.dumps(described_label(label))
    return Response(planes, media_type=_BYTES, headers={"X-Label": about})


def _little(values: np.ndarray) -> bytes:
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def _page_files() -> dict[str, bytes]:
    folder = importlib.resources.files(__package__).joinpath("page")
    return {
        one.name: one.read_bytes()
        for one in folder.iterdir()
        if "." + one.name.rpartition(".")[2] in _TYPES
    }


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UserError("body", found=reprlib.repr(body), expected="a JSON object")
    return found


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise UserError(field, found=reprlib.repr(value), expected="a text")
    return value


def _pair(field: str, value: Any) -> tuple[float, float]:
    good = isinstance(value, list) and len(value) == 2
    if not good or not all(isinstance(one, int | float) and abs(one) < 1e9 for one in value):
        raise UserError(field, found=reprlib.repr(value), expected="two numbers")
    first, second = float(value[0]), float(value[1])
    if not (math.isfinite(first) and math.isfinite(second)):
        raise UserError(field, found=reprlib.repr(value), expected="two finite numbers")
    return first, second


def _index(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 9):
        raise UserError("index", found=f"{text!r:.40}", expected="a whole number from 0")
    return int(text)
