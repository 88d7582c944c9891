"""The server answers the browser that was let in, and refuses all else."""

import json
import re
from importlib.resources import files

import numpy as np
import pytest

from casgan_jax.labelling.batch import BatchOptions
from tests.annotate import places
from tests.annotate.fuzz import ALLOWED, outside, send_fuzz

pytest.importorskip("starlette")
from starlette.testclient import TestClient

from casgan_jax.annotate.guard import MOST_BYTES, Guard
from casgan_jax.annotate.server import Server
from casgan_jax.annotate.sessions import Sessions

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
    sessions = Sessions(rate=1e6, burst=1e6)
    app = Guard(server.app, token=TOKEN, hosts=[HOST, "localhost:8765"], sessions=sessions)
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


@pytest.mark.slow
def test_the_token_is_no_cookie_and_each_browser_has_its_own(stranger):
    stranger.cookies.set("casgan_annotate_8765", TOKEN)
    assert stranger.get("/api/work").status_code == 403
    names = {
        stranger.get(f"/?token={TOKEN}", follow_redirects=False).headers["set-cookie"]
        for _ in range(3)
    }
    assert len(names) == 3 and not any(TOKEN in name for name in names)


def test_too_many_requests_of_one_session_are_refused_with_a_line(place, tmp_path):
    now = [0.0]
    sessions = Sessions(rate=2, burst=5, clock=lambda: now[0])
    server = Server(place, tmp_path / "out" / "anna", BatchOptions())
    app = Guard(server.app, token=TOKEN, hosts=[HOST], sessions=sessions)
    with TestClient(app, base_url=SITE) as client, TestClient(app, base_url=SITE) as other:
        for one in (client, other):
            assert one.get(f"/?token={TOKEN}", follow_redirects=False).status_code == 303
        answers = [client.get("/api/work") for _ in range(7)]
        assert [one.status_code for one in answers] == [200] * 5 + [429] * 2
        assert "too many requests a second" in answers[-1].text
        assert answers[-1].headers["retry-after"] == "1"
        assert other.get("/api/work").status_code == 200
        now[0] = 1.0
        assert [client.get("/api/work").status_code for _ in range(3)] == [200, 200, 429]


def test_with_tls_the_cookie_is_secure_and_other_schemes_are_other_sites(place, tmp_path):
    server = Server(place, tmp_path / "out" / "anna", BatchOptions())
    app = Guard(server.app, token=TOKEN, hosts=[HOST], scheme="https")
    with TestClient(app, base_url=f"https://{HOST}") as client:
        answer = client.get(f"/?token={TOKEN}", follow_redirects=False)
        assert "secure" in answer.headers["set-cookie"].lower()
        assert client.get("/api/work", headers={"origin": f"https://{HOST}"}).status_code == 200
        assert client.get("/api/work", headers={"origin": SITE}).status_code == 403


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
    names = [file.name for file in files("casgan_jax.annotate").joinpath("page").iterdir()]
    for name in names:
        text = client.get(f"/page/{name}").text
        assert "innerHTML" not in text and "insertAdjacentHTML" not in text and "eval(" not in text


def test_nothing_is_loaded_from_elsewhere(client, place):
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


@pytest.mark.slow
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


def test_outlines_and_boxes_are_marks(client):
    drawn = {"slice": 0, "window": places.WINDOW}
    told = act(client, "mark", {**drawn, "box": [79, 49, 101, 71]}, 0).json()
    assert told["box"] == [79, 49, 101, 71] and told["recist"] is None
    assert told["label"]["strategy"] == "mask"
    outline = [82, 52, 98, 52, 98, 68, 82, 68]
    told = act(client, "mark", {**drawn, "outline": outline}, told["last"]).json()
    assert told["outline"] == outline and told["box"] is None
    answer = act(client, "mark", {**drawn, "box": [79, 49, 1000, 71]}, told["last"])
    assert answer.status_code == 422 and answer.json()["error"].startswith("box: found")


def test_without_a_network_there_is_one_proposal(client):
    told = act(client, "mark", places.MARK, 0).json()
    mask = client.get("/api/mask", params={"key": "image-0"})
    same = client.get("/api/proposal", params={"key": "image-0", "by": "matting"})
    assert same.content == mask.content
    for by, line in (("network", "network: found none"), ("x", "by: found")):
        answer = client.get("/api/proposal", params={"key": "image-0", "by": by})
        assert answer.status_code == 422 and answer.json()["error"].startswith(line)
    assert act(client, "propose", {"by": "network"}, told["last"]).status_code == 422
    assert client.post("/api/reload", json={}).status_code == 422
    assert client.get("/api/work").json()["network"] is False


def test_the_consensus_is_shown_to_who_has_finished(client, place):
    other = place._of("ben")
    for each in (place, other):
        state = each.act("image-0", "mark", places.MARK, after=0)
        each.act("image-0", "decide", {"decision": "accepted"}, after=state.last)
    question = {"key": "image-0", "by": "consensus"}
    answer = client.get("/api/proposal", params=question)
    assert answer.status_code == 422 and "not decided on" in answer.json()["error"]
    place.act("image-1", "decide", {"decision": "rejected"}, after=0)
    answer = client.get("/api/proposal", params=question)
    assert answer.status_code == 422 and "1 who accepted it" in answer.json()["error"]
    other.act("image-1", "decide", {"decision": "unsure"}, after=0)
    answer = client.get("/api/proposal", params=question)
    assert json.loads(answer.headers["x-label"])["strategy"] == "readers"
    assert client.get("/api/proposal", params={**question, "key": "x"}).status_code == 404


@pytest.mark.slow
def test_fuzzed_requests_bring_no_fault_and_no_file_outside(client, place, tmp_path):
    before = outside(tmp_path)
    statuses = send_fuzz(client, place, seed=0, count=3000, seconds=60)
    assert statuses.keys() <= ALLOWED and statuses[200] > 20 and statuses.total() > 200
    assert outside(tmp_path) == before
    assert client.get("/api/work").status_code == 200
