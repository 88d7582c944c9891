"""The page to review labels on: complete, self-contained, worst first, and used in a browser."""

import base64
import re

import cv2
import numpy as np
import pytest
from markupsafe import escape

from casgan_jax.grid import encode_alpha
from casgan_jax.labelling import review
from casgan_jax.labelling.review import review_pages, tiles, write_review
from casgan_jax.report import paging
from tests.annotate.browser import opened_browser
from tests.elements import parse
from tests.labelling import lesions
from tests.labelling.labels import CENTRE, RADIUS, made_label
from tests.report.pages import faults_of, opened_page

LABEL = made_label(given_axes=lesions.axes(RADIUS, CENTRE))
WHOLE = np.full((60, 90), 40.0, np.float32)  # values of the image that the label is of
TILES = tiles(LABEL, WHOLE)


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


def articles(page):
    return parse(page).all("article")


def keys(page):
    return [lesion.attributes["data-key"] for lesion in articles(page)]


def facts(lesion):
    """What is said of a lesion."""
    return [part.text for part in lesion.one("p").content if part.tag == "span"]


def test_the_worst_comes_first_and_failures_above(tmp_path):
    (page,) = write(
        tmp_path, row("b", 0.9), failure("x", "no such file"), row("c", 0.2), row("a", 0.9)
    )
    assert keys(page) == ["c", "a", "b"]
    assert "3 labelled, 1 failed" in page
    (line,) = list(parse(page).with_id("failures").one("table").rows().items())[1:]
    assert line[0] == "x" and [cell.text for cell in line[1]] == ["no such file"]
    assert page.index("no such file") < page.index("<article")


def test_a_page_needs_nothing_else(tmp_path):
    (page,) = write(tmp_path, row("a"))
    found = [
        one.attributes.get(name) for one in parse(page).all() for name in ("src", "href", "action")
    ]
    sources = [address for address in found if address]
    assert len(sources) == 5 and all(s.startswith("data:image/") for s in sources)
    assert not re.search(r"https?:|url\(|@import", page)
    (policy,) = [one for one in parse(page).all("meta") if "http-equiv" in one.attributes]
    assert policy.attributes["content"].startswith("default-src 'none'; img-src data:;")


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
    assert TILES["measured"] == TILES["given"]  # as they were made for this label
    assert TILES["slice_size"] == "90 60" and TILES["box"] == "0 0 40 40"
    data = np.frombuffer(base64.b64decode(TILES["slice"]), np.uint8)
    whole = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    assert whole.shape == (60, 90) and abs(int(whole[30, 45]) - 40) <= 2


def test_outlines_and_slice_are_drawn_with_bars(tmp_path):
    (page,) = write(tmp_path, row("a", spacing_mm="0.7,0.5"))
    whole, outlines, image, *others = articles(page)[0].all("figure")
    assert [figure.one("figcaption").text for figure in (whole, outlines, image, *others)] == [
        *("whole slice", "outlines", "image", "soft mask", "trimap")
    ]
    frame = whole.one("rect", "crop").attributes
    assert [frame[name] for name in ("x", "y", "width", "height")] == ["0", "0", "40", "40"]
    assert whole.one("svg").attributes["viewbox"] == "0 0 90 60"
    paths = {path.classes[0]: path.attributes["d"] for path in outlines.all("path")}
    assert paths == {kind: TILES[kind] for kind in ("given", "measured", "found")}
    bars = [figure.one("span", "bar") for figure in (whole, outlines, image)]
    # 10 mm are 20 of 90 pixels along a row, 5 mm are 10 of 40.
    assert [bar.text for bar in bars] == ["10 mm", "5 mm", "5 mm"]
    assert [bar.attributes["style"] for bar in bars] == [
        *("width: 22.22%", "width: 25.00%", "width: 25.00%")
    ]
    assert not any(figure.all("span", "bar") for figure in others)


def test_labels_of_an_earlier_version_are_shown_without_a_slice(tmp_path):
    new = ("slice", "slice_size", "box", "measured")
    old = {name: value for name, value in TILES.items() if name not in new}
    write_review(tmp_path, [row("a")], lambda _: old)
    (lesion,) = articles((tmp_path / "review.html").read_text())
    assert len(lesion.all("figure")) == 4 and not lesion.all("rect")
    assert lesion.all("span", "bar")[0].text == "10 px"


def test_readers_have_a_picture_of_their_spread(tmp_path):
    masks = np.stack([lesions.disc(radius, CENTRE, size=40) for radius in (7, 9)], axis=2)
    made = tiles(made_label(masks=masks), WHOLE)
    write_review(tmp_path, [row("a", strategy="readers", readers=2)], lambda _: made)
    (lesion,) = articles((tmp_path / "review.html").read_text())
    assert len(lesion.all("figure")) == 6 and "from 2 readers" in facts(lesion)
    data = np.frombuffer(base64.b64decode(made["spread"]), np.uint8)
    spread = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(spread, np.where(masks.sum(axis=2) == 1, 255, 0))


def test_large_lesions_have_small_pictures():
    made = tiles(made_label(side=700), np.full((700, 900), np.nan, np.float32))
    data = np.frombuffer(base64.b64decode(made["alpha"]), np.uint8)
    assert max(cv2.imdecode(data, cv2.IMREAD_UNCHANGED).shape) == 320
    assert made["size"] == "700 700" and made["slice_size"] == "900 700"
    data = np.frombuffer(base64.b64decode(made["slice"]), np.uint8)
    assert cv2.imdecode(data, cv2.IMREAD_UNCHANGED).shape == (249, 320)


def test_sizes_are_in_mm_where_these_are_known(tmp_path):
    sizes = {"long_mm": 8.0, "short_mm": 5.0, "given_long_mm": 9.5, "given_short_mm": 4.5}
    (page,) = write(
        tmp_path,
        row("a", given=19.0, area_mm2=30.04, unit="HU", **sizes),
        row("b", long=16.0, given=13.0),
        row("c"),
    )
    a, b, c = articles(page)
    assert "8.0 x 5.0 mm" in facts(a) and "given 9.5 x 4.5, difference -1.5" in facts(a)
    assert "area 30.0 mm\N{SUPERSCRIPT TWO}" in facts(a) and "window 0,255 HU" in facts(a)
    assert a.attributes["data-difference"] == "1.5" and a.attributes["data-diameter"] == "8"
    assert "16.0 x 10.0 px" in facts(b) and "area 120.0 px" in facts(b)
    assert "given 13.0 x 9.0, difference +3.0" in facts(b)
    assert c.attributes["data-difference"] == "" and "given" not in c.one("p").text


def test_how_many_have_several_readers_is_said(tmp_path):
    some = [row(f"{k}", strategy="readers", readers=4 if k else 2) for k in range(3)]
    (page,) = write(tmp_path, *some, row("mask", strategy="mask", readers=1), row("axes"))
    assert parse(page).one("header").all("p")[0].text == (
        "5 labelled, 0 failed; 2 of 5 lesions have four readers, 1 has two"
    )


@pytest.mark.parametrize(
    "text", ['<script>alert("x")</script>', "a' onclick='b", "&lt;{{ links }}"]
)
def test_text_of_the_user_stays_text(tmp_path, text):
    (page,) = write(tmp_path, row(text), failure(text, text))
    (plain,) = write(tmp_path, row("plain"), failure("plain", "plain"))
    assert keys(page) == [text]
    assert page == plain.replace("plain", escape(text))


def test_many_lesions_fill_several_pages_and_old_ones_go(tmp_path, monkeypatch):
    rows = [row(f"lesion {k}", quality=k / 10) for k in range(5)] + [failure("x", "why")]
    article = len(review._article(rows[0], TILES))
    monkeypatch.setattr(paging, "_LARGEST_PAGE", 2 * article + 100)
    first, second, third = write(tmp_path, *rows)
    assert [keys(page) for page in (first, second, third)] == [
        ["lesion 0", "lesion 1"],
        ["lesion 2", "lesion 3"],
        ["lesion 4"],
    ]
    assert "lesions 3 to 4 on this page" in second
    assert "why" in first and "why" not in second + third
    links = parse(second).one("nav").all("a")
    assert [one.attributes["href"] for one in links] == ["review.html", "review-3.html"]
    (tmp_path / "review-notes.html").write_text("of the user")
    (page,) = write(tmp_path, rows[0])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["review-notes.html", "review.html"]
    assert not parse(page).all("a")


def test_nothing_labelled_is_a_page_too(tmp_path):
    (page,) = write(tmp_path, failure("", "t.csv:2: image: found ''"))
    assert keys(page) == [] and "t.csv:2" in page and "0 labelled, 1 failed" in page


ORDERS = {
    "": ["lesion 10", "lesion 2", "lesion 1"],
    "#sort=key": ["lesion 1", "lesion 2", "lesion 10"],
    "#sort=diameter": ["lesion 2", "lesion 10", "lesion 1"],
    "#sort=difference": ["lesion 1", "lesion 10", "lesion 2"],
    "#sort=nonsense": ["lesion 10", "lesion 2", "lesion 1"],
}


@pytest.fixture(scope="module")
def browser():
    with opened_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three lesions, and one that failed."""
    folder = tmp_path_factory.mktemp("pages")
    rows = [
        row("lesion 1", quality=0.9, long=10.0, given=15.0),
        row("lesion 2", quality=0.5, long=30.0),
        row("lesion 10", quality=0.1, long=20.0, given=18.0),
        failure("lesion 3", "no such file"),
    ]
    write(folder, *rows)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("sort", ORDERS)
def test_a_browser_sorts_the_lesions_and_walks_through_them(browser, folder, sort):
    with opened_page(browser, folder / "review.html", suffix=sort) as page:
        shown = page.locator("article").evaluate_all("all => all.map((one) => one.dataset.key)")
        assert shown == ORDERS[sort]
        for key in "kjjk":
            page.keyboard.press(key)
        assert page.locator("article[aria-current]").get_attribute("data-key") == ORDERS[sort][0]
        assert page.evaluate("document.activeElement.dataset.key") == ORDERS[sort][0]


def test_brightness_is_that_of_all_sources(browser, folder):
    with opened_page(browser, folder / "review.html") as page:
        page.get_by_label("brightness").fill("3")
        filters = page.locator(".source").evaluate_all(
            "all => all.map((one) => getComputedStyle(one).filter)"
        )
        assert len(filters) == 9 and set(filters) == {"brightness(3) contrast(1)"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(browser, folder, scheme):
    with opened_page(browser, folder / "review.html", scheme=scheme) as page:
        assert faults_of(page) == []


@pytest.mark.parametrize("width", [1240, 800, 400])
def test_nothing_is_wider_than_the_window(browser, folder, width):
    with opened_page(browser, folder / "review.html", width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width
