"""Lines of reports, presentation states and viewers, and the lesions that they are axes of."""

import json

import numpy as np
import pytest

from casgan_jax.dicom.measurements import Line, length_of, lesions
from casgan_jax.dicom.presentation import read_presentation
from casgan_jax.dicom.report import read_report
from casgan_jax.dicom.viewer_json import read_viewer_json
from tests.dicom import reports
from tests.dicom.reports import LENGTH, LONG, LONG_SCT, SHORT, SHORT_SCT
from tests.faults import fault_of
from tests.shared_data import shared_data

AXIS = [[10.0, 20.0], [30.0, 20.0]]
ACROSS = [[20.0, 12.0], [20.0, 26.0]]
FAR = [[70.0, 20.0], [90.0, 20.0]]


def found_in(path):
    found = read_report(path)
    assert not found.skipped
    return lesions(found.lines)


def ends_of(*lines):
    return np.concatenate(lines)


@pytest.mark.parametrize("long, short", [(LONG, SHORT), (LONG_SCT, SHORT_SCT)])
def test_both_axes_of_a_group_are_a_lesion(tmp_path, long, short):
    one = reports.length(short, 9.8, reports.coordinates(ACROSS))
    other = reports.length(long, 14.0, reports.coordinates(AXIS))
    path = reports.write_report(tmp_path / "sr.dcm", reports.group(one, other, name="Nodule"))
    (lesion,) = found_in(path)
    np.testing.assert_allclose(lesion.ends, ends_of(AXIS, ACROSS), atol=1e-5)
    assert lesion.name == "Nodule" and lesion.long.image == ("1.2.3", 0)
    np.testing.assert_allclose(lesion.diameters_mm, (14.0, 9.8))
    assert not lesion.notes


def test_groups_of_one_tracking_uid_are_a_lesion(tmp_path):
    groups = [
        reports.group(reports.length(LENGTH, 20, reports.coordinates(ends)), uid="1.5")
        for ends in (AXIS, FAR)
    ]
    (lesion,) = found_in(reports.write_report(tmp_path / "sr.dcm", *groups))
    np.testing.assert_allclose(lesion.ends, ends_of(AXIS, FAR), atol=1e-5)


def test_lines_that_cross_are_a_lesion_and_others_are_one_each(tmp_path):
    groups = [
        reports.group(reports.length(LENGTH, None, reports.coordinates(ends)))
        for ends in (ACROSS, FAR, AXIS)
    ]
    groups.append(reports.group(reports.length(LENGTH, 3, reports.coordinates(AXIS, "1.2.4"))))
    both, far, other = found_in(reports.write_report(tmp_path / "sr.dcm", *groups))
    np.testing.assert_allclose(both.ends, ends_of(AXIS, ACROSS), atol=1e-5)
    assert far.short is None and other.long.image == ("1.2.4", 0)
    assert both.notes == ("no length in the file: computed from the ends of the line",)
    assert both.diameters_mm == (None, None) and other.diameters_mm == (3.0, None)


def test_coordinates_in_the_patient_and_of_a_frame(tmp_path):
    spatial = [[*point, 5.0] for point in AXIS]
    path = reports.write_report(
        tmp_path / "sr.dcm",
        reports.group(reports.length(LONG, 20, reports.coordinates(spatial, "1.2.8"))),
        reports.group(reports.length(LONG, 20, reports.coordinates(AXIS, frame=7))),
    )
    first, second = found_in(path)
    np.testing.assert_allclose(first.ends, spatial, atol=1e-5)
    assert first.long.frame_of_reference == "1.2.8" and first.diameters_mm == (20.0, None)
    assert second.long.image == ("1.2.3", 7)


def test_coordinates_that_are_referred_to_are_found(tmp_path):
    shape = reports.coordinates(AXIS)
    reference = reports.content("", ReferencedContentItemIdentifier=[1, 1, 1, 1])
    path = reports.write_report(
        tmp_path / "sr.dcm", reports.group(shape, reports.length(LONG, 14, reference))
    )
    (lesion,) = found_in(path)
    np.testing.assert_allclose(lesion.ends, AXIS, atol=1e-5)


def test_what_cannot_be_used_is_told_and_the_rest_is_read(tmp_path):
    lost = reports.content("SCOORD", GraphicType="POLYLINE", GraphicData=[1, 2, 3, 4])
    click = reports.coordinates([[5, 5], [5, 5]])
    odd = reports.content("SCOORD", GraphicType="POLYLINE", GraphicData=[1, 2, 3])
    path = reports.write_report(
        tmp_path / "sr.dcm",
        reports.group(reports.length(LONG, 14, lost), name="lost"),
        reports.group(reports.length(LONG, 14, click), name="click"),
        reports.group(reports.length(LONG, 14, odd), name="odd"),
        reports.group(reports.length(LONG, 14, reports.coordinates(AXIS))),
    )
    found = read_report(path)
    assert len(found.lines) == 1
    assert found.skipped == (
        "lost: coordinates that name no image",
        "click: a line of length 0",
        "odd: POLYLINE of 3 numbers",
    )


def test_lengths_in_pixels_and_mm_that_are_called_so():
    ends = np.array([[0.0, 0.0], [3.0, 4.0]])
    assert length_of(ends, 2.0, "cm") == (20.0, "")
    assert length_of(ends, 5.01, "px") == (None, "")
    assert length_of(ends, 3.5, "px") == (3.5, "3.5 px written for 5 pixels: taken as mm")
    assert length_of(ends, float("nan"), "mm")[0] is None


def test_roles_keep_lines_apart_and_groups_do_not():
    def line(ends, **options):
        return Line(np.array(ends), ("1.2.3", 0), **options)

    assert len(lesions([line(AXIS, role="long"), line(ACROSS, role="long")])) == 2
    assert len(lesions([line(AXIS, group="a"), line(ACROSS, group="b")])) == 1
    (only,) = lesions([line(ACROSS, role="long"), line(AXIS)])
    np.testing.assert_array_equal(only.long.ends, ACROSS)


def test_published_report():
    (lesion,) = found_in(shared_data("dicom", "dcmjs", "bidirectional_sr.dcm"))
    np.testing.assert_allclose(lesion.diameters_mm, (64.4505438, 42.9670292))
    assert lesion.long.image[0].endswith("258689768683178195119522016250")
    assert all(note.endswith("taken as mm") for note in lesion.notes)


def test_lines_of_a_presentation_state(tmp_path):
    corner = 0.5  # DICOM counts from the corner of the first pixel
    path = reports.write_state(
        tmp_path / "pr.dcm",
        reports.graphic(np.array(AXIS) + corner),
        reports.graphic(np.array(ACROSS) + corner),
        reports.graphic([[1, 1]], kind="POINT"),
        text="L 1",
    )
    found = read_presentation(path)
    (lesion,) = lesions(found.lines)
    np.testing.assert_allclose(lesion.ends, ends_of(AXIS, ACROSS), atol=1e-5)
    assert lesion.name == "L 1" and "computed" in lesion.notes[0]
    assert found.skipped == ("annotation 1: POINT, which is no line and no outline",)


@pytest.mark.parametrize(
    "first, last, rotation, expected",
    [
        ([1, 1], [100, 50], 0, [[24.5, 24.5], [74.5, 24.5]]),
        ([11, 21], [60, 70], 0, [[22.0, 44.5], [47.0, 44.5]]),
        ([100, 1], [1, 50], 0, [[74.5, 24.5], [24.5, 24.5]]),  # mirrored
        ([1, 50], [100, 1], 90, [[49.5, 37.0], [49.5, 12.0]]),
    ],
)
def test_parts_of_the_displayed_area(tmp_path, first, last, rotation, expected):
    area = reports.items(DisplayedAreaTopLeftHandCorner=first)
    area[0].DisplayedAreaBottomRightHandCorner = last
    path = reports.write_state(
        tmp_path / "pr.dcm",
        reports.graphic([[0.25, 0.5], [0.75, 0.5]], units="DISPLAY"),
        DisplayedAreaSelectionSequence=area,
        ImageRotation=rotation,
    )
    (line,) = read_presentation(path).lines
    np.testing.assert_allclose(line.ends, expected, atol=1e-5)


def test_files_of_viewers(tmp_path):
    spatial = [[10, 20, 5], [30, 20, 5], [20, 12, 5], [20, 26, 5]]
    tool = {"toolName": "Bidirectional", "FrameOfReferenceUID": "1.2.8"}
    corners = {
        name: {"x": x + 0.5, "y": y + 0.5}
        for name, (x, y) in zip(
            ("start", "end", "perpendicularStart", "perpendicularEnd"), AXIS + ACROSS, strict=True
        )
    }
    path = tmp_path / "measured.json"
    measured = [
        {"metadata": tool, "data": {"handles": {"points": spatial}, "label": "A"}},
        {**tool, "points": spatial[:2] + spatial[2:], "label": "B"},
        {"toolType": "Bidirectional", "handles": corners, "SOPInstanceUID": "1.2.3"}
        | {"longestDiameter": 14, "shortestDiameter": "9.8"},
        {"toolName": "Length", "points": spatial[:2]},
        {"toolName": "RectangleROI", "points": spatial},
        {"toolName": "Bidirectional", "points": [[1, 2], "x"]},
    ]
    path.write_text(json.dumps({"measurements": measured}))
    found = read_viewer_json(path)
    first, second, third, alone = lesions(found.lines)
    np.testing.assert_allclose(first.ends, spatial)
    assert [first.name, second.name] == ["A", "B"] and first.diameters_mm == (20.0, 14.0)
    np.testing.assert_allclose(third.ends, ends_of(AXIS, ACROSS))
    assert third.diameters_mm == (14.0, 9.8) and third.long.image == ("1.2.3", 1)
    assert alone.short is None and len(found.skipped) == 2
    path.write_text("{")
    assert fault_of(read_viewer_json, path).what.endswith("/measured.json")
