"""The page in a real browser: drawn with the mouse, corrected, decided by keys, exported."""

import csv

import numpy as np
import pytest

from casgan_jax.images import read_image
from datasets.phantom.marked_images import write_example
from tests.annotate.browser import Page, served
from tests.labelling import lesions
from tests.shared_data import shared_data

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example")
    write_example(folder, 3, 0)
    return folder


def test_the_phantoms_are_corrected_accepted_and_exported(browser, example, tmp_path):
    with served(example, tmp_path / "out", "--reader=anna") as address:
        page = Page(browser, address)
        assert "token" not in page.tab.url
        assert list(page.rows()) == ["phantom-00", "phantom-01", "phantom-02"]
        assert "mm" in page.tab.locator("#measured").inner_text()
        assert page.tab.locator("#by").input_value() == "matting"  # they are no CT

        recist = page.state("lesion")["recist"]
        start = recist[:2]
        page.drag(start, (start[0] - 1, start[1] + 1), "zoom")
        page.wait_for_state("drawn")
        moved = page.state("lesion")["recist"]
        assert moved[:2] == pytest.approx([start[0] - 1, start[1] + 1], abs=0.2)
        page.press("z")
        page.wait_for_state("new")
        assert page.state("lesion")["recist"] == recist

        area = page.state("lesion")["label"]["area_px"]
        page.press("v")
        page.drag(recist[:2], (recist[0] + 2, recist[1] - 2), "zoom")
        page.wait_for_state("corrected")
        assert page.state("lesion")["label"]["area_px"] < area
        page.press("Control+z")
        page.wait_for_state("new")
        page.press("Control+y")
        page.wait_for_state("corrected")

        page.press("e")
        page.tab.keyboard.type("<img src=x onerror=alert(1)>")
        page.press("Enter")
        page.wait("state.lesion.comment !== ''")
        page.press("a")
        page.wait("state.lesion?.key === 'phantom-01' && state.opened === 'phantom-01'")
        page.press("r")
        page.wait("state.lesion?.key === 'phantom-02' && state.opened === 'phantom-02'")
        page.press("k")
        page.wait("state.lesion?.key === 'phantom-01'")

        page.tab.reload()
        page.wait_for_lesion()
        assert page.state("lesion")["key"] == "phantom-01"
        rows = page.rows()
        assert "accepted" in rows["phantom-00"] and "rejected" in rows["phantom-01"]
        assert page.tab.locator("img").count() == 0
        page.press("E")
        assert page.wait_for_message("written").startswith("1 accepted")
        assert page.faults == []
    mask = read_image(tmp_path / "out" / "anna" / "soft_masks" / "phantom-00.png")
    assert mask.max() == 255
    with (tmp_path / "out" / "anna" / "labels.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["key"] == "phantom-00" and row["status"] == "labelled"


def test_axes_on_a_real_slice_make_a_mask_that_lies_where_they_were_drawn(browser, tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    source = shared_data("dicom", "chest", "19000925-116.dcm")
    with served(source, tmp_path / "out", "--format=nifti") as address:
        page = Page(browser, address)
        key = page.state("lesion")["key"]
        page.press("2")  # soft tissue
        assert page.state("window") == [-160, 240]
        # The vertebra's body, drawn aslant: the short axis turns to a right angle by itself.
        page.drag((213, 262), (250, 266))
        page.drag((230, 245), (240, 280))
        page.wait_for_state("drawn")
        recist = np.reshape(page.state("lesion")["recist"], (2, 2, 2))
        assert recist[0] == pytest.approx(np.array([[213, 262], [250, 266]]), abs=1.0)
        long, short = recist[:, 1] - recist[:, 0]
        assert abs(long @ short) < 1e-2 * np.linalg.norm(long) * np.linalg.norm(short)
        page.press("a")
        page.wait_for_state("accepted")
        page.press("E")
        page.wait_for_message("written")
        assert page.faults == []
    (path,) = (tmp_path / "out" / "reader" / "soft_masks").glob(f"{key}.nii.gz")
    mask, image = sitk.ReadImage(str(path)), sitk.ReadImage(str(source))
    values = sitk.GetArrayFromImage(mask)
    places = np.argwhere(values > 0.5).mean(axis=0)[::-1]
    found = mask.TransformContinuousIndexToPhysicalPoint(places.tolist())
    drawn = image.TransformContinuousIndexToPhysicalPoint([*recist.mean(axis=(0, 1)).tolist(), 0.0])
    assert np.linalg.norm(np.subtract(found, drawn)) < 5  # mm, of a lesion of 33 mm


def test_a_series_is_scrolled_by_wheel_and_keys(browser, tmp_path):
    with served(shared_data("dicom", "head_series"), tmp_path / "out") as address:
        page = Page(browser, address)
        first = page.state("index")
        page.press("ArrowDown", "ArrowDown")
        page.wait(f"state.slice.index === {first + 2}")
        page.tab.mouse.move(*page.screen((250, 250)))
        for _ in range(3):
            page.tab.mouse.wheel(0, -120)
        page.wait(f"state.slice.index < {first + 2}")
        page.press("PageDown", "PageDown", "PageDown")
        page.wait("state.slice.index === 27")
        page.press("c")
        page.tab.mouse.click(*page.screen((256, 250)))
        assert "proposed" in page.wait_for_message() or page.state("lesion")["state"] == "new"
        page.press("l")
        page.wait("state.lesions.length === 2")
        assert page.state("lesion")["key"].endswith("_2")
        assert page.faults == []


def test_all_by_keys(browser, tmp_path):
    lesions.write_image(tmp_path / "a.png", lesions.picture(10, (80, 80)))
    with served(tmp_path / "a.png", tmp_path / "out") as address:
        page = Page(browser, address)
        page.press("x", *["Shift+ArrowLeft"] * 10, "Enter", *["Shift+ArrowRight"] * 20, "Enter")
        page.wait("state.draft?.length === 4")
        page.press(*["Shift+ArrowLeft"] * 10, *["Shift+ArrowUp"] * 10, "Enter")
        page.press(*["Shift+ArrowDown"] * 20, "Enter")
        page.wait_for_state("drawn")
        assert page.state("lesion")["label"]["diameters_px"] == pytest.approx([20, 20], abs=2)
        page.press("b", "Enter", "Shift+ArrowDown", "Shift+ArrowDown", "Enter")
        page.wait_for_state("corrected")
        page.press("?")
        assert page.tab.locator("#keys").is_visible()
        page.press("Escape", "u")
        page.wait_for_state("unsure")
        page.press("u")
        page.wait_for_state("corrected")
        assert page.faults == []


def test_an_outline_and_a_box_by_mouse_and_keys(browser, tmp_path):
    lesions.write_image(tmp_path / "a.png", lesions.picture(10, (80, 80)))
    with served(tmp_path / "a.png", tmp_path / "out") as address:
        page = Page(browser, address)
        page.press("p")
        assert "double click" in page.wait_for_message()
        corners = [(80, 70), (87, 73), (90, 80), (87, 87), (80, 90), (73, 87), (70, 80), (73, 73)]
        page.click((100, 100))
        page.click((60, 60))
        page.press("z", "z")
        assert page.state("shape") is None
        for corner in corners[:-1]:
            page.click(corner)
        page.double_click(corners[-1])
        page.wait_for_state("drawn")
        lesion = page.state("lesion")
        assert lesion["outline"] == pytest.approx(np.ravel(corners), abs=0.5)
        assert lesion["label"]["strategy"] == "mask"
        assert lesion["label"]["diameters_px"] == pytest.approx([20, 20], abs=2)
        page.drag(corners[2], (94, 80))
        page.wait("Math.abs(state.lesion.outline[4] - 94) < 0.5")
        page.press("z")
        page.wait("Math.abs(state.lesion.outline[4] - 90) < 0.5")

        page.press("t")
        assert "GrabCut" in page.wait_for_message()
        page.drag((66, 66), (94, 94))
        page.wait("state.lesion.box")
        assert page.state("lesion")["label"]["diameters_px"] == pytest.approx([20, 20], abs=2.5)
        assert "box, GrabCut" in page.tab.locator("#measured").inner_text()
        page.drag((94, 94), (97, 98))
        page.wait("Math.abs(state.lesion.box[2] - 97) < 0.5")
        page.press("b")
        page.drag((91, 80), (93, 80))
        page.wait_for_state("corrected")
        page.press("a")
        page.wait_for_state("accepted")

        page.press("l")
        page.wait("state.lesion?.key === 'a_2'")
        page.press(
            "p", *["Shift+ArrowUp"] * 9, "Enter", *["Shift+ArrowRight", "Shift+ArrowDown"] * 9
        )
        page.press("Enter", *["Shift+ArrowLeft", "Shift+ArrowDown"] * 9, "Enter")
        page.press(*["Shift+ArrowLeft", "Shift+ArrowUp"] * 9, "Enter", "Enter")
        page.wait_for_state("drawn")
        assert len(page.state("lesion")["outline"]) == 8
        page.press("E")
        page.wait_for_message("1 accepted")
        assert page.faults == []
    with (tmp_path / "out" / "reader" / "labels.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["strategy"], row["status"]) == ("mask", "labelled")


def test_a_second_window_is_told_and_overwrites_nothing(browser, tmp_path):
    lesions.write_image(tmp_path / "a.png", lesions.picture(10, (80, 80)))
    with served(tmp_path / "a.png", tmp_path / "out") as address:
        first, second = Page(browser, address), Page(browser, address)
        first.press("r")
        first.wait_for_state("rejected")
        second.press("u")
        second.wait_for_message("another window")
        second.wait_for_state("rejected")


def test_names_and_texts_of_files_are_shown_as_they_are(browser, tmp_path):
    name = "<img src=x onerror=alert(1)>.png"
    lesions.write_image(tmp_path / name, lesions.picture(10, (80, 80)))
    (tmp_path / "<script>alert(1)<script>.png").write_bytes(b"no image")
    with served(tmp_path, tmp_path / "out") as address:
        page = Page(browser, address)
        assert page.tab.locator("img").count() == 0 and page.tab.locator("script").count() == 1
        page.tab.locator("#rows .row").nth(1).click()
        assert "<script>alert(1)" in page.wait_for_message()


def test_it_fits_1280_by_720_and_a_tablet(browser, example, tmp_path):
    with served(example, tmp_path / "out") as address:
        for size in ((1280, 720), (1024, 768), (820, 1180)):
            page = Page(browser, address, size)
            for name in ("accept", "export", "whole", "zoom", "list", "message"):
                box = page.tab.locator(f"#{name}").bounding_box()
                assert box["x"] >= 0 and box["x"] + box["width"] <= size[0] + 1, name
                assert box["y"] >= 0 and box["y"] + box["height"] <= size[1] + 1, name
            assert page.tab.locator("#whole").bounding_box()["height"] > 300


_MODULES = """async () => {
  const geometry = await import("/page/geometry.js");
  const { contour } = await import("/page/contour.js");
  const axes = [0, 0, 10, 0, 5, -2, 5, 3];
  const turned = geometry.moved(axes, 1, [0, 10], true);
  const free = geometry.moved(axes, 1, [0, 10], false);
  const plane = new Uint8Array(100 * 100);
  for (let y = 0; y < 100; y++)
    for (let x = 0; x < 100; x++)
      plane[100 * y + x] = Math.max(0, Math.min(255, 728 - 20 * Math.hypot(x - 50, y - 50)));
  const pieces = contour(plane, 100, 100, 128);
  const sizes = pieces.map(([x1, y1, x2, y2]) => Math.hypot(x2 - x1, y2 - y1));
  return {
    turned, free, short: geometry.moved(axes, 3, [7, 9], true),
    ordered: geometry.ordered([0, 0, 1, 0, 0, 0, 0, 5], [1, 1]),
    nearest: [geometry.nearestEnd(axes, [9, 1], 2), geometry.nearestEnd(axes, [9, 5], 2)],
    long: geometry.length(axes.slice(0, 4), [2, 0.5]),
    around: sizes.reduce((sum, size) => sum + size, 0),
    radii: pieces.map(([x, y]) => Math.hypot(x - 50, y - 50)),
  };
}"""


def test_geometry_and_contours(browser, example, tmp_path):
    with served(example, tmp_path / "out") as address:
        found = Page(browser, address).tab.evaluate(_MODULES)
    # The long axis was turned by a right angle, and the short one with it.
    assert found["turned"] == pytest.approx([0, 0, 0, 10, 2, 5, -3, 5])
    assert found["free"] == [0, 0, 0, 10, 5, -2, 5, 3]
    assert found["short"] == pytest.approx([0, 0, 10, 0, 5, -2, 5, 9])
    assert found["ordered"] == [0, 0, 0, 5, 0, 0, 1, 0]
    assert found["nearest"] == [1, -1] and found["long"] == 5
    assert found["around"] == pytest.approx(2 * np.pi * 30, rel=0.01)
    assert found["radii"] == pytest.approx([30] * len(found["radii"]), abs=0.1)
