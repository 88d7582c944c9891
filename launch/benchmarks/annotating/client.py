"""A browser as far as the server can tell: the page's questions, on one connection.

with served(folder, output) as (address, process), Client(address) as client:
    client.post("act", {"key": "a", "kind": "mark", "body": body, "after": 0})
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np

from casgan_jax.errors import UserError

_KEPT = 20.0  # seconds that a connection is kept idle; the server closes it after 30


class Client:
    """One session. What the server refuses is a UserError."""

    def __init__(self, address: str) -> None:
        parts = urllib.parse.urlsplit(address)
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=300)
        self._headers = {"Origin": f"http://{parts.netloc}"}
        self._used = time.monotonic()
        _, headers = self._ask("GET", f"{parts.path}?{parts.query}")
        self._headers["Cookie"] = headers["set-cookie"].split(";")[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, address: str, **query: str) -> bytes:
        """The answer to a question."""
        text = urllib.parse.urlencode(query)
        return self._ask("GET", f"{address}?{text}" if text else address)[0]

    def post(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to an action."""
        answer, _ = self._ask("POST", f"/api/{name}", json.dumps(body))
        return dict(json.loads(answer))

    def act(self, key: str, kind: str, body: dict[str, Any], after: int) -> int:
        """Does something to a lesion; returns the number of the event."""
        return int(
            self.post("act", {"key": key, "kind": kind, "body": body, "after": after})["last"]
        )

    def last(self, key: str) -> int:
        """The number of a lesion's last event."""
        return int(json.loads(self.get("/api/lesion", key=key))["last"])

    def mask(self, key: str, by: str = "") -> tuple[np.ndarray, dict[str, Any]]:
        """The soft mask of a lesion, (r h, r w) uint8 codes, and what is measured on it."""
        address = f"/api/proposal?by={by}&" if by else "/api/mask?"
        content, headers = self._ask("GET", address + urllib.parse.urlencode({"key": key}))
        about = json.loads(headers["x-label"])
        left, top, right, bottom = about["box"]
        shape = about["scale"] * (bottom - top), about["scale"] * (right - left)
        planes = np.frombuffer(content, np.uint8).reshape(2, *shape)
        return planes[0], about

    def _ask(
        self, method: str, address: str, body: str | None = None
    ) -> tuple[bytes, http.client.HTTPMessage]:
        if time.monotonic() - self._used > _KEPT:
            self._connection.close()  # the request opens it again
        self._connection.request(method, address, body, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        self._used = time.monotonic()
        if answer.status >= 400:
            raise UserError(address, found=content.decode(), expected="an answer")
        return content, answer.headers


@contextlib.contextmanager
def served(source: Path, output: Path, *options: str) -> Iterator[tuple[str, int]]:
    """The address and the process of `casgan annotate`.

    Raises:
      UserError: it does not start.
    """
    command = [sys.executable, "-m", "launch.annotate", f"--input={source}", f"--output={output}"]
    process = subprocess.Popen(
        [*command, "--noopen", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None and process.stderr is not None, "they are pipes"
        told = re.search(r"http://\S+", process.stdout.readline())
        if told is None:
            raise UserError("server", found=process.stderr.read().strip(), expected="its address")
        yield told[0], process.pid
    finally:
        process.terminate()
        process.communicate()


def memory_mb(process: int) -> int:
    """What a process holds of the memory."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (resident,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
    return int(resident) // 1024
