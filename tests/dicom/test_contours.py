"""Contours of an RTSTRUCT as pixels: which belong, holes, and which slice."""

import numpy as np
import pytest

from casgan_jax.dicom.contours import inside, read_contours
from casgan_jax.images import Scan
from casgan_jax.images.geometry import Geometry
from tests.dicom.reports import write_contours
from tests.faults import fault_of

SPACING = np.array([0.5, 0.8, 2.0])


def slice_at(height, instance=None):
    place = Geometry((40, 30, 1), np.array([-4.0, 7.0, height]), SPACING, np.eye(3), "1.2.8")
    return Scan(np.zeros((30, 40), np.int16), geometry=place, instance=instance)


def polygon(centre, radius, height, count=64):
    """(N, 3) mm of a circle whose centre and radius are in pixels along x."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    x, y = centre[0] + radius * np.cos(angle), centre[1] + radius * np.sin(angle)
    return np.stack([x * 0.5 - 4, y * 0.8 + 7, np.full(count, height)], axis=1)


def disc(centre, radius):
    y, x = np.mgrid[:30, :40]
    return np.hypot(x - centre[0], y - centre[1]) < radius


def test_pixels_whose_centre_is_inside():
    square = np.array([[2.5, 1.5], [5.5, 1.5], [5.5, 3.5], [2.5, 3.5]])
    expected = np.zeros((6, 8), bool)
    expected[2:4, 3:6] = True
    np.testing.assert_array_equal(inside([square], (6, 8)), expected)
    np.testing.assert_array_equal(inside([square[::-1]], (6, 8)), expected)
    # Centres on the upper and the left edge belong, those on the others do not.
    whole = inside([np.array([[2, 1], [5, 1], [5, 3], [2, 3]])], (6, 8))
    assert whole.sum() == 6 and whole[1, 2] and not whole[3].any() and not whole[:, 5].any()


def test_parts_outside_of_the_image_are_cut_off():
    large = np.array([[-5.0, -5.0], [20, -5], [20, 20], [-5, 20]])
    assert inside([large], (6, 8)).all()
    assert not inside([large + 100], (6, 8)).any() and not inside([large - 100], (6, 8)).any()


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_even_odd_rule(seed):
    rng = np.random.default_rng(seed)
    points = rng.uniform(-3, 15, (rng.integers(3, 12), 2))
    y, x = np.mgrid[:12, :10]
    a, b = points, np.roll(points, -1, axis=0)
    expected = np.zeros((12, 10), int)
    for (ax, ay), (bx, by) in zip(a, b, strict=True):
        crosses = (ay > y) != (by > y)
        expected += crosses & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    np.testing.assert_array_equal(inside([points], (12, 10)), expected % 2 == 1)


def test_holes_keyholes_and_the_place_of_contours(tmp_path):
    outer, inner = polygon((20, 15), 9, 4.0), polygon((20, 15), 4, 4.0)
    keyhole = np.concatenate([outer, outer[:1], inner[:1], inner[::-1]])
    path = write_contours(
        tmp_path / "rt.dcm",
        {
            "Tumour": [(outer, None), (inner, None), (polygon((20, 15), 3.2, 6.0), None)],
            "Keyhole": [(keyhole, None)],
        },
    )
    tumour, key = read_contours(path)
    assert (str(tumour), str(key)) == ("1 (Tumour)", "2 (Keyhole)")
    ring = disc((20, 15), 9) & ~disc((20, 15), 4)
    for roi in (tumour, key):
        found = roi.mask(slice_at(4.0))
        assert (found != ring).sum() <= 4  # a circle of 64 edges
    np.testing.assert_array_equal(tumour.mask(slice_at(6.4)), disc((20, 15), 3.2))
    assert key.mask(slice_at(6.0)) is None


def test_contours_of_an_image_go_with_it(tmp_path):
    one, other = polygon((10, 10), 5.2, 4.0), polygon((25, 15), 5.2, 4.0)
    path = write_contours(tmp_path / "rt.dcm", {"A": [(one, "1.1"), (other, "1.2")]})
    (roi,) = read_contours(path)
    np.testing.assert_array_equal(roi.mask(slice_at(4.0, ("1.1", 1))), disc((10, 10), 5.2))
    np.testing.assert_array_equal(roi.mask(slice_at(4.0, ("1.2", 1))), disc((25, 15), 5.2))
    both = roi.mask(slice_at(4.0, ("1.9", 1)))  # another export of the same slice
    np.testing.assert_array_equal(both, disc((10, 10), 5.2) | disc((25, 15), 5.2))


def test_what_encloses_nothing_is_left_out(tmp_path):
    points = polygon((10, 10), 5.2, 4.0)
    path = write_contours(tmp_path / "rt.dcm", {"A": [(points[:2], None), (points, None)]})
    (roi,) = read_contours(path)
    assert (len(roi.contours), roi.left_out) == (1, 1)
    assert fault_of(read_contours, write_contours(tmp_path / "no.dcm", {})).what.endswith("/no.dcm")
