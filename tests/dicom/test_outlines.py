"""Outlines and points of reports and presentation states."""

import dataclasses

import numpy as np
import pytest

from casgan_jax.dicom.presentation import read_presentation
from casgan_jax.dicom.report import read_report
from casgan_jax.images import Scan
from casgan_jax.images.geometry import Geometry
from tests.dicom import reports
from tests.shared_data import shared_data

SIDE = 60
ANGLE = np.linspace(0, 2 * np.pi, 90, endpoint=False)
CIRCLE = np.stack([30 + 12 * np.cos(ANGLE), 28 + 12 * np.sin(ANGLE)], axis=1)
CLOSED = np.concatenate([CIRCLE, CIRCLE[:1]])
TRIANGLE = np.array([[10.0, 10], [40, 10], [10, 40]])
PLACE = Geometry((SIDE, SIDE, 1), np.array([-9.0, 5, 4]), np.array([1.0, 1, 2]), np.eye(3), "1.2.8")
SLICE = Scan(np.zeros((SIDE, SIDE), np.int16), geometry=PLACE, instance=("1.2.3", 1))
OTHER = dataclasses.replace(SLICE, instance=("1.2.4", 1))
Y, X = np.mgrid[:SIDE, :SIDE]
DISC = np.hypot(X - 30, Y - 28) < 12


def in_patient(points):
    return np.concatenate([points + PLACE.origin[:2], np.full((len(points), 1), 4.0)], axis=1)


def region(points, kind, name="a", **options):
    return reports.group(reports.coordinates(points, kind=kind), name=name, **options)


def read(folder, *groups):
    return read_report(reports.write_report(folder / "sr.dcm", *groups))


@pytest.mark.parametrize(
    "kind, points",
    [
        ("POLYLINE", CIRCLE),  # more than four points
        ("POLYLINE", CLOSED),
        ("POLYGON", CLOSED),
        ("CIRCLE", [[30, 28], [30, 40]]),
        ("ELLIPSE", [[18, 28], [42, 28], [30, 16], [30, 40]]),
    ],
)
def test_what_is_enclosed_is_the_lesion(tmp_path, kind, points):
    found = read(tmp_path, region(points, kind))
    (outline,) = found.outlines
    assert (outline.number, outline.name, found.lines, found.skipped) == (1, "a", (), ())
    assert (outline.mask(SLICE) != DISC).sum() <= 12  # on its border
    assert outline.mask(OTHER) is None


@pytest.mark.parametrize("kind", ["POLYGON", "POLYLINE", "ELLIPSE"])
def test_outlines_in_the_patient_go_by_their_place(tmp_path, kind):
    ends = np.array([[18.0, 28], [42, 28], [30, 16], [30, 40]])
    points = in_patient(ends if kind == "ELLIPSE" else CLOSED)
    shape = reports.coordinates(points, image="1.2.8", kind=kind)
    (outline,) = read(tmp_path, reports.group(shape)).outlines
    assert outline.frame_of_reference == "1.2.8"
    for scan in (SLICE, OTHER):
        assert (outline.mask(scan) != DISC).sum() <= 12
    above = dataclasses.replace(PLACE, origin=PLACE.origin + (0, 0, 2))
    assert outline.mask(dataclasses.replace(SLICE, geometry=above)) is None


def test_a_closed_line_of_three_corners_and_the_open_one(tmp_path):
    closed = np.concatenate([TRIANGLE, TRIANGLE[:1]])
    found = read(tmp_path, region(closed, "POLYLINE"), region(TRIANGLE, "POLYLINE", name="b"))
    (outline,) = found.outlines
    assert (outline.mask(SLICE) != ((X + Y <= 50) & (X >= 10) & (Y >= 10))).sum() <= 31
    assert found.skipped == ("b: POLYLINE of 3 points, which is no line and no outline",)


def test_outlines_of_one_lesion_are_together_and_a_repeated_one_counts_once(tmp_path):
    hole = (CIRCLE - (30, 28)) / 2 + (30, 28)
    groups = [region(points, "POLYLINE", uid="1.5") for points in (CIRCLE, CIRCLE, hole)]
    (outline,) = read(tmp_path, *groups, region(CIRCLE, "POLYLINE", uid="1.5")).outlines
    ring = DISC & ~(np.hypot(X - 30, Y - 28) < 6)
    assert len(outline.contours) == 2 and (outline.mask(SLICE) != ring).sum() <= 20


def test_of_a_lesion_with_an_outline_axes_and_points_are_left_out(tmp_path):
    shape = reports.coordinates(CLOSED)
    groups = []
    for right in (42, 43):
        axis = reports.length(reports.LONG, 24, reports.coordinates([[18, 28], [right, 28]]))
        groups.append([axis, reports.coordinates([[right - 9, 28]], kind="POINT")])
    found = read(tmp_path, reports.group(shape, *groups[0]), reports.group(*groups[1]))
    assert len(found.outlines) == len(found.lines) == 1 and not found.clicks
    assert found.lines[0].ends[1].tolist() == [43, 28]


def test_points_are_clicks(tmp_path):
    spatial = reports.coordinates(in_patient(CIRCLE[:1]), image="1.2.8", kind="POINT")
    ends = reports.coordinates([[18, 28], [42, 28]], kind="MULTIPOINT")
    found = read(
        tmp_path,
        region([[30, 28]], "POINT", name="one"),
        region([[10, 12], [40, 41], [10, 12]], "MULTIPOINT", name="several"),
        reports.group(spatial),
        reports.group(reports.length(reports.LONG, 24, ends)),  # both ends of an axis
    )
    assert [one.name for one in found.clicks] == ["one", "several", "several", ""]
    np.testing.assert_allclose(
        [one.ends[0] for one in found.clicks[:3]], [[30, 28], [10, 12], [40, 41]]
    )
    assert [one.image for one in found.clicks] == [("1.2.3", 0)] * 3 + [None]
    assert found.clicks[3].frame_of_reference == "1.2.8" and len(found.lines) == 1


def test_what_is_no_outline_is_told(tmp_path):
    still, bad = np.full((6, 2), 7.0), CIRCLE.copy()
    bad[3] = np.nan
    data = in_patient(CIRCLE[:6])
    found = read(
        tmp_path,
        region(still, "POLYLINE", name="still"),
        region(bad, "POLYLINE", name="bad"),
        region(CIRCLE[:2], "ELLIPSE", name="short"),
        reports.group(reports.coordinates(data, kind="ELLIPSOID"), name="solid"),
    )
    assert not (found.outlines or found.lines or found.clicks)
    assert found.skipped == (
        "still: an outline without size",
        "bad: an outline that is not finite",
        "short: ELLIPSE of 2 points, which is no line and no outline",
        "solid: ELLIPSOID of 6 points, which is no line and no outline",
    )


def test_outlines_of_a_presentation_state(tmp_path):
    area = reports.items(DisplayedAreaTopLeftHandCorner=[1, 1])
    area[0].DisplayedAreaBottomRightHandCorner = [SIDE, SIDE]
    path = reports.write_state(
        tmp_path / "pr.dcm",
        reports.graphic(CLOSED + 0.5),
        reports.graphic((CLOSED + 0.5) / SIDE, units="DISPLAY", kind="INTERPOLATED"),
        reports.graphic([[30.5, 28.5], [30.5, 40.5]], kind="CIRCLE"),
        DisplayedAreaSelectionSequence=area,
        text="L 1",
    )
    found = read_presentation(path)
    assert [one.name for one in found.outlines] == ["L 1"] * 3 and not found.skipped
    for outline in found.outlines:
        assert (outline.mask(SLICE) != DISC).sum() <= 12


def test_a_published_circle():
    found = read_report(shared_data("dicom", "highdicom", "sr_document.dcm"))
    (outline,) = found.outlines
    assert outline.name == "Planar ROI Measurements" and not (found.lines or found.skipped)
