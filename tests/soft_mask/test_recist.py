"""RECIST axes: checks, lengths, what they enclose, and measuring them again."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casgan_jax.soft_mask.recist import (
    axis_lengths,
    centre,
    check_recist,
    longer_first,
    measure_axes,
    outline,
    recist_agreement,
    relative_distance,
    slips,
    surroundings,
    to_scale,
)
from tests.faults import fault_of

CROSSING = np.float32([10, 20, 30, 20, 22, 14, 22, 24])
# Axes of odd drawings: none of them crosses the other.
APART = {
    "short axis ends at the long one": [10, 20, 30, 20, 22, 14, 22, 20],
    "short axis ends before the long one": [10, 20, 30, 20, 22, 10, 22, 18],
    "short axis beyond the end": [10, 20, 30, 20, 33, 14, 33, 24],
    "oblique, beside it": [10, 20, 30, 24, 32, 10, 26, 18],
}


def ellipse(long, short, tilt, middle, size=64, scale=4):
    """Soft mask with an edge one fine pixel wide, and the axes it was made from."""
    y, x = (np.mgrid[: size * scale, : size * scale] - (scale - 1) / 2) / scale
    along = np.array([np.cos(tilt), np.sin(tilt)])
    across = np.array([-along[1], along[0]])
    u = (x - middle[0]) * along[0] + (y - middle[1]) * along[1]
    v = (x - middle[0]) * across[0] + (y - middle[1]) * across[1]
    distance = np.hypot(u / long, v / short)
    slope = np.maximum(np.hypot(u / long**2, v / short**2), 1e-9) / np.maximum(distance, 1e-9)
    alpha = np.clip(0.5 + (1 - distance) / slope * scale, 0, 1).astype(np.float32)
    ends = [s * length * axis for length, axis in ((long, along), (short, across)) for s in (1, -1)]
    return alpha, np.concatenate(np.add(ends, middle)).astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(
    long=st.floats(1.5, 25),
    share=st.floats(0.4, 0.97),
    tilt=st.floats(0, np.pi),
    shift=st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
)
def test_axes_of_an_ellipse_are_found_to_a_tenth_of_a_pixel(long, share, tilt, shift):
    alpha, true = ellipse(long, max(share * long, 1.2), tilt, np.add(shift, 31.5))
    measured = measure_axes(alpha, 0.5, scale=4)
    assert measured.dtype == np.float32 and measured.shape == (8,)
    np.testing.assert_allclose(axis_lengths(measured), axis_lengths(true), atol=0.1)
    long_axis, short_axis = np.diff(measured.reshape(2, 2, 2), axis=1)[:, 0]
    assert abs(long_axis @ short_axis) < 1e-3 * (long_axis @ long_axis)
    # A flat side lets the short axis slide along the long one.
    assert recist_agreement(true, measured) > 0.9
    check_recist(measured, (64, 64))


def test_measuring_is_below_a_pixel_and_follows_the_threshold():
    ramp = np.clip(1.5 - abs(np.arange(9) - 4.0) / 2, 0, 1)  # 0.5 at 2 pixels from the middle
    alpha = np.minimum(ramp[:, None], ramp)
    for threshold, half in ((0.5, 2.0), (0.25, 2.5), (0.75, 1.5)):
        long, short = axis_lengths(measure_axes(alpha, threshold))
        assert 2 * half * np.sqrt(2) - 1 < long <= 2 * half * np.sqrt(2) + 1e-6
        assert short <= long + 1e-6


def test_largest_part_counts_and_pixel_centres_are_integers():
    mask = np.zeros((16, 24), bool)
    mask[3:6, 2:13] = True
    mask[12, 20] = True
    axes = measure_axes(mask, 0.5).reshape(4, 2)
    np.testing.assert_allclose(axes[:2].mean(axis=0), [7, 4], atol=1e-6)
    assert axes[:, 0].min() == pytest.approx(1.5) and axes[:, 0].max() == pytest.approx(12.5)
    np.testing.assert_allclose(axis_lengths(axes.ravel())[1], 3.0, atol=0.4)


def test_one_pixel_has_axes():
    mask = np.zeros((8, 8), bool)
    mask[5, 2] = True
    axes = measure_axes(mask, 0.5)
    np.testing.assert_allclose(axes.reshape(4, 2).mean(axis=0), [2, 5], atol=1e-6)
    np.testing.assert_allclose(axis_lengths(axes), [1, 1], atol=1e-6)


def test_a_mask_cut_by_the_image_ends_at_its_edge():
    mask = np.zeros((20, 20), np.float32)
    mask[:, :6] = 1
    axes = measure_axes(mask, 0.5).reshape(4, 2)
    assert axes.min() >= -0.5 and axes[:, 1].max() <= 19.5 and axes[:, 0].max() <= 5.5


def test_no_lesion_to_measure_is_told():
    error = fault_of(measure_axes, np.full((8, 8), 0.4), 0.5)
    assert error.what == "alpha" and "0.4" in error.found


def test_lengths_in_mm_know_rows_from_columns():
    assert axis_lengths(CROSSING) == (20.0, 10.0)
    assert axis_lengths(CROSSING, (2.0, 0.5)) == (10.0, 20.0)


def test_outline_passes_through_the_ends():
    curve = outline(CROSSING)
    for end in CROSSING.reshape(4, 2):
        assert abs(cv2.pointPolygonTest(curve, end.tolist(), True)) < 1e-3
    quadrilateral, ellipse_area = 20 * 10 / 2, np.pi * 20 * 10 / 4
    assert quadrilateral < cv2.contourArea(curve) < ellipse_area


@pytest.mark.parametrize("recist", [*APART.values(), CROSSING], ids=[*APART, "crossing"])
def test_every_drawing_encloses_its_ends(recist):
    recist = np.float32(recist)
    check_recist(recist, (48, 48))
    distance = relative_distance(recist, (48, 48))
    assert np.isfinite(distance).all() and distance.min() >= 0
    for end in recist.reshape(4, 2):
        assert distance[int(end[1]), int(end[0])] <= 1 + 1e-4
    x, y = centre(recist)
    assert distance[round(y), round(x)] < 1


@settings(max_examples=40, deadline=None)
@given(
    middle=st.tuples(st.floats(15, 49), st.floats(15, 49)),
    halves=st.tuples(*[st.floats(2, 12)] * 4),
    tilt=st.floats(0, 2 * np.pi),
    scale=st.sampled_from([0.5, 2, 4]),
)
def test_relative_distance_is_one_on_the_outline_at_any_scale(middle, halves, tilt, scale):
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])
    ends = np.array([[halves[0], 0], [-halves[1], 0], [0, halves[2]], [0, -halves[3]]])
    recist = (ends @ turn.T + middle).reshape(8)
    distance = relative_distance(recist, (64, 64))
    curve = outline(recist)
    for x, y in ((20, 30), (31, 31), (44, 12), (2, 60)):
        signed = cv2.pointPolygonTest(curve, (x, y), True)
        assert abs(signed) < 1e-3 or (signed > 0) == (distance[y, x] < 1)
    x, y = np.round(to_scale((*middle, 0, 0, 0, 0, 0, 0), scale)[:2]).astype(int)
    fine = relative_distance(to_scale(recist, scale), (int(64 * scale), int(64 * scale)))
    assert fine[y, x] < 0.8 / (scale * min(halves)) + 1e-3


def test_agreement_ignores_order_and_falls_with_distance():
    other_order = CROSSING[[2, 3, 0, 1, 6, 7, 4, 5]]
    assert recist_agreement(CROSSING, CROSSING) == pytest.approx(1, abs=1e-4)
    assert recist_agreement(CROSSING, other_order) == pytest.approx(1, abs=1e-3)
    scores = [recist_agreement(CROSSING, CROSSING + shift) for shift in (0, 1, 3, 6, 40)]
    assert scores == sorted(scores, reverse=True) and scores[-1] == 0
    disc = np.float32([0, 10, 20, 10, 10, 0, 10, 20])
    turned = np.float32([2.93, 2.93, 17.07, 17.07, 17.07, 2.93, 2.93, 17.07])
    assert recist_agreement(disc, turned) > 0.9  # a round lesion has no direction


def test_surroundings_hold_the_lesion_and_stay_in_the_image():
    box = surroundings(CROSSING, (25, 100))
    assert (box.top, box.bottom) == (5, 25) and box.left == 0 and 40 <= box.right <= 45


@pytest.mark.parametrize(
    "recist",
    [
        pytest.param([1, 2, 3], id="int64 of shape 3"),
        pytest.param(["1"] * 8, id="<U1 of shape"),
        pytest.param([10, 20, np.nan, 20, 22, 14, 22, 24], id="10 20 nan 20 22 14 22 24"),
        pytest.param([10, 20, np.inf, 20, 22, 14, 22, 24], id="8 finite"),
        pytest.param([10, 20, 10, 20, 22, 14, 22, 24], id="a long axis of 0 pixels"),
        pytest.param([10, 20, 30, 20, 22, 14, 22, 14.1], id="a short axis of 0.1 pixels"),
        pytest.param([22, 14, 22, 24, 10, 20, 30, 20], id="short axis of 20.0 pixels"),
        pytest.param([10, 20, 30, 20, 12, 22, 28, 23], id="axes at 4 degrees to each other"),
        pytest.param([110, 20, 130, 20, 122, 14, 122, 24], id="its middle at x = 122.0 y = 20.0"),
        pytest.param([10, -20, 30, -20, 22, -14, 22, -24], id="within the image of 48 x 40 pixels"),
    ],
)
def test_axes_that_cannot_be_get_a_line(recist):
    assert fault_of(check_recist, np.array(recist), (40, 48), told_remedy=False).what == "recist"


@pytest.mark.parametrize(
    "recist", [[-3, 20, 17, 20, 5, 14, 5, 24], [10, 35, 30, 35, 22, 30, 22, 42]]
)
def test_an_end_outside_the_image_is_no_error(recist):
    check_recist(np.float32(recist), (40, 48))


def test_nearly_round_lesions_may_have_the_axes_in_either_order():
    check_recist(np.float32([10, 20, 20, 20, 15, 14.6, 15, 25.4]), (40, 48))


def test_the_longer_axis_comes_first():
    axes = np.float32([0, 5, 10, 5, 5, 1, 5, 9])
    assert longer_first(axes) is axes
    np.testing.assert_array_equal(longer_first(np.roll(axes, 4)), axes)
    np.testing.assert_array_equal(longer_first(axes, (2.0, 1.0)), np.roll(axes, 4))
    alike = np.float32([0, 5, 10, 5, 5, 0, 5, 10.04])
    assert longer_first(alike) is alike


@pytest.mark.parametrize(
    ("moved", "told"),
    [
        ({}, ()),
        ({0: -0.5}, ()),  # at the edge of the first pixel
        ({0: -3.0}, ("an end of the axes lies outside of the 60 x 40 pixels",)),
        ({7: 44.0}, ("an end of the axes lies outside of the 60 x 40 pixels",)),
        ({2: 59.0, 4: 12.0, 6: 12.0}, ("the axes cross at an end or not at all",)),
        ({4: 45.0, 6: 45.0}, ("the axes cross at an end or not at all",)),
    ],
)
def test_axes_that_were_not_drawn_where_they_were_meant(moved, told):
    recist = np.array([10, 20, 30, 20, 15, 12, 15, 28], np.float32)
    for index, value in moved.items():
        recist[index] = value
    assert slips(recist, (40, 60)) == told
