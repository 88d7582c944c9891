"""A server that is killed at random moments while it works: what it confirmed is all there.

python -m tests.annotate.killed --count=200
"""

import argparse
import http.client
import json
import os
import random
import signal
import sqlite3
import tempfile
import threading
import time
from pathlib import Path

from casgan_jax.annotate.store import FILE
from tests.annotate import places
from tests.annotate.test_run import Server

_READERS = 3  # browsers at once, each on a lesion of its own


class _Reader(threading.Thread):
    """Acts on one lesion until the server is gone; notes what was confirmed."""

    def __init__(self, server, key, last, seed):
        super().__init__()
        self._server, self._key, self._last = server, key, last
        self._draw = random.Random(seed)
        self.confirmed = {}

    def run(self):
        while True:
            kind, body = self._action()
            request = {"key": self._key, "kind": kind, "body": body, "after": self._last}
            try:
                answer, text = self._server.ask("POST", "/api/act", request)
            except (OSError, http.client.HTTPException):
                return
            assert answer.status == 200, text
            self._last = json.loads(text)["last"]
            self.confirmed[self._last] = (self._key, kind)

    def _action(self):
        if self._draw.random() < 0.1:
            shift = self._draw.uniform(-0.5, 0.5)
            return "mark", {**places.MARK, "recist": [one + shift for one in places.AXES]}
        if self._draw.random() < 0.1:
            return "decide", {"decision": self._draw.choice(["rejected", "unsure", ""])}
        return "comment", {"text": str(self._draw.random())}


def kill_once(images, output, draw):
    """Works, is killed; checks the data base; returns how many actions were confirmed."""
    server = Server(images, output)
    _, text = server.ask("GET", "/api/work")
    keys = [row["key"] for row in json.loads(text)["lesions"]]
    lasts = [json.loads(server.ask("GET", f"/api/lesion?key={key}")[1])["last"] for key in keys]
    readers = [
        _Reader(server, key, last, draw.random()) for key, last in zip(keys, lasts, strict=True)
    ]
    for reader in readers:
        reader.start()
    time.sleep(draw.uniform(0.05, 1.5))
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.communicate(timeout=60)
    for reader in readers:
        reader.join()
    confirmed = {number: what for reader in readers for number, what in reader.confirmed.items()}
    connection = sqlite3.connect(output / FILE)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = connection.execute("SELECT id, lesion, kind FROM events").fetchall()
    finally:
        connection.close()
    there = {number: (lesion, kind) for number, lesion, kind in rows}
    assert confirmed.items() <= there.items(), confirmed.keys() - there.keys()
    return len(confirmed)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw, confirmed = random.Random(options.seed), 0
    with tempfile.TemporaryDirectory() as name:
        images = places.write_images(Path(name) / "images", _READERS)
        for _ in range(options.count):
            confirmed += kill_once(images, Path(name) / "out", draw)
    print(f"killed {options.count} times; {confirmed} confirmed actions, all there")


if __name__ == "__main__":
    main()
