"""The page to review labels on: complete, self-contained, worst first, and used in a browser."""

import base64
import html
import re
import shutil
import subprocess

import cv2
import numpy as np
import pytest

from casgan_jax.grid import encode_alpha
from casgan_jax.labelling import review
from casgan_jax.labelling.review import review_pages, tiles, write_review
from tests.labelling import lesions
from tests.labelling.labels import CENTRE, RADIUS, made_label

LABEL = made_label(given_axes=lesions.axes(RADIUS, CENTRE))
TILES = tiles(LABEL)


def row(key, quality=0.9, long=16.0, given=None, **more):
    """A row of a labelled lesion."""
    sizes = {"long_px": long, "short_px": 10.0, "area_px": 120.0}
    if given is not None:
        sizes |= {"given_long_px": given, "given_short_px": 9.0}
    return {
        "key": key,
        "status": "labelled",
        "strategy": "recist",
        "quality": quality,
        "window": "0,255",
        "unit": "stored",
        **sizes,
        **more,
    }


def failure(key, reason):
    return {"key": key, "status": "failed", "reason": reason}


def write(folder, *rows):
    """The text of each page of the rows."""
    pages = write_review(folder, rows, lambda _: TILES)
    assert pages == review_pages(folder)
    return [page.read_text(encoding="utf-8") for page in pages]


def keys(page):
    return [html.unescape(key) for key in re.findall('data-key="([^"]*)"', page)]


def test_the_worst_comes_first_and_failures_above(tmp_path):
    (page,) = write(
        tmp_path, row("b", 0.9), failure("x", "no such file"), row("c", 0.2), row("a", 0.9)
    )
    assert keys(page) == ["c", "a", "b"]
    assert "3 labelled, 1 failed" in page
    assert page.index("no such file") < page.index("<article")


def test_a_page_needs_nothing_else(tmp_path):
    (page,) = write(tmp_path, row("a"))
    sources = re.findall('(?:src|href)="([^"]*)"', page)
    assert len(sources) == 4 and all(s.startswith("data:image/png;base64,") for s in sources)
    assert "http" not in page and "url(" not in page and "@import" not in page


def test_pictures_and_outlines_are_of_the_lesion():
    def decoded(name):
        data = np.frombuffer(base64.b64decode(TILES[name]), np.uint8)
        return cv2.imdecode(data, cv2.IMREAD_UNCHANGED)

    np.testing.assert_array_equal(decoded("image"), LABEL.image)
    np.testing.assert_array_equal(decoded("trimap"), LABEL.trimap)
    np.testing.assert_array_equal(decoded("alpha"), encode_alpha(LABEL.alpha))
    assert TILES["size"] == "40 40"
    assert TILES["given"] == "M10.5 21.5L26.5 21.5M18.5 13.5L18.5 29.5"
    assert TILES["found"].startswith("M") and TILES["found"].count("M") == 1
    assert "spread" not in TILES


def test_readers_have_a_picture_of_their_spread(tmp_path):
    masks = np.stack([lesions.disc(radius, CENTRE, size=40) for radius in (7, 9)], axis=2)
    made = tiles(made_label(masks=masks))
    write_review(tmp_path, [row("a", strategy="readers", readers=2)], lambda _: made)
    page = (tmp_path / "review.html").read_text()
    assert page.count("<figure>") == 5 and "2 readers" in page
    data = np.frombuffer(base64.b64decode(made["spread"]), np.uint8)
    spread = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(spread, np.where(masks.sum(axis=2) == 1, 255, 0))


def test_large_lesions_have_small_pictures():
    made = tiles(made_label(side=700))
    data = np.frombuffer(base64.b64decode(made["alpha"]), np.uint8)
    assert max(cv2.imdecode(data, cv2.IMREAD_UNCHANGED).shape) == 320
    assert made["size"] == "700 700"


def test_sizes_are_in_mm_where_these_are_known(tmp_path):
    sizes = {"long_mm": 8.0, "short_mm": 5.0, "given_long_mm": 9.5, "given_short_mm": 4.5}
    (page,) = write(
        tmp_path,
        row("a", given=19.0, area_mm2=30.04, unit="HU", **sizes),
        row("b", long=16.0, given=13.0),
        row("c"),
    )
    a, b, c = page.split("<article")[1:]
    assert "8.0 x 5.0 mm" in a and "given 9.5 x 4.5, difference -1.5" in a
    assert "area 30.0 mm&sup2;" in a and "window 0,255 HU" in a
    assert 'data-difference="1.5"' in a and 'data-diameter="8"' in a
    assert "16.0 x 10.0 px" in b and "difference +3.0" in b and "area 120.0 px" in b
    assert "given" not in c.split("<div")[0] and 'data-difference=""' in c


@pytest.mark.parametrize("text", ['<script>alert("x")</script>', "a' onclick='b", "&lt;$links"])
def test_text_of_the_user_stays_text(tmp_path, text):
    (page,) = write(tmp_path, row(text), failure(text, text))
    (plain,) = write(tmp_path, row("plain"), failure("plain", "plain"))
    assert keys(page) == [text]
    assert page == plain.replace("plain", html.escape(text))


def test_many_lesions_fill_several_pages_and_old_ones_go(tmp_path, monkeypatch):
    rows = [row(f"lesion {k}", quality=k / 10) for k in range(5)] + [failure("x", "why")]
    article = len(review._article(rows[0], TILES))
    monkeypatch.setattr(review, "_LARGEST_PAGE", 2 * article + 100)
    first, second, third = write(tmp_path, *rows)
    assert [keys(page) for page in (first, second, third)] == [
        ["lesion 0", "lesion 1"],
        ["lesion 2", "lesion 3"],
        ["lesion 4"],
    ]
    assert "lesions 3 to 4 on this page" in second
    assert "why" in first and "why" not in second + third
    assert re.findall('<a href="([^"]*)"', second) == ["review.html", "review-3.html"]
    (tmp_path / "review-notes.html").write_text("of the user")
    (page,) = write(tmp_path, rows[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["review-notes.html", "review.html"]
    assert "<a href" not in page


def test_nothing_labelled_is_a_page_too(tmp_path):
    (page,) = write(tmp_path, failure("", "t.csv:2: image: found ''"))
    assert keys(page) == [] and "t.csv:2" in page and "0 labelled, 1 failed" in page


def dump(url, folder):
    """The page after its scripts ran, in a browser; skips where there is none."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no browser: neither chromium nor google-chrome is installed")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    options += ["--disable-background-networking", "--disable-component-update"]
    done = subprocess.run(
        [browser, *options, f"--user-data-dir={folder / 'browser'}", "--dump-dom", url],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


ORDERS = {
    "": ["lesion 10", "lesion 2", "lesion 1"],
    "#sort=key": ["lesion 1", "lesion 2", "lesion 10"],
    "#sort=diameter": ["lesion 2", "lesion 10", "lesion 1"],
    "#sort=difference": ["lesion 1", "lesion 10", "lesion 2"],
    "#sort=nonsense": ["lesion 10", "lesion 2", "lesion 1"],
}


@pytest.fixture(scope="module")
def sorted_pages(tmp_path_factory):
    """{hash: the page after it was opened with it, two steps down and one up}."""
    folder = tmp_path_factory.mktemp("pages")
    rows = [
        row("lesion 1", quality=0.9, long=10.0, given=15.0),
        row("lesion 2", quality=0.5, long=30.0),
        row("lesion 10", quality=0.1, long=20.0, given=18.0),
    ]
    (page,) = write(folder, *rows)
    keystrokes = "".join(
        f'document.dispatchEvent(new KeyboardEvent("keydown", {{ key: "{key}" }}));'
        for key in "kjjk"
    )
    brighter = (
        'const slider = document.getElementById("brightness"); slider.value = 3;'
        'slider.dispatchEvent(new Event("input"));'
    )
    (folder / "review.html").write_text(page + f"<script>{keystrokes}{brighter}</script>")
    return lambda sort: dump(f"file://{folder / 'review.html'}{sort}", folder)


@pytest.mark.parametrize("sort", ORDERS)
def test_a_browser_sorts_the_lesions_and_walks_through_them(sorted_pages, sort):
    page = sorted_pages(sort)
    assert keys(page) == ORDERS[sort]
    (current,) = re.findall('<article[^>]*data-key="([^"]*)"[^>]*class="current"', page)
    assert current == ORDERS[sort][0]
    assert '<body style="--brightness: 3;">' in page
