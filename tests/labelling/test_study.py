"""Study folders: what is in them, and lesions of reports, segmentations and contours."""

import csv
import dataclasses
import io
import json

import numpy as np
import pydicom
import pytest

from casgan_jax.annotations import Annotation, read_annotations
from casgan_jax.labelling.batch import BatchOptions, label_batch
from casgan_jax.labelling.lesion import read_lesion
from casgan_jax.labelling.listing import as_table, contents_of
from casgan_jax.labelling.study import read_study
from casgan_jax.labelling.study_lesions import study_lesions
from tests.dicom import published, reports
from tests.dicom.reports import LENGTH, LONG, SHORT
from tests.faults import fault_of
from tests.images.scans import HU, write_dicom
from tests.images.segmentations import frame_group, write_segmentation
from tests.labelling.studies import (
    CENTRE,
    FRAME,
    RADIUS,
    SIZE,
    SPACING,
    axes_px,
    pixels,
    to_patient,
    write_series,
)
from tests.shared_data import shared_data

AXES = axes_px()
DISC = np.hypot(*(np.mgrid[:SIZE, :SIZE][::-1] - np.reshape(CENTRE, (2, 1, 1)))) <= 10


def measured(image, ends=AXES, **options):
    """A group of both axes on an image, or in a frame of reference."""
    long = reports.length(LONG, 24, reports.coordinates(ends[:2], image))
    short = reports.length(SHORT, 24, reports.coordinates(ends[2:], image))
    return reports.group(long, short, **options)


@pytest.fixture
def study(tmp_path):
    return write_series(tmp_path / "study", 5, skip=(2,))


def label(folder, output, **options):
    """The rows of labels.csv of a study."""
    annotations = study_lesions(read_study(folder), **options)
    batch = label_batch(annotations, output, BatchOptions(), workers=0, progress=False)
    return list(csv.DictReader(io.StringIO(batch.table.read_text())))


@pytest.mark.slow
def test_a_report_is_labelled_on_its_images(study, tmp_path):
    alone = reports.group(reports.length(LENGTH, None, reports.coordinates(AXES[:2], "1.2.5.2")))
    spatial = measured(FRAME, to_patient(AXES, 6.3), name="spatial")
    reports.write_report(
        study / "sr.dcm",
        measured("1.2.5.1", name="one"),
        spatial,
        alone,
        measured("9.9.9", name="gone"),
    )
    rows = {row["key"]: row for row in label(study, tmp_path / "out")}
    assert set(rows) == {"one", "spatial", "sr", "gone"}
    assert "a measurement on the image 9.9.9, which is not there" in rows["gone"]["reason"]
    for name, image in (("one", "1.2.5-0"), ("spatial", "1.2.5-3"), ("sr", "1.2.5-1")):
        row = rows[name]
        assert (row["status"], row["patient"]) == ("labelled", "P1") and image in row["image"]
        assert float(row["long_mm"]) == pytest.approx(2 * RADIUS, abs=1)
        assert "measured in sr.dcm" in row["note"]
        assert "4 mm instead of 2 between 1.2.5-1.dcm and 1.2.5-3.dcm" in row["note"]
    assert "labelled as a circle" in rows["sr"]["note"] and not rows["sr"]["given_short_mm"]
    assert "computed" in rows["sr"]["note"]
    assert float(rows["one"]["given_short_mm"]) == pytest.approx(24)


def test_lengths_that_are_not_those_on_the_image_are_told(study):
    long = reports.length(LONG, 99, reports.coordinates(AXES[:2], "1.2.5.1"))
    reports.write_report(study / "sr.dcm", reports.group(long))
    (lesion,) = study_lesions(read_study(study)).annotations
    assert "the long axis was written as 99 mm and is 24 mm here" in lesion.notes


def test_other_reports_of_a_study(study):
    path = reports.write_state(study / "pr.dcm", reports.graphic(AXES[:2] + 0.5), image="1.2.5.2")
    tool = {"toolName": "Bidirectional", "FrameOfReferenceUID": FRAME}
    points = to_patient(AXES, 2).tolist()
    (study / "ohif.json").write_text(json.dumps([{**tool, "points": points, "label": "L 1"}]))
    (study / "other.json").write_text("no json")
    found = read_study(study)
    first, second = study_lesions(found).annotations
    assert (first.key, second.key) == (path.stem, "L_1")
    assert first.image == second.image == study / "1.2.5-1.dcm"
    assert len(found.skipped) == 1 and "other.json" in found.skipped[0]


def test_segments_are_lesions_on_every_slice_that_they_mark(study):
    two = np.zeros((SIZE, SIZE), bool)
    two[5:9, 5:9] = two[80:85, 80:85] = True
    groups = [frame_group((-20, -30, z), number) for z, number in ((0, 1), (6, 1), (2, 2))]
    options = dict(spacing=list(SPACING), FrameOfReferenceUID=FRAME, names=("Tumour", "Node"))
    write_segmentation(study / "seg.dcm", [DISC, DISC, two], groups, **options)
    found = read_study(study)
    lesions = study_lesions(found).annotations
    assert [one.key for one in lesions] == ["Tumour_slice-0", "Node_slice-1", "Tumour_slice-2"]
    assert [one.image.name[6] for one in lesions] == ["0", "1", "3"]
    nodes = study_lesions(found, segment="Node", components=True).annotations
    assert [one.key for one in nodes] == ["Node_slice-1_part-1", "Node_slice-1_part-2"]
    (one,) = study_lesions(found, segment="1", slice_index=2).annotations
    assert one.key == "Tumour_slice-2"
    error = fault_of(study_lesions, found, segment="Bone")
    assert error.what.endswith("/study") and "Bone" in error.found


def test_marks_on_a_series_that_is_none_tell_why(study):
    write_series(study, 1, ImagePositionPatient=[-20, -30, 2])  # where the second slice is
    groups = [frame_group((-20, -30, 0), 1)]
    write_segmentation(study / "seg.dcm", [DISC], groups, spacing=list(SPACING), names=("A",))
    (failure,) = study_lesions(read_study(study)).failures
    assert "again, expected one slice in each place" in failure.reason


@pytest.mark.slow
def test_contours_are_lesions_on_every_slice_that_they_are_on(study, tmp_path):
    angle = np.linspace(0, 2 * np.pi, 50, endpoint=False)
    circle = np.stack([CENTRE[0] + 14 * np.cos(angle), CENTRE[1] + 22 * np.sin(angle)], axis=1)
    drawn = [(to_patient(circle, 0), "1.2.5.1"), (to_patient(circle, 6), None)]
    reports.write_contours(study / "rt.dcm", {"GTV 1": drawn, "Empty": []}, frame=FRAME)
    lesions = study_lesions(read_study(study)).annotations
    assert [one.key for one in lesions] == ["GTV_1_slice-0", "GTV_1_slice-2"]
    reports.write_contours(
        study / "rt.dcm", {"GTV 1": [(to_patient(circle, 6), None)]}, frame=FRAME
    )
    (row,) = label(study, tmp_path / "out")
    assert (row["key"], row["strategy"]) == ("GTV_1_slice-2", "mask")
    assert float(row["long_mm"]) == pytest.approx(2 * RADIUS, abs=1.5)


def test_series_of_one_place_are_told_apart(study):
    write_series(study, 4, uid="1.2.6")
    reports.write_report(
        study / "sr.dcm", measured(FRAME, to_patient(AXES, 0)), measured("1.2.6.2", name="two")
    )
    found = read_study(study)
    (failure,) = study_lesions(found).failures
    assert "lies on slices of 5 (CT, 4 slices), 6 (CT, 4 slices)" in failure.reason
    (only,) = study_lesions(found, series="5").annotations
    assert only.image.name == "1.2.5-0.dcm"
    first, second = study_lesions(found, series="1.2.6").annotations
    assert (first.image.name, second.image.name) == ("1.2.6-0.dcm", "1.2.6-1.dcm")
    assert fault_of(study_lesions, found, series="7").what == "series"


def test_damaged_and_mixed_files_are_told_and_the_rest_is_labelled(study):
    reports.write_report(study / "sr.dcm", measured("1.2.5.1", name="one"))
    (study / "cut.dcm").write_bytes((study / "sr.dcm").read_bytes()[:200])
    write_series(study, 2, uid="1.2.6", ImagePositionPatient=[0, 0, 0])
    found = contents_of(read_study(study))
    assert [one["fault"] is None for one in found["series"]] == [True, False]
    assert "again" in found["series"][1]["fault"] and "cut.dcm" in found["faults"][0]
    assert [one["key"] for one in found["lesions"]] == ["one"]
    text = as_table(json.loads(json.dumps(found)))
    assert "5       4       96 x 96  0.8 x 0.5 x 2" in text and "1 lesion to label" in text
    annotations = study_lesions(read_study(study))
    assert [one.key for one in annotations.annotations] == ["one"]
    assert ["cut.dcm" in one.reason for one in annotations.failures] == [True]


def test_series_of_one_number_are_listed_with_what_tells_them_apart(study):
    write_series(study, 2, uid="1.2.6", SeriesNumber="5", PatientID="P2")
    reports.write_report(study / "sr.dcm", measured("1.2.6.1", name="one"))
    found = contents_of(read_study(study))
    text = as_table(json.loads(json.dumps(found)))
    assert "series  number  patient  slices  pixels" in text
    assert "\n6       5       P2       2       96 x 96" in text
    assert [one["series"] for one in found["series"]] == ["2.5", "6"]
    assert [one["key"] for one in contents_of(read_study(study), "6")["lesions"]] == ["one"]
    error = fault_of(study_lesions, read_study(study), series="7")
    assert "2.5 (CT, series 5, patient P1" in error.expected and "6 (CT, series 5" in error.expected


@pytest.mark.slow
def test_headers_of_a_folder_are_read_once_for_a_table(study, tmp_path, monkeypatch):
    axes = ",".join(f"{x:g}" for x in AXES.ravel())
    table = tmp_path / "lesions.csv"
    rows = "".join(f'study,{index},"{axes}"\n' for index in (0, 1, 2, 7))
    table.write_text("image,slice,recist\n" + rows)
    read = []
    original = pydicom.dcmread

    def counted(path, **options):
        read.append("specific_tags" in options)
        return original(path, **options)

    monkeypatch.setattr(pydicom, "dcmread", counted)
    batch = label_batch(
        read_annotations(table), tmp_path / "out", BatchOptions(), workers=0, progress=False
    )
    assert [row["status"] for row in batch.rows] == ["labelled"] * 3 + ["failed"]
    assert read == [True] * 4 + [False] * 3  # the headers of the folder, then each slice
    assert "4 mm instead of 2" in batch.rows[0]["note"]


@pytest.mark.slow
def test_a_published_report_with_images_that_are_written_for_it(tmp_path):
    published.write_study(tmp_path)
    (row,) = label(tmp_path, tmp_path / "out")
    assert row["status"] == "labelled" and row["image"].endswith("1.dcm")
    assert row["patient"] == "PD-1-Lung-00018"
    assert float(row["given_long_mm"]) == pytest.approx(published.LONG_MM, abs=0.01)
    assert float(row["given_short_mm"]) == pytest.approx(published.SHORT_MM, abs=0.01)


def test_published_study_of_a_segmentation():
    folder = shared_data("dicom", "dcmqi")
    lesions = study_lesions(read_study(folder)).annotations
    assert [one.key for one in lesions] == ["Liver_slice-0", "Liver_slice-1", "Liver_slice-2"]
    assert [one.image.name for one in lesions] == ["ct_03.dcm", "ct_02.dcm", "ct_01.dcm"]


@pytest.mark.slow
def test_frames_of_one_file_are_referred_to_by_their_number(tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    frames = np.stack([pixels(seed=k) for k in range(3)])
    shared = reports.items(
        PixelMeasuresSequence=reports.items(PixelSpacing=list(SPACING), SliceThickness=2),
        PlaneOrientationSequence=reports.items(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
    )
    write_dicom(
        folder / "enhanced.dcm",
        frames,
        **HU,
        SOPInstanceUID="1.2.5.1",
        SeriesInstanceUID="1.2.5",
        FrameOfReferenceUID=FRAME,
        SharedFunctionalGroupsSequence=shared,
        PerFrameFunctionalGroupsSequence=[frame_group((-20, -30, -2 * k)) for k in range(3)],
    )
    long = reports.length(LONG, 24, reports.coordinates(AXES[:2], "1.2.5.1", frame=2))
    spatial = measured(FRAME, to_patient(AXES, -4), name="spatial")
    reports.write_report(folder / "sr.dcm", reports.group(long, name="second"), spatial)
    second, third = study_lesions(read_study(folder)).annotations
    assert (second.key, second.slice_index) == ("second", 1)
    assert (third.key, third.slice_index) == ("spatial", 2)
    (row, _) = label(folder, tmp_path / "out")
    assert row["status"] == "labelled" and row["slice"] == "1"


@pytest.mark.slow
def test_outlines_and_clicks_of_a_report_are_labelled(study, tmp_path):
    angle = np.linspace(0, 2 * np.pi, 60)
    circle = np.stack([CENTRE[0] + 14 * np.cos(angle), CENTRE[1] + 22 * np.sin(angle)], axis=1)
    drawn = reports.coordinates(circle, "1.2.5.1")
    at = [[CENTRE[0] + 2, CENTRE[1] - 3]]
    reports.write_report(
        study / "sr.dcm",
        reports.group(drawn, name="outline"),
        reports.group(reports.coordinates(at, "1.2.5.2", kind="POINT"), name="click"),
        reports.group(reports.coordinates(to_patient(at, 6), FRAME, kind="POINT"), name="there"),
    )
    listed = contents_of(read_study(study))
    assert [one["key"] for one in listed["lesions"]] == ["click", "there", "outline_slice-0"]
    assert "sr.dcm       click   none" in as_table(listed)
    rows = {row["key"]: row for row in label(study, tmp_path / "out")}
    outline, click, there = (rows[name] for name in ("outline_slice-0", "click", "there"))
    assert outline["strategy"] == "mask" and "labelled as one" in outline["note"]
    assert (click["strategy"], click["recist"], click["given_long_mm"]) == ("recist", "", "")
    assert "axes that the image proposes" in click["note"]
    assert "1.2.5-1" in click["image"] and "1.2.5-3" in there["image"]
    for row in rows.values():
        assert row["status"] == "labelled"
        assert float(row["long_mm"]) == pytest.approx(2 * RADIUS, abs=1.5)


def test_a_click_on_nothing_is_told(study, tmp_path):
    group = reports.group(reports.coordinates([[1, 1]], "1.2.5.1", kind="POINT"), name="off")
    reports.write_report(study / "sr.dcm", group)
    (row,) = label(study, tmp_path / "out")
    assert row["status"] == "failed" and "point" in row["reason"]


def test_an_outline_of_a_report_is_a_mask(study):
    square = np.array([[40.0, 30], [60, 30], [60, 50], [40, 50], [40, 30]])
    path = reports.write_report(
        study / "sr.dcm", reports.group(reports.coordinates(square, "1.2.5.1"), name="one")
    )
    one = Annotation(key="a", patient="p", image=study / "1.2.5-0.dcm", mask=path, segment="one")
    (mask,) = np.moveaxis(read_lesion(one).masks, 2, 0)
    assert mask.sum() == 400 and mask[40, 50]
    other = dataclasses.replace(one, image=study / "1.2.5-1.dcm")
    assert fault_of(read_lesion, other).what.endswith("/sr.dcm")
    path = reports.write_report(study / "sr.dcm", measured("1.2.5.1"))
    assert fault_of(read_lesion, one).what.endswith("/sr.dcm")


def test_a_length_beside_a_line_is_compared_with_the_one_on_the_image(study):
    for name, words in (("a", "24 mm"), ("b", "36 mm")):
        text = reports.items(UnformattedTextValue=words)
        graphic = reports.graphic(AXES[:2] + 0.5)
        reports.write_state(study / f"{name}.dcm", graphic, image="1.2.5.2", texts=text)
    first, second = study_lesions(read_study(study)).annotations
    assert not any("written" in note for note in first.notes)
    assert "the long axis was written as 36 mm and is 24 mm here" in second.notes
