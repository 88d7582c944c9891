"""The report of an experiment in a browser: sorted, told, folded, printed; and for everyone."""

import dataclasses

import pytest

from casgan_jax.report.experiment import write_report
from casgan_jax.report.results import Heading, Value
from tests.annotate.browser import opened_browser
from tests.report.pages import faults_of, opened_page
from tests.report.test_experiment import against, results, row, unmeasured, value

FIGURES = ("Dice", "IoU", "ACC", "soft MAE", "soft MAE, true alpha", "gradient error, true alpha")
WIDE = tuple(Heading(name, name, 4, index < 3) for index, name in enumerate(FIGURES))


@pytest.fixture(scope="module")
def browser():
    with opened_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A report with the most columns of any experiment, and each kind of row."""
    folder = tmp_path_factory.mktemp("report")

    def wide(name, shift, **more):
        values = {name: Value(0.5 + shift, 0.4 + shift, 0.6 + shift, (0.5,)) for name in FIGURES}
        return row(name, values=values, paper={"Dice": 0.8, "IoU": 0.7, "ACC": 0.9}, **more)

    compared = {name: against(0.0123, 0.0023, 0.0223) for name in FIGURES}
    rows = [
        wide("U-Net", 0.01, reason="every mask is empty"),
        wide("DeepLabv3+", 0.2, parameters=None, inference_images_per_second=1234.5),
        wide("CasGAN, without SR", 0.1, group="casgan", against=compared),
        unmeasured("SegNet", "failed", "step 12: found generator = nan, expected a finite loss"),
        unmeasured("CE-Net", "not run", "", paper={"Dice": 0.91}),
    ]
    write_report(results(*rows, columns=WIDE), folder)
    return folder / "report.html"


def order(page):
    """Names of the first table's rows as they stand."""
    names = page.locator("table").first.locator("tbody th").all_inner_texts()
    return [name.split("\n")[0] for name in names]


def test_a_click_sorts_and_another_turns_it_round(browser, path):
    with opened_page(browser, path) as page:
        heads = page.locator("table").first.locator("thead th")
        dice, system = heads.nth(1), heads.nth(0)
        dice.locator("button").click()
        assert dice.get_attribute("aria-sort") == "descending"
        assert order(page) == ["DeepLabv3+", "CasGAN, without SR", "U-Net"]
        dice.locator("button").click()
        assert dice.get_attribute("aria-sort") == "ascending"
        assert order(page) == ["U-Net", "CasGAN, without SR", "DeepLabv3+"]
        system.locator("button").click()
        assert dice.get_attribute("aria-sort") is None
        assert order(page) == ["CasGAN, without SR", "DeepLabv3+", "U-Net"]


def test_the_keyboard_sorts_and_what_is_missing_comes_last(browser, path):
    with opened_page(browser, path) as page:
        heads = page.locator("table").first.locator("thead th")
        parameters = heads.last
        assert parameters.inner_text() == "parameters"
        parameters.locator("button").focus()
        for key, state in (("Enter", "ascending"), ("Space", "descending")):
            page.keyboard.press(key)
            assert parameters.get_attribute("aria-sort") == state
            assert order(page)[-1] == "DeepLabv3+"


def test_words_are_told_on_hover_and_on_focus_until_escape(browser, path):
    with opened_page(browser, path) as page:
        tip = page.locator("#tip")
        assert tip.is_hidden()
        iou = page.get_by_role("button", name="IoU").first
        iou.hover()
        assert tip.inner_text().startswith("IoU: intersection over union")
        box = tip.bounding_box()
        tip.hover()
        assert tip.is_visible(), "it can be read with the mouse on it"
        page.mouse.move(5, 5)
        assert tip.is_hidden()
        page.get_by_role("button", name="gradient error, true alpha").first.focus()
        lines = tip.inner_text().split("\n")
        assert [line.split(":")[0] for line in lines if line] == ["gradient error", "true alpha"]
        page.keyboard.press("Escape")
        assert tip.is_hidden()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 1240


def test_no_column_is_out_of_sight(browser, path):
    with opened_page(browser, path) as page:
        wide = "all => all.map((one) => one.scrollWidth - one.clientWidth)"
        assert set(page.locator(".wide:visible").evaluate_all(wide)) == {0}
        assert page.locator("table").first.locator("thead th").count() == 11


@pytest.mark.parametrize("width", [800, 400])
def test_a_narrow_window_scrolls_tables_alone(browser, path, width):
    with opened_page(browser, path, width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_what_was_not_run_is_folded_away_but_printed(browser, path):
    with opened_page(browser, path) as page:
        cell = page.get_by_role("rowheader", name="CE-Net", include_hidden=True)
        assert cell.is_hidden()
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert cell.is_visible()
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert cell.is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible(browser, path, scheme):
    with opened_page(browser, path, scheme=scheme) as page:
        page.locator("details").evaluate_all("all => { for (const one of all) one.open = true; }")
        assert faults_of(page) == []


def test_readers_and_network_fit_a_page(browser, tmp_path):
    names = ["Dice, consensus", *(f"reader {i}" for i in range(1, 5)), "a reader, other three"]
    columns = tuple(Heading(name, name, 3, True) for name in (*names, "Dice, consensus, 128/255"))
    figures = {column.key: value(0.8123) for column in columns}
    paper = {column.key: 0.8 for column in columns}
    rows = [row(name, values=figures, paper=paper) for name in ("U-Net", "CasGAN, soft")]
    write_report(dataclasses.replace(results(*rows), columns=columns), tmp_path)
    with opened_page(browser, tmp_path / "report.html") as page:
        wide = page.locator(".wide").first
        assert wide.evaluate("one => one.scrollWidth - one.clientWidth") == 0
