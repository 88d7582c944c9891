"""What a folder, a file or a table has to annotate, and what is never read."""

import numpy as np
import pytest

from casgan_jax.annotate.describe import described_lesion
from casgan_jax.annotate.sources import find_sources, key_of
from casgan_jax.annotate.store import open_store
from casgan_jax.annotate.workplace import Workplace
from casgan_jax.images.scan import NOT_DICOM
from tests.annotate.places import write_images, write_table
from tests.dicom import reports
from tests.faults import fault_of
from tests.labelling import lesions
from tests.labelling.studies import FRAME, SPACING, axes_px, to_patient, write_series
from tests.shared_data import shared_data


def test_images_of_a_folder_are_lesions_without_marks(tmp_path):
    write_images(tmp_path / "deep" / "er")
    np.save(tmp_path / "array.npy", np.zeros((8, 8), np.float32))
    (tmp_path / "notes.txt").write_text("no image")
    found = find_sources(tmp_path, ())
    assert list(found.items) == ["array", "deep_er_image-0", "deep_er_image-1"]
    assert all(item.given is None for item in found.items.values())
    assert found.items["deep_er_image-1"].picture.title == "deep/er/image-1.png"
    assert found.failures == ()


def test_files_of_every_format_that_is_read_are_found(tmp_path):
    for suffix in NOT_DICOM:
        (tmp_path / f"image-{suffix[1:]}{suffix.upper()}").touch()
    names = {f"image-{suffix[1:]}" for suffix in NOT_DICOM}
    assert {".png", ".nhdr", ".pgm"} < set(NOT_DICOM)
    assert set(find_sources(tmp_path, ()).items) == names


def test_a_table_in_a_folder_is_taken(tmp_path):
    found = find_sources(write_table(tmp_path), ())
    assert list(found.items) == ["a", "b", "c"]
    assert found.items["b"].given.mask == tmp_path / "mask.png"


def test_one_image(tmp_path):
    write_images(tmp_path)
    assert list(find_sources(tmp_path / "image-1.png", ()).items) == ["image-1"]


def test_files_of_one_name_keep_keys_of_their_own(tmp_path):
    for name in ("a_b/c.png", "a/b_c.png"):
        lesions.write_image(tmp_path / name, lesions.picture(5, (80, 80)))
    assert list(find_sources(tmp_path, ()).items) == ["a_b_c_1", "a_b_c_2"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("<img src=x>.png", "_img_src=x_"),
        ("a\nb\u202e.png", "a_b_"),
        (".png", "image"),
        ("x" * 400 + ".nii.gz", "x" * 150),
    ],
)
def test_keys_do_as_names_of_files(name, key):
    assert key_of(name) == key


def test_nothing_outside_is_read(tmp_path):
    outside = write_images(tmp_path / "outside")
    inside = write_images(tmp_path / "inside", 1)
    (inside / "link.png").symlink_to(outside / "image-0.png")
    (inside / "folder").symlink_to(outside)
    found = find_sources(inside, ())
    assert list(found.items) == ["image-0"]
    assert any("link.png: found a path out of the folder" in line for line in found.failures)


@pytest.mark.parametrize("image", ["../outside/image-0.png", "{root}/outside/image-0.png", "link"])
def test_a_table_names_nothing_outside_but_what_is_allowed(tmp_path, image):
    write_images(tmp_path / "outside")
    table = tmp_path / "inside" / "lesions.csv"
    table.parent.mkdir()
    (table.parent / "link").symlink_to(tmp_path / "outside" / "image-0.png")
    axes = lesions.cell(lesions.axes(8, (90, 60)))
    table.write_text(f"image,recist\n{image.format(root=tmp_path)},{axes}\n")
    assert fault_of(find_sources, table, ()).what.endswith("/lesions.csv")
    assert len(find_sources(table, [tmp_path / "outside"]).items) == 1


def test_a_file_that_became_a_link_is_not_read(tmp_path):
    write_images(tmp_path / "outside")
    inside = write_images(tmp_path / "inside", 1)
    (item,) = find_sources(inside, ()).items.values()
    (inside / "image-0.png").unlink()
    (inside / "image-0.png").symlink_to(tmp_path / "outside" / "image-0.png")
    assert fault_of(item.picture.open).what.endswith("/image-0.png")


def test_an_empty_folder_and_a_missing_one(tmp_path):
    assert fault_of(find_sources, tmp_path, ()).what == str(tmp_path)
    assert fault_of(find_sources, tmp_path / "gone", ()).what.endswith("/gone")


def test_series_of_real_studies_and_what_is_damaged_beside_them():
    found = find_sources(shared_data("dicom"), ())
    assert any(item.picture.series for item in found.items.values())
    names = " ".join(found.items)
    assert "chest" in names and "head_series" in names
    assert "liver_seg" not in names and "sr" not in names.split("_")


def test_the_slices_of_a_series_are_one_lesion_in_their_order():
    (item,) = find_sources(shared_data("dicom", "head_series"), ()).items.values()
    assert item.picture.open().count == 28
    path, index = item.picture.place(5, 28)
    assert path.parent.name == "head_series" and index is None


@pytest.mark.slow
def test_what_a_report_measures_on_a_series_is_in_the_list_with_its_axes(tmp_path):
    (tmp_path / "studies").mkdir()
    series = write_series(tmp_path / "studies" / "one", 5)
    write_series(tmp_path / "studies" / "two", 3, uid="1.2.6", FrameOfReferenceUID="1.2.99")
    ends = axes_px()
    long = reports.length(reports.LONG, 24, reports.coordinates(ends[:2], "1.2.5.4"))
    short = reports.length(reports.SHORT, 24, reports.coordinates(ends[2:], "1.2.5.4"))
    spatial = to_patient(ends, 2.0)
    far = [reports.coordinates(part, FRAME) for part in (spatial[:2], spatial[2:])]
    reports.write_report(
        series / "sr.dcm",
        reports.group(long, short, name="liver"),
        reports.group(
            reports.length(reports.LONG, 24, far[0]),
            reports.length(reports.SHORT, 24, far[1]),
            name="spatial",
        ),
        reports.group(
            reports.length(reports.LONG, 24, reports.coordinates(ends[:2], "9.9")), name="gone"
        ),
    )
    found = find_sources(tmp_path / "studies", ())
    assert set(found.items) == {"liver", "spatial", "two_series_6"}
    assert any("gone" in line and "not there" in line for line in found.failures)
    with open_store(tmp_path / "out") as store:
        place = Workplace(found, store, reader="anna")
        for key, index in (("liver", 3), ("spatial", 1)):
            told = described_lesion(place, key)
            assert (told["slice"], told["slices"], told["given"]) == (index, 5, True)
            assert told["recist"] == pytest.approx(np.ravel(ends), abs=0.01)
            assert told["label"]["given_mm"] == pytest.approx([24, 24], abs=0.1)
        assert described_lesion(place, "two_series_6")["label"] is None
        added = place.add(found.items["liver"].picture.name)
        assert added == "liver_2"


@pytest.mark.slow
def test_axes_of_a_table_in_mm_and_in_the_patient_are_shown_in_pixels(tmp_path):
    write_series(tmp_path / "ct", 4)
    ends, (row, column) = axes_px(), SPACING
    in_mm = lesions.cell(np.ravel(ends * (column, row)))
    in_patient = to_patient(ends, 4.0)
    lps, ras = (lesions.cell(np.ravel(in_patient * signs)) for signs in ((1, 1, 1), (-1, -1, 1)))
    lines = [f"mm,ct,1,{in_mm},mm", f"lps,ct,,{lps},lps", f"ras,ct,,{ras},ras"]
    table = tmp_path / "lesions.csv"
    table.write_text("\n".join(["key,image,slice,recist,recist_units", *lines, ""]))
    with open_store(tmp_path / "out") as store:
        place = Workplace(find_sources(table, ()), store, reader="anna")
        for key, index in (("mm", 1), ("lps", 2), ("ras", 2)):
            told = described_lesion(place, key)
            assert told["trouble"] == "" and told["slice"] == index and told["slices"] == 4
            assert told["recist"] == pytest.approx(np.ravel(ends), abs=0.02)
            body = {"slice": index, "recist": told["recist"], "window": [-1000, 400]}
            place.act(key, "mark", body, after=0)
            assert described_lesion(place, key)["recist"] == told["recist"]


def test_nothing_is_measured_by_a_report_outside(tmp_path):
    (tmp_path / "studies").mkdir()
    series = write_series(tmp_path / "studies" / "one", 2)
    ends = axes_px()
    long = reports.length(reports.LONG, 24, reports.coordinates(ends[:2], "1.2.5.1"))
    (tmp_path / "outside").mkdir()
    reports.write_report(tmp_path / "outside" / "sr.dcm", reports.group(long, name="liver"))
    (series / "sr.dcm").symlink_to(tmp_path / "outside" / "sr.dcm")
    found = find_sources(tmp_path / "studies", ())
    assert list(found.items) == ["one_series_5"]
    assert any("a path out of the folder" in line for line in found.failures)


def test_a_damaged_study_leaves_the_others(tmp_path):
    source = shared_data("dicom", "chest", "19000925-116.dcm").read_bytes()
    for name, data in (("good", source), ("bad", source[:3000])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.dcm").write_bytes(data)
    found = find_sources(tmp_path, ())
    assert len(found.items) >= 1 and any("good" in key for key in found.items)
