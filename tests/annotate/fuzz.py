"""Requests that nobody means: they bring no fault of the server, and no file outside its folder.

python -m tests.annotate.fuzz --count=100000
"""

import argparse
import json
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.annotate import places

ALLOWED = {200, 400, 403, 404, 405, 409, 413, 414, 421, 422}
_KINDS = ["mark", "stroke", "clear", "given", "propose", "decide", "comment", "undo", "redo", "add"]
_KINDS += ["volume", "absent"]
_DRAWN = {"slice": 0, "window": places.WINDOW}
_BODIES = [
    places.MARK,
    places.STROKE,
    {**_DRAWN, "box": [79, 49, 101, 71]},
    {**_DRAWN, "outline": [82, 52, 98, 52, 98, 68, 82, 68]},
    {"decision": "accepted"},
    {"by": "matting"},
    {**places.STROKE, "slice": 1},
    {"on": True},
    {"slice": 1, "absent": True},
]
_NAMES = [
    "slice",
    "recist",
    "outline",
    "box",
    "window",
    "points",
    "radius",
    "value",
    "text",
    "by",
    "on",
]
_PATHS = [
    "/",
    "/page/main.js",
    "/page/../server.py",
    "/page/%2e%2e/x",
    "/etc/passwd",
    "/api/",
    "//",
]


def junk(draw, depth=0):
    """A random value of JSON."""
    kind = draw.randrange(9 if depth < 3 else 6)
    if kind == 0:
        return draw.choice([None, True, False])
    if kind == 1:
        return draw.choice([0, -1, 1, 2**63, -(2**70), 10**400, 5])
    if kind == 2:
        return draw.choice([0.5, -1e308, 1e-300, 3.25])
    if kind < 6:
        texts = ["", "image-0", "mark", "../x", "\ud800", "<b>", "accepted", "\0", "lesion"]
        return draw.choice(texts)
    if kind == 6:
        return [junk(draw, depth + 1) for _ in range(draw.randrange(9))]
    return {draw.choice(_NAMES): junk(draw, depth + 1) for _ in range(draw.randrange(5))}


def altered(draw, value):
    """A body that could be, with one of its values replaced."""
    name = draw.choice(list(value))
    return value | {name: junk(draw)}


def _post(draw, client, place):
    good = draw.choice(_BODIES)
    body = {
        "key": draw.choice(["image-0", "image-1", junk(draw)]),
        "kind": draw.choice([*_KINDS, junk(draw)]),
        "after": draw.choice([0, place.state("image-0").last, junk(draw)]),
        "body": draw.choice([good, altered(draw, good), altered(draw, good), junk(draw)]),
        "picture": junk(draw),
        "point": draw.choice([[90, 60], junk(draw)]),
        "slice": draw.choice([0, junk(draw)]),
        "window": draw.choice([places.WINDOW, junk(draw)]),
    }
    text = json.dumps(body).encode()
    if draw.random() < 0.2:
        cut = draw.randrange(len(text))
        text = text[:cut] + bytes([draw.randrange(256)]) + text[cut + 1 :]
    address = draw.choice(["act", "act", "act", "click", "add", "reload"])
    return client.post(f"/api/{address}", content=text)


def _get(draw, client):
    query = {name: str(junk(draw)) for name in ("key", "picture", "index", "by")}
    if draw.random() < 0.5:
        query |= {"key": "image-0", "by": draw.choice(["matting", "network", "consensus"])}
    query = {name: text.encode("utf-8", "replace").decode() for name, text in query.items()}
    question = draw.choice(["lesion", "mask", "slice", "proposal", "volume", "work"])
    return client.get(f"/api/{question}", params=query)


def _other(draw, client):
    method = draw.choice(["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"])
    return client.request(method, draw.choice(_PATHS), headers={"x-any": str(draw.random())})


def send_fuzz(client, place, *, seed, count, seconds):
    """{status: how often} of so many rounds of requests, or of as many as the time allows."""
    draw, until, statuses = random.Random(seed), time.monotonic() + seconds, Counter()
    while statuses.total() < count and time.monotonic() < until:
        answer = draw.choice([_post, _post, _get, _other])
        which = (draw, client, place) if answer is _post else (draw, client)
        statuses[answer(*which).status_code] += 1
    return statuses


def outside(folder):
    """The files that are not the server's own."""
    return {path for path in folder.rglob("*") if "out" not in path.relative_to(folder).parts}


def main():
    from starlette.testclient import TestClient

    from casgan_jax.annotate.guard import Guard
    from casgan_jax.annotate.server import Server
    from casgan_jax.annotate.sessions import Sessions
    from casgan_jax.labelling.batch import BatchOptions

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=36_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    site = "http://127.0.0.1:8765"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images = places.write_images(folder / "images")
        with places.workplace(images, folder / "out") as place:
            server = Server(place, folder / "out" / "anna", BatchOptions())
            sessions = Sessions(rate=1e9, burst=1e9)
            app = Guard(server.app, token="t" * 43, hosts=[site[7:]], sessions=sessions)
            before = outside(folder)
            with TestClient(app, base_url=site) as client:
                client.get(f"/?token={'t' * 43}")
                client.headers["origin"] = site
                statuses = send_fuzz(
                    client, place, seed=options.seed, count=options.count, seconds=options.seconds
                )
            assert statuses.keys() <= ALLOWED, statuses
            assert outside(folder) == before
    print(f"{statuses.total()} requests, none with a fault: {dict(sorted(statuses.items()))}")


if __name__ == "__main__":
    main()
