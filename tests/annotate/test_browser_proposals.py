"""Several soft masks of one lesion on the page: the network's, the matted one, the consensus."""

import numpy as np
import pytest

from casgan_jax.annotate.sources import find_sources
from casgan_jax.annotate.store import open_store
from casgan_jax.annotate.workplace import Workplace
from tests.annotate import places
from tests.annotate.browser import Page, served
from tests.dicom import reports
from tests.labelling import lesions
from tests.labelling.studies import axes_px, write_series

pytestmark = pytest.mark.slow

CENTRE, RADIUS = (90, 60), 4  # within the patch of the tiny network
MARK = {
    "slice": 0,
    "recist": [float(one) for one in lesions.axes(RADIUS, CENTRE)],
    "window": places.WINDOW,
}


def accept(place, mark):
    place.act("a", "mark", mark, after=0)
    place.act("a", "decide", {"decision": "accepted"}, after=place.state("a").last)


def test_network_and_consensus_are_compared_and_chosen(browser, marked, tmp_path):
    lesions.write_image(tmp_path / "images" / "a.png", lesions.picture(RADIUS, CENTRE))
    moved = {**MARK, "recist": [one + 0.7 for one in MARK["recist"]]}
    with open_store(tmp_path / "out") as store:
        sources = find_sources(tmp_path / "images", ())
        accept(Workplace(sources, store, reader="ben"), moved)
        anna = Workplace(sources, store, reader="anna")
        anna.act("a", "mark", MARK, after=0)
    options = "--reader=anna", f"--workdir={marked}"
    with served(tmp_path / "images", tmp_path / "out", *options) as address:
        page = Page(browser, address)
        assert page.tab.locator("#proposals").is_visible()
        page.press("h")
        page.wait("state.other?.by === 'network'")
        measured = page.tab.locator("#measured").inner_text()
        assert "network" in measured and "Dice" in measured
        page.press("n")
        page.wait("state.lesion.by === 'network' && state.other?.by === 'matting'")
        assert page.state("lesion")["label"]["strategy"] == "network"
        page.press("z")
        page.wait("state.lesion.by === 'matting'")
        page.tab.locator("#reload").click()
        page.wait_for_message("read again")
        page.tab.locator("#by").select_option("network")
        page.wait("state.lesion.by === 'network'")
        assert "consensus" not in page.tab.locator("#compare").inner_text()
        page.press("a")
        page.wait_for_state("accepted")
        page.tab.locator("#compare").select_option("consensus")
        page.wait("state.other?.by === 'consensus'")
        assert page.faults == []


def test_axes_of_a_report_are_drawn_and_can_be_dragged(browser, tmp_path):
    pytest.importorskip("pydicom")
    series, ends = write_series(tmp_path / "study", 5), axes_px()
    long = reports.length(reports.LONG, 24, reports.coordinates(ends[:2], "1.2.5.4"))
    short = reports.length(reports.SHORT, 24, reports.coordinates(ends[2:], "1.2.5.4"))
    reports.write_report(series / "sr.dcm", reports.group(long, short, name="<b>liver"))
    with served(series, tmp_path / "out") as address:
        page = Page(browser, address)
        lesion = page.state("lesion")
        assert (lesion["slice"], lesion["slices"], lesion["state"]) == (3, 5, "new")
        assert lesion["recist"] == pytest.approx(np.ravel(ends), abs=0.01)
        assert page.tab.locator("#rows b").inner_text() == lesion["key"]
        page.drag(ends[0], (ends[0][0] + 1, ends[0][1]))
        page.wait_for_state("drawn")
        page.press("q")
        page.wait_for_state("new")
        assert page.faults == []
