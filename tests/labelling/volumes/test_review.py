"""The page of labelled volumes: complete, self-contained, and what hangs on the threshold first."""

import numpy as np
import pytest
from markupsafe import escape

from casgan_jax.images import write_png
from casgan_jax.labelling.volumes.batch import review_volumes
from casgan_jax.labelling.volumes.review import volume_pages, write_volume_review
from casgan_jax.report import paging
from tests.annotate.browser import opened_browser
from tests.elements import parse
from tests.report.pages import faults_of, opened_page


def row(key, soft=1000.0, hard=950.0, **more):
    """A row of a labelled lesion."""
    return {
        "key": key,
        "status": "labelled",
        "volume_mm3": soft,
        "hard_volume_mm3": hard,
        "volume_difference_mm3": soft - hard,
        "long_mm": 14.2,
        "short_mm": 9.1,
        "long_slice": 7,
        "first_slice": 4,
        "last_slice": 9,
        "mean": 31.4,
        "unit": "HU",
        "window": "-1350,150",
        "sheet": "sheet.png",
        **more,
    }


def write(folder, *rows):
    """The text of each page of the rows."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    write_png(folder / "sheet.png", noise)
    pages = write_volume_review(folder, rows)
    assert pages == volume_pages(folder)
    return [page.read_text(encoding="utf-8") for page in pages]


def keys(page):
    return [lesion.attributes["data-key"] for lesion in parse(page).all("article")]


def test_what_hangs_on_the_threshold_comes_first_and_failures_above(tmp_path):
    rows = [
        row("sure"),
        row("unsure", hard=1400.0),
        {"key": "x", "status": "failed", "reason": "y"},
    ]
    (page,) = write(tmp_path, *rows)
    assert keys(page) == ["unsure", "sure"]
    assert "2 labelled, 1 failed" in page
    assert page.index("<td>y</td>") < page.index("<article")


def test_a_lesion_has_its_sizes_and_what_was_given(tmp_path):
    given = {"given_long_mm": 12.9, "given_slice": 6, "note": "ends at a gap"}
    (page,) = write(tmp_path, row("a", **given), row("b"))
    first, second = parse(page).all("article")
    text = first.text
    for told in (
        "1000 mm",
        "14.2 x 9.1 mm in slice 7",
        "slices 4 to 9",
        "given 12.9 mm in slice 6",
    ):
        assert told in text
    assert "ends at a gap" in text and "given" not in second.text


def test_text_of_the_user_stays_text(tmp_path):
    text = '<script>alert("x")</script>'
    (page,) = write(
        tmp_path, row(text, note=text), {"key": text, "status": "failed", "reason": text}
    )
    (plain,) = write(
        tmp_path,
        row("plain", note="plain"),
        {"key": "plain", "status": "failed", "reason": "plain"},
    )
    assert page == plain.replace("plain", escape(text))


def test_many_lesions_fill_several_pages(tmp_path, monkeypatch):
    (page,) = write(tmp_path, row("a"))
    article = len(page[page.index("<article") : page.index("</article>")])
    monkeypatch.setattr(paging, "_LARGEST_PAGE", 2 * article + 200)
    first, second = write(tmp_path, *(row(f"lesion {k}") for k in range(3)))
    assert (keys(first), keys(second)) == (["lesion 0", "lesion 1"], ["lesion 2"])
    assert "lesions 3 to 3 on this page" in second


def test_a_folder_without_volumes_has_no_page(tmp_path):
    assert review_volumes(tmp_path) == []


@pytest.mark.slow
def test_in_a_browser(tmp_path):
    write(tmp_path, row("b", soft=900.0), row("a", hard=1200.0), row("c", soft=2000.0, hard=1990.0))
    with opened_browser() as browser:
        for width in (390, 1240):
            with opened_page(browser, tmp_path / "volumes.html", width=width) as page:
                assert faults_of(page) == []
                page.locator("#sort").select_option("volume")
                shown = page.eval_on_selector_all("article", "all => all.map(a => a.dataset.key)")
                assert shown == ["c", "a", "b"]
