"""The server answers the browser that was let in, and refuses all else."""

import json
import random
import re

import numpy as np
import pytest

from casgan_jax.labelling.batch import BatchOptions
from tests.annotate import places

pytest.importorskip("starlette")
from starlette.testclient import TestClient

from casgan_jax.annotate.guard import MOST_BYTES, Guard
from casgan_jax.annotate.server import Server

TOKEN, HOST = "t" * 43, "127.0.0.1:8765"
SITE = f"http://{HOST}"


@pytest.fixture
def place(tmp_path):
    images = places.write_images(tmp_path / "images")
    with places.workplace(images, tmp_path / "out") as place:
        yield place


@pytest.fixture
def stranger(place, tmp_path):
    """A client that was not let in."""
    server = Server(place, tmp_path / "out" / "anna", BatchOptions())
    app = Guard(server.app, token=TOKEN, hosts=[HOST, "localhost:8765"])
    with TestClient(app, base_url=SITE) as client:
        yield client


@pytest.fixture
def client(stranger):
    """The browser that opened the address."""
    assert stranger.get(f"/?token={TOKEN}").status_code == 200
    stranger.headers["origin"] = SITE
    return stranger


def act(client, kind, body, after, key="image-0"):
    return client.post("/api/act", json={"key": key, "kind": kind, "body": body, "after": after})


def test_the_first_address_lets_in_and_hides_its_token(stranger):
    answer = stranger.get(f"/?token={TOKEN}", follow_redirects=False)
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie
    page = stranger.get("/")
    assert page.status_code == 200 and "<title>casgan annotate" in page.text


@pytest.mark.parametrize(
    "address", ["/", "/page/main.js", "/api/work", "/api/slice?picture=image-0.png&index=0"]
)
def test_nobody_else_gets_in(stranger, address):
    assert stranger.get(address).status_code == 403
    assert stranger.get(f"/?token={'x' * 43}").status_code == 403
    assert stranger.get("/?token=").status_code == 403
    cookies = {"casgan_annotate_8765": "x" * 43}
    stranger.cookies.update(cookies)
    assert stranger.get(address).status_code == 403


def test_a_cookie_of_another_server_does_not_count(stranger):
    stranger.cookies.set("casgan_annotate_9999", TOKEN)
    assert stranger.get("/api/work").status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8765", "127.0.0.1:1", "", "@127.0.0.1"]
)
def test_names_that_lead_here_are_refused(client, host):
    assert client.get("/api/work", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "https://127.0.0.1:8765"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_sites_are_refused(client, place, headers):
    body = {"key": "image-0", "kind": "comment", "body": {"text": "x"}, "after": 0}
    assert client.post("/api/act", json=body, headers=headers).status_code == 403
    assert client.get("/api/work", headers=headers).status_code == 403
    assert place.state("image-0").last == 0


def test_an_action_needs_the_origin(client):
    del client.headers["origin"]
    assert act(client, "comment", {"text": "x"}, 0).status_code == 403


def test_every_answer_has_the_policy(client, stranger):
    for address in ("/", "/page/main.js", "/api/work", "/nowhere", "/api/lesion?key=x"):
        headers = client.get(address).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self'" in policy and "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


def test_the_page_has_no_script_within_and_puts_no_text_as_html(client):
    page = client.get("/").text
    assert page.count("<script") == 1 and 'src="/page/main.js"' in page
    assert "style=" not in page and not re.search(r"\son\w+=", page)
    for name in ("main.js", "worklist.js", "panel.js", "keys.js", "message.js", "paint.js"):
        text = client.get(f"/page/{name}").text
        assert "innerHTML" not in text and "insertAdjacentHTML" not in text and "eval(" not in text


def test_nothing_is_loaded_from_elsewhere(client, place):
    from importlib.resources import files

    for file in files("casgan_jax.annotate").joinpath("page").iterdir():
        text = file.read_text()
        assert "http://" not in text and "https://" not in text, file.name


@pytest.mark.parametrize(
    "name",
    [
        "../server.py",
        "..%2fserver.py",
        "%2e%2e/server.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "x.js",
        "main.js%00",
    ],
)
def test_the_page_has_its_own_files_alone(client, name):
    assert client.get(f"/page/{name}").status_code == 404


@pytest.mark.parametrize(
    "picture",
    [
        "../outside.png",
        "/etc/passwd",
        "image-0.png/../../x",
        "",
        "image-0.png\0",
        "file:///etc/passwd",
    ],
)
def test_pictures_are_those_that_were_found(client, tmp_path, picture):
    places.write_images(tmp_path, 1)
    answer = client.get("/api/slice", params={"picture": picture, "index": "0"})
    assert answer.status_code == 404
    assert client.post("/api/add", json={"picture": picture}).status_code == 404


def test_bodies_have_a_limit_whatever_they_announce(client):
    large = b'{"key": "' + b"x" * MOST_BYTES + b'"}'
    assert client.post("/api/act", content=large).status_code == 413

    def pieces():
        for _ in range(20):
            yield b"x" * (MOST_BYTES // 10)

    assert client.post("/api/act", content=pieces()).status_code == 413
    assert client.get("/api/work?" + "x" * 5000).status_code == 414


def test_a_slice_is_its_values(client, place):
    answer = client.get("/api/slice", params={"picture": "image-0.png", "index": "0"})
    about = json.loads(answer.headers["x-slice"])
    assert (about["width"], about["height"], about["type"]) == (160, 160, "uint8")
    scan = place.slices.read(place.pictures["image-0.png"], 0)
    values = np.frombuffer(answer.content, np.uint8).reshape(160, 160)
    assert np.array_equal(values, scan.values)
    for index in ("1", "-1", "x", "", "9" * 30):
        query = {"picture": "image-0.png", "index": index}
        assert client.get("/api/slice", params=query).status_code == 422


def test_a_mark_a_mask_a_decision_an_export(client, place, tmp_path):
    told = act(client, "mark", places.MARK, 0).json()
    assert told["state"] == "drawn" and told["label"]["quality"] > 0.5
    answer = client.get("/api/mask", params={"key": "image-0"})
    label = json.loads(answer.headers["x-label"])
    left, top, right, bottom = label["box"]
    count = label["scale"] ** 2 * (right - left) * (bottom - top)
    assert len(answer.content) == 2 * count
    assert set(answer.content[count:]) == {0, 128, 255}
    told = act(client, "stroke", places.STROKE, told["last"]).json()
    told = act(client, "decide", {"decision": "accepted"}, told["last"]).json()
    assert told["state"] == "accepted"
    done = client.post("/api/export", json={}).json()
    assert done["written"] == 1 and done["failed"] == []
    assert (tmp_path / "out" / "anna" / "labels.csv").is_file()
    work = client.get("/api/work").json()
    assert [row["state"] for row in work["lesions"]] == ["accepted", "new"] and work["today"] == 1


def test_the_second_window_gets_409_and_mistakes_one_line(client):
    act(client, "mark", places.MARK, 0)
    assert act(client, "comment", {"text": "x"}, 0).status_code == 409
    assert act(client, "comment", {"text": "x"}, 0, key="nobody").status_code == 404
    answer = act(client, "mark", {**places.MARK, "recist": [0] * 8}, 2)
    assert answer.status_code == 422 and "long axis of 0 pixels" in answer.json()["error"]
    for body in (b"", b"[]", b"{", b"null", b"\xff", b"[" * 100_000):
        assert client.post("/api/act", content=body).status_code == 422


def test_a_click_gives_axes(client):
    body = {"key": "image-0", "slice": 0, "point": [90, 60], "window": [0, 255]}
    assert len(client.post("/api/click", json=body).json()["recist"]) == 8
    for name, value in (("point", [1]), ("point", [1e12, 0]), ("window", [5, 5]), ("slice", "0")):
        assert client.post("/api/click", json=body | {name: value}).status_code == 422


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
    names = ["slice", "recist", "window", "points", "radius", "value", "text", "decision"]
    return {draw.choice(names): junk(draw, depth + 1) for _ in range(draw.randrange(5))}


def test_fuzzed_requests_bring_no_fault_and_no_file_outside(client, place, tmp_path):
    draw = random.Random(0)
    kinds = ["mark", "stroke", "clear", "given", "decide", "comment", "undo", "redo", "add"]
    before = {path for path in tmp_path.rglob("*") if "out" not in path.parts}
    for _ in range(1500):
        body = {
            "key": draw.choice(["image-0", "image-1", junk(draw)]),
            "kind": draw.choice([*kinds, junk(draw)]),
            "after": draw.choice([0, place.state("image-0").last, junk(draw)]),
            "body": draw.choice([places.MARK, places.STROKE, junk(draw), junk(draw)]),
            "picture": junk(draw),
            "point": junk(draw),
            "slice": junk(draw),
            "window": junk(draw),
        }
        address = draw.choice(["act", "act", "act", "click", "add"])
        text = json.dumps(body).encode()
        if draw.random() < 0.2:
            cut = draw.randrange(len(text))
            text = text[:cut] + bytes([draw.randrange(256)]) + text[cut + 1 :]
        assert client.post(f"/api/{address}", content=text).status_code in (200, 404, 409, 422)
        query = {"key": str(junk(draw)), "picture": str(junk(draw)), "index": str(junk(draw))}
        question = draw.choice(["lesion", "mask", "slice"])
        query = {name: value.encode("utf-8", "replace").decode() for name, value in query.items()}
        assert client.get(f"/api/{question}", params=query).status_code in (200, 404, 422)
    assert {path for path in tmp_path.rglob("*") if "out" not in path.parts} == before
    assert client.get("/api/work").status_code == 200
