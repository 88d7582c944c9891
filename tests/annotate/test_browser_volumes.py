"""A whole lesion in a real browser: from two axes, corrected in other slices, exported."""

import csv

import nibabel
import numpy as np
import pytest

from datasets.phantom.dicom_volumes import write_volume_study
from tests.annotate.browser import Page, served
from tests.labelling import lesions
from tests.report.pages import faults_of

pytestmark = pytest.mark.slow

OWN = 25  # slice in which the axes of the second phantom are drawn


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A series of two phantoms without its report: nothing is marked."""
    folder = tmp_path_factory.mktemp("study")
    write_volume_study(folder, 2, 0).unlink()
    return folder


def show(page, index):
    """Scrolls to a slice by keys."""
    steps = index - page.state("index")
    page.press(*["ArrowDown" if steps > 0 else "ArrowUp"] * abs(steps))
    page.wait(f"state.slice.index === {index}")


def make_volume(page):
    """Draws both axes, and makes the volume by its key."""
    show(page, OWN)
    page.press("x")
    page.drag((27, 45), (54, 41))
    page.drag((35, 51), (32, 33))
    page.wait_for_state("drawn")
    page.press("w")
    page.wait("state.volume")
    return page.state("volume")


def tiles(page):
    """{number of the slice, from 1: what the strip says of it}."""
    names = page.tab.locator("#tiles .tile").evaluate_all(
        "all => all.map((one) => one.getAttribute('aria-label'))"
    )
    told = [name.removeprefix("slice ").split(", ") for name in names]
    return {int(number): words for number, *words in told}


def test_a_phantom_is_followed_corrected_accepted_and_exported(browser, study, tmp_path):
    with served(study, tmp_path / "out", "--reader=anna") as address:
        page = Page(browser, address)
        assert page.tab.locator("#volume").is_disabled() and page.tab.locator("#strip").is_hidden()
        first = make_volume(page)
        assert first["marked"] == [OWN] and first["first"] < OWN < first["last"]
        shown = tiles(page)
        assert list(shown) == list(range(first["first"], first["last"] + 3))
        assert "marked" in shown[OWN + 1] and "longest" in shown[first["long_slice"] + 1]
        assert shown[first["first"]] == ["outside"]
        facts = page.tab.locator("#volume-facts").inner_text()
        assert f"{first['volume_mm3']:.0f} mm³" in facts and "no contrast" in facts
        assert faults_of(page.tab) == []

        page.tab.locator(f"#tile-{OWN + 1}").click()
        page.wait(f"state.slice.index === {OWN + 1}")
        page.press("v")
        page.drag((44, 38), (44, 45), "zoom")
        page.wait("state.lesion.beside.length === 1")
        assert page.state("volume")["volume_mm3"] < first["volume_mm3"]
        assert page.state("index") == OWN + 1
        assert "brushed" in tiles(page)[OWN + 2]

        page.tab.locator("#tiles").focus()
        page.press("ArrowLeft", "ArrowLeft", "ArrowLeft")
        page.wait(f"state.slice.index === {OWN - 2}")
        page.press("Delete")
        page.wait("state.lesion.beside.length === 2")
        assert page.state("volume")["first"] == OWN - 1
        assert "as said" in page.tab.locator("#volume-facts").inner_text()
        assert page.tab.locator("#absent").get_attribute("aria-pressed") == "true"
        page.press("z")
        page.wait("state.lesion.beside.length === 1")
        page.press("y")
        page.wait("state.lesion.beside.length === 2")

        show(page, OWN - 1)
        page.press("x")
        page.drag((28, 44), (53, 42))
        page.drag((37, 51), (36, 34))
        page.wait("state.volume?.marked.length === 2")
        assert page.state("lesion")["slice"] == OWN and page.state("index") == OWN - 1
        page.press("a")
        page.wait_for_state("accepted")
        last = page.state("volume")

        page.tab.reload()
        page.wait_for_lesion()
        assert page.state("volume")["volume_mm3"] == last["volume_mm3"]
        page.press("E")
        assert "1 volume" in page.wait_for_message("written")
        assert page.faults == []
    folder = tmp_path / "out" / "anna"
    with (folder / "volumes.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["volume_mm3"]) == pytest.approx(last["volume_mm3"], abs=0.01)
    assert row["corrected_slices"] == f"{OWN - 2},{OWN + 1}"
    alpha = np.asarray(nibabel.load(folder / row["soft_mask"]).dataobj)
    assert not alpha[..., : OWN - 1].any() and alpha[..., OWN].any()
    assert (folder / "volumes.html").is_file() and (folder / row["sheet"]).is_file()


def test_a_lesion_with_a_volume_is_changed_in_one_of_two_windows(browser, study, tmp_path):
    with served(study, tmp_path / "out") as address:
        first = Page(browser, address)
        make_volume(first)
        second = Page(browser, address)
        second.wait("state.volume")
        show(first, OWN + 2)
        first.press("Delete")
        first.wait("state.lesion.beside.length === 1")
        show(second, OWN + 2)
        second.press("b")
        second.click((44, 44))
        second.wait_for_message("another window")
        second.wait("state.lesion.beside.length === 1")
        assert second.state("volume") == first.state("volume")
        first.press("w")
        first.wait("!state.volume")
        assert first.tab.locator("#strip").is_hidden() and first.faults == []


def test_an_image_that_is_no_volume_is_told_in_a_line(browser, tmp_path):
    lesions.write_image(tmp_path / "a.png", lesions.picture(10, (80, 80)))
    with served(tmp_path / "a.png", tmp_path / "out") as address:
        page = Page(browser, address)
        page.press("w")
        page.wait_for_message("mark the lesion first")
        page.drag((70, 80), (90, 80))
        page.drag((80, 70), (80, 90))
        page.wait_for_state("drawn")
        assert page.tab.locator("#volume").is_disabled()
        page.press("w")
        page.wait_for_message("does not say where its slices lie")
        assert page.state("lesion")["state"] == "drawn"


def test_the_strip_fits_and_can_be_read(browser, study, tmp_path):
    with served(study, tmp_path / "out") as address:
        for size in ((1280, 720), (820, 1180)):
            page = Page(browser, address, size)
            if not page.state("volume"):
                make_volume(page)
            for name in ("strip", "accept", "whole", "absent", "message"):
                box = page.tab.locator(f"#{name}").bounding_box()
                assert box["x"] >= 0 and box["x"] + box["width"] <= size[0] + 1, name
                assert box["y"] >= 0 and box["y"] + box["height"] <= size[1] + 1, name
            assert page.tab.locator("#whole").bounding_box()["height"] > 240
