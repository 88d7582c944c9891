"""Labels as objects of a PACS: written once for a series, again only where a label has changed."""

import csv
import sys

import pydicom
import pytest

from casgan_jax.annotations import read_annotations
from casgan_jax.images import write_png
from casgan_jax.images.scan import open_stack, read_scan
from casgan_jax.labelling.batch import BatchOptions, label_batch
from casgan_jax.labelling.label import LabelOptions
from tests.dicom import images
from tests.faults import fault_of
from tests.labelling import lesions

pytestmark = pytest.mark.slow

RECIST = lesions.cell(lesions.axes(9, (30, 28)))
BOTH = BatchOptions(formats=("png", "dicom", "rtstruct"))
OBJECTS = ("soft_segmentation", "binary_segmentation", "report", "contours")


@pytest.fixture
def label(tmp_path):
    """Labels lesions of three slices of one CT, by default with all objects, without processes."""
    for number in range(3):
        images.write_slice(tmp_path / f"{number}.dcm", number)
    write_png(tmp_path / "a.png", lesions.picture(8, (90, 60)))

    def labelled(*names, options=BOTH, **arguments):
        lines = "".join(f"{name},{RECIST}\n" for name in names)
        (tmp_path / "lesions.csv").write_text(f"image,recist\n{lines}")
        return label_batch(
            read_annotations(tmp_path / "lesions.csv"),
            tmp_path / "out",
            options,
            **{"workers": 0, "progress": False} | arguments,
        )

    return labelled


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("dicom/*/*.dcm")}


def test_a_series_gets_one_set_of_objects_and_the_table_says_where(label, tmp_path):
    batch = label("1.dcm", "0.dcm")
    assert [row["status"] for row in batch.rows] == ["labelled"] * 2
    with batch.table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["segment"] for row in rows] == ["2", "1"]
    out = tmp_path / "out"
    for row in rows:
        assert {(out / row[name]).parent.name for name in OBJECTS} == {
            images.TAGS["SeriesInstanceUID"]
        }
        stack = open_stack(out / row["soft_segmentation"])
        segment = stack.segments[int(row["segment"]) - 1]
        assert segment.name == row["key"]
        png = read_scan(out / row["soft_mask"]).values
        found = segment.volumes[0].read((slice(0, 64), slice(0, 64), slice(0, 1)))[..., 0].T
        assert abs(found * 255 - png).max() <= 1
    assert times(out).keys() == {"soft.dcm", "binary.dcm", "report.dcm", "contours.dcm"}


def test_objects_alone_leave_no_soft_mask_files(label, tmp_path):
    (row,) = label("0.dcm", options=BatchOptions(formats=("dicom",))).rows
    assert "soft_mask" not in row and "contours" not in row and row["report"]
    folders = {path.name for path in (tmp_path / "out").iterdir() if path.is_dir()}
    assert folders == {"dicom", "overlays", "trimaps", "records"}


def test_a_second_sitting_makes_only_what_changed(label, tmp_path):
    label("0.dcm", "1.dcm")
    before = times(tmp_path / "out")
    assert label("0.dcm", "1.dcm").kept == 2
    assert times(tmp_path / "out") == before
    uids = {p.name: pydicom.dcmread(p).SOPInstanceUID for p in tmp_path.glob("out/dicom/*/*.dcm")}
    lower = BatchOptions(formats=BOTH.formats, label=LabelOptions(threshold=0.3))
    label("0.dcm", "1.dcm", options=lower)
    for path in tmp_path.glob("out/dicom/*/*.dcm"):
        assert path.stat().st_mtime_ns > before[path.name]
        assert pydicom.dcmread(path).SOPInstanceUID == uids[path.name]
    next(tmp_path.glob("out/dicom/*/report.dcm")).unlink()
    (row, _) = label("0.dcm", "1.dcm", options=lower).rows
    assert (tmp_path / "out" / row["report"]).is_file()
    before = times(tmp_path / "out")
    next(tmp_path.glob("out/dicom/*/made_of.json")).write_text("{")
    label("0.dcm", "1.dcm", options=lower)
    assert all(time > before[name] for name, time in times(tmp_path / "out").items())


def test_objects_that_are_not_asked_for_any_more_do_not_stay(label, tmp_path):
    label("0.dcm")
    (row,) = label("0.dcm", options=BatchOptions()).rows
    assert not times(tmp_path / "out") and "report" not in row


def test_what_is_no_dicom_image_is_refused_and_the_rest_goes_on(label, tmp_path):
    batch = label("a.png", "0.dcm")
    failed, labelled = batch.rows
    assert "a.png: found an image that is no DICOM file, expected one" in failed["reason"]
    assert labelled["segment"] == 1
    assert not (tmp_path / "out" / "soft_masks" / "a.png").exists()


def test_a_series_that_cannot_be_written_fails_its_lesions_alone(label, tmp_path):
    other = {"SeriesInstanceUID": f"{images.UID}.9", "SOPInstanceUID": f"{images.UID}.10"}
    images.write_slice(tmp_path / "2.dcm", 2, **other)
    blocked = tmp_path / "out" / "dicom" / other["SeriesInstanceUID"]
    blocked.parent.mkdir(parents=True)
    blocked.write_text("no folder")
    (good, bad) = label("0.dcm", "2.dcm").rows
    assert good["status"] == "labelled" and bad["status"] == "failed"
    assert "output: found a file at" in bad["reason"]
    # Nothing is left of it that the row could name, nor what was measured of it.
    assert not {"soft_mask", "trimap", "overlay", "quality", "area_px"} & bad.keys()
    left = {path.stem for path in (tmp_path / "out" / "soft_masks").iterdir()}
    assert left == {good["key"]} == {path.stem for path in (tmp_path / "out" / "records").iterdir()}
    blocked.unlink()
    assert [row["status"] for row in label("0.dcm", "2.dcm").rows] == ["labelled"] * 2


def test_objects_of_lesions_that_fail_now_do_not_stay(label, tmp_path):
    label("0.dcm")
    images.write_slice(tmp_path / "0.dcm", 0, FrameOfReferenceUID=None)
    (row,) = label("0.dcm").rows
    assert "does not say where it lies" in row["reason"]
    assert not times(tmp_path / "out")


def test_a_spacing_that_is_not_the_images_is_refused(label, tmp_path):
    label("0.dcm")
    table = (tmp_path / "lesions.csv").read_text().splitlines()
    (tmp_path / "lesions.csv").write_text(f"{table[0]},spacing_mm\n{table[1]},0.5\n")
    found = read_annotations(tmp_path / "lesions.csv")
    (row,) = label_batch(found, tmp_path / "out", BOTH, workers=0, progress=False).rows
    assert "found spacing_mm (0.5, 0.5) for an image of 0.7,0.8 mm" in row["reason"]


def test_an_image_without_spacing_is_refused(label, tmp_path):
    images.write_slice(tmp_path / "0.dcm", 0, PixelSpacing=None)
    (row,) = label("0.dcm").rows
    assert "an image that does not say where it lies" in row["reason"]


def test_without_highdicom_the_extra_is_named(label, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "highdicom", None)
    error = fault_of(label, "0.dcm")
    assert error.what == "format=dicom" and "casgan_jax[pacs]" in error.remedy
    assert label("0.dcm", options=BatchOptions()).rows[0]["status"] == "labelled"


@pytest.mark.parametrize("formats", [(), ("png", "jpeg")])
def test_formats_that_there_are_not_are_refused(label, formats):
    error = fault_of(label, "0.dcm", options=BatchOptions(formats=formats), told_remedy=False)
    assert error.what == "format" and error.found == ("'jpeg'" if formats else "none")
