"""Outlines to a fraction of a pixel: areas, axes and holes come out as in the soft mask."""

import cv2
import numpy as np
import pydicom
import pytest

from casgan_jax.dicom.objects import KINDS, series_of, write_objects
from casgan_jax.dicom.write_contours import outlines
from casgan_jax.grid import binarise
from casgan_jax.soft_mask.recist import measure_axes
from tests.dicom import images

pytestmark = pytest.mark.slow


def area(line):
    x, y = line.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def filled(lines, shape, shift=7):
    """(H, W) bool, by even and odd: pixels whose centres lie within the lines."""
    found = np.zeros(shape, np.uint8)
    cv2.fillPoly(found, [np.round(line * 2**shift).astype(np.int32) for line in lines], 1, 8, shift)
    return found.astype(bool)


def longest(line):
    return np.linalg.norm(line[:, None] - line[None], axis=2).max()


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_disc_has_its_area_and_its_diameter(scale):
    radius, side = 9.3, 30
    at = (np.arange(scale * side) + 0.5) / scale - 0.5
    distance = np.hypot(at[None] - 14.2, at[:, None] - 13.7)
    alpha = np.clip((radius - distance) / 3 + 0.5, 0, 1)
    (line,) = outlines(alpha, 0.5, scale)
    assert area(line) == pytest.approx(np.pi * radius**2, rel=3e-3)
    assert longest(line) == pytest.approx(2 * radius, abs=0.02)
    middle = (line.min(axis=0) + line.max(axis=0)) / 2
    assert np.abs(middle - (14.2, 13.7)).max() < 0.05
    axes = measure_axes(alpha, 0.5, scale=scale).reshape(4, 2)
    assert longest(line) == pytest.approx(np.linalg.norm(axes[0] - axes[1]), abs=1e-4)


def test_a_hole_is_kept_by_a_keyhole():
    alpha = images.disc(8, hole=3)
    (line,) = outlines(alpha, 0.5, images.SCALE)
    x, y = line.T
    signed = (np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    assert abs(signed) == pytest.approx(np.pi * 1.25 * (8**2 - 3**2), rel=5e-3)
    inside = filled([line], (36, 36))
    assert not inside[18, 18] and inside[18, 18 + 7]


def test_parts_apart_and_parts_at_the_border_are_closed():
    alpha = np.zeros((20, 30))
    alpha[:6, :8], alpha[10:15, 20:], alpha[12, 24] = 1, 1, 0
    lines = outlines(alpha, 0.5)
    assert sorted(area(line) for line in lines) == pytest.approx([49.0 - 0.5, 47.5], abs=3)
    assert all(line.min() >= -1 for line in lines)


def test_the_outlines_lie_where_the_soft_mask_lies(tmp_path):
    turned = {"ImageOrientationPatient": [0, 1, 0, 0, 0, -1]}
    file = images.write_slice(tmp_path / "a.dcm", **turned)
    found = [images.finding(file, "ring", images.disc(8, hole=3)), images.finding(file, "disc")]
    ((_, group),) = series_of(found).items()
    write_objects(tmp_path / "out", group, KINDS)
    made = pydicom.dcmread(tmp_path / "out" / "contours.dcm")
    assert [str(roi.ROIName) for roi in made.StructureSetROISequence] == ["disc", "ring"]
    source = pydicom.dcmread(file)
    for roi, one in zip(made.ROIContourSequence, group, strict=True):
        (contour,) = roi.ContourSequence
        assert contour.ContourGeometricType == "CLOSED_PLANAR"
        assert contour.ContourImageSequence[0].ReferencedSOPInstanceUID == source.SOPInstanceUID
        points = np.array(contour.ContourData, float).reshape(-1, 3)
        assert len(points) == contour.NumberOfContourPoints
        shift = points - np.array(source.ImagePositionPatient, float)
        row, column = images.SPACING
        pixels = np.stack([shift[:, 1] / column, -shift[:, 2] / row], axis=1)
        np.testing.assert_allclose(shift[:, 0], 0, atol=1e-4)
        mask = binarise(one.alpha, images.THRESHOLD)
        assert (filled([pixels], mask.shape) != mask).mean() < 0.02
        lengths = longest(points)
        assert lengths == pytest.approx(one.finding.diameters_mm[0], abs=0.01)


def test_a_long_outline_is_written_whole(tmp_path):
    file = images.write_slice(tmp_path / "a.dcm")
    rng = np.random.default_rng(0)
    alpha = (rng.uniform(size=(144, 144)) > 0.42).astype(np.float32)  # thousands of points
    one = images.finding(file, alpha=alpha, axes=np.arange(8.0))
    ((_, group),) = series_of([one]).items()
    write_objects(tmp_path / "out", group, ["contours"])
    made = pydicom.dcmread(tmp_path / "out" / "contours.dcm")
    contours = made.ROIContourSequence[0].ContourSequence
    longest_text = max(len("\\".join(map(str, each.ContourData))) for each in contours)
    assert longest_text > 2**16
    assert all(len(each.ContourData) == 3 * each.NumberOfContourPoints for each in contours)
