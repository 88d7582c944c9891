import numpy as np
import pytest

from casgan_jax.records.patches import marked_region, normalise


@pytest.mark.parametrize(
    ("window", "expected"), [((0, 255), [0, 128 / 255, 1]), ((100, 200), [0, 0.28, 1])]
)
def test_normalise_maps_the_window_to_the_unit_interval(window, expected):
    image = np.array([0, 128, 255], np.uint8)
    np.testing.assert_allclose(normalise(image, window), expected, atol=1e-6)


def test_normalise_of_hounsfield_units_does_not_wrap():
    image = np.array([-32768, -1000, -300, 400, 32767], np.int16)
    np.testing.assert_allclose(normalise(image, (-1000, 400)), [0, 0, 0.5, 1, 1], atol=1e-6)


@pytest.mark.parametrize(
    ("mark", "corner"), [((15.5, 15.5), (8, 8)), ((10.0, 20.4), (13, 2)), ((0, 31), (16, 0))]
)
def test_a_patch_is_cut_around_its_mark_and_inside_the_crop(mark, corner):
    rows, columns = marked_region(mark, 16, 32)
    assert (rows.start, columns.start) == corner
    fine = marked_region(mark, 16, 32, scale=4)
    assert [s.start for s in fine] == [4 * start for start in corner]
    assert [s.stop - s.start for s in fine] == [64, 64]
