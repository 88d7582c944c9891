"""Boxes around marks, windows, means and codes."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casgan_jax.grid import (
    PAPER_THRESHOLD,
    Box,
    area_mean,
    as_stored,
    binarise,
    decode_alpha,
    encode_alpha,
    normalise,
)
from tests.faults import fault_of

SHAPE = (24, 31)
# Every whole, half and quarter pixel that a mark of the image can lie at.
MARKS = [np.arange(-0.5, side - 0.5 + 0.25, 0.25) for side in SHAPE[::-1]]


def image(shape=SHAPE) -> np.ndarray:
    return np.random.default_rng(0).random(shape, np.float32)


@pytest.mark.parametrize("side", [1, 2, 7, 8, 23, 24])
def test_a_box_is_as_near_to_its_mark_as_whole_pixels_are(side):
    for mark in zip(*np.broadcast_arrays(MARKS[0], MARKS[1][:1]), strict=True):
        box = Box.centred(mark, side)
        assert box.shape == (side, side)
        away = np.subtract(box.corner, np.subtract(mark, (side - 1) / 2))
        assert abs(away).max() <= 0.5
        # Half-way between two corners: the even one.
        assert not any(first % 2 for first in np.array(box.corner)[abs(away) == 0.5])


def test_the_rule_for_whole_marks_and_an_even_side():
    lefts = [Box.centred((x, 0.0), 64).left for x in (40, 41, 42, 43, 44, 45)]
    assert lefts == [8, 10, 10, 12, 12, 14]
    assert Box.centred(np.float32([63.5, 63.5]), 64) == Box(32, 32, 96, 96)


@pytest.mark.slow
@pytest.mark.parametrize("side", [1, 7, 8, 24])
@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_a_box_cuts_the_same_piece_at_every_scale(side, scale):
    native = image()
    fine = native.repeat(scale, axis=0).repeat(scale, axis=1)
    for mark in itertools.product(MARKS[0][::3], MARKS[1][::3]):
        box = Box.centred(mark, side).inside(SHAPE)
        assert Box.of(SHAPE).contains(box)
        part = box.crop(native)
        assert part.shape == (side, side)
        np.testing.assert_allclose(area_mean(box.scaled(scale).crop(fine), scale), part, rtol=1e-6)


@pytest.mark.parametrize("side", [7, 8])
def test_a_box_is_moved_no_further_than_into_the_image(side):
    for mark in itertools.product(*MARKS):
        box = Box.centred(mark, side)
        moved = box.inside(SHAPE)
        for first, start, length in zip(box.corner, moved.corner, SHAPE[::-1], strict=True):
            assert start == min(max(first, 0), length - side)


def test_an_image_that_is_smaller_than_the_box():
    box = Box.centred((1.0, 2.0), 9)
    assert box == Box(-3, -2, 6, 7)
    assert box.inside((5, 20)) == Box(0, 0, 9, 9)
    assert box.clipped((5, 4)) == Box(0, 0, 4, 5)


@pytest.mark.parametrize("side", [5, 8, 40])
def test_beyond_the_image_its_edge_goes_on(side):
    padded = np.pad(image(), 64, mode="edge")
    for mark in itertools.product(MARKS[0][::5], MARKS[1][::5]):
        box = Box.centred(mark, side)
        expected = box.shifted(64, 64).crop(padded)
        np.testing.assert_array_equal(box.crop(image(), padded=True), expected)


def test_a_box_that_leaves_the_plane_is_refused_unless_it_is_padded():
    for box in (Box(-1, 0, 4, 4), Box(0, 0, 4, 25), Box(28, 0, 32, 4)):
        with pytest.raises(ValueError, match="box: found .* move it inside, or pad"):
            box.crop(image())
    with pytest.raises(ValueError, match=r"part: found shape \(3, 4\), expected .*\(4, 4\)"):
        Box(0, 0, 4, 4).paste(image((3, 4)), SHAPE)


edges = st.integers(-40, 40)
sides = st.integers(1, 40)


@given(edges, edges, sides, sides, sides, sides, st.integers(1, 4), st.booleans())
def test_what_is_cropped_and_pasted_is_back_in_its_place(
    left, top, width, height, rows, columns, scale, channels
):
    shape = (scale * rows, scale * columns)
    plane = 1 + np.arange(np.prod(shape)).reshape(shape)
    plane = np.stack([plane, -plane], axis=-1) if channels else plane
    box = Box(left, top, left + width, top + height).scaled(scale)
    back = box.paste(box.crop(plane, padded=True), shape)
    inside = np.zeros(shape, bool)
    kept = box.clipped(shape)
    inside[kept.top : max(kept.bottom, 0), kept.left : max(kept.right, 0)] = True
    np.testing.assert_array_equal(back[inside], plane[inside])
    assert not back[~inside].any()


def test_boxes_of_masks_and_of_one_another():
    mask = np.zeros(SHAPE, bool)
    mask[3, 5] = mask[9, 20] = True
    box = Box.around(mask)
    assert tuple(box) == (5, 3, 21, 10) and box.shape == (7, 16)
    assert box.grown(4).clipped(SHAPE) == Box(1, 0, 25, 14)
    assert box.within(Box(4, 1, 30, 20)) == Box(1, 2, 17, 9)
    assert Box.of(SHAPE).contains(box) and not box.contains(Box.of(SHAPE))


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_means_of_floats_and_of_codes(scale):
    fine = image((6 * scale, 5 * scale))
    expected = fine.reshape(6, scale, 5, scale).mean(axis=(1, 3))
    np.testing.assert_allclose(area_mean(fine, scale), expected, rtol=1e-6)
    coded = encode_alpha(fine)
    means = coded.reshape(6, scale, 5, scale).mean(axis=(1, 3))
    found = area_mean(coded, scale)
    assert found.dtype == np.uint8 and abs(found - means).max() <= 0.5
    full = np.ones((6 * scale, 6 * scale), np.float32)
    np.testing.assert_array_equal(area_mean(full, scale), 1.0)


def test_means_need_whole_pixels():
    with pytest.raises(ValueError, match=r"plane: found shape \(24, 31\), expected .*of 2"):
        area_mean(image(), 2)


def test_a_window_becomes_zero_to_one():
    found = normalise(np.array([[-2000, -1000, -300, 400, 3000]], np.int16), (-1000, 400))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.float32([[0, 0, 0.5, 1, 1]]))
    np.testing.assert_array_equal(
        normalise(np.uint8([0, 51, 255]), (0, 255)), np.float32([0, 0.2, 1])
    )
    full = normalise(np.uint16([0, 32768, 65535]), (0, 65535))
    np.testing.assert_allclose(full, [0, 32768 / 65535, 1], atol=1e-7)


def test_the_ends_of_a_type_do_not_wrap():
    values = np.array([-32768, -1000, -300, 400, 32767], np.int16)
    np.testing.assert_allclose(normalise(values, (-1000, 400)), [0, 0, 0.5, 1, 1], atol=1e-6)


@pytest.mark.parametrize(
    "window",
    [(1, 1), (400, -1000), (np.nan, 1), (0, np.inf)],
    ids=["flat", "swapped", "nan", "inf"],
)
def test_windows_that_do_not_rise_are_refused(window):
    assert fault_of(normalise, np.zeros((2, 2)), window).what == "window"


def test_codes_round_trip():
    codes = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(encode_alpha(decode_alpha(codes)), codes)
    on_device = decode_alpha(jnp.asarray(codes))
    assert on_device.dtype == np.float32
    np.testing.assert_allclose(on_device, decode_alpha(codes), rtol=1e-7)


def test_what_is_stored_is_the_nearest_code_and_stays_it():
    alpha = np.linspace(0, 1, 1001, dtype=np.float32)
    stored = as_stored(alpha)
    assert stored.dtype == np.float32 and np.abs(stored - alpha).max() <= 0.5 / 255 + 1e-6
    np.testing.assert_array_equal(as_stored(stored), stored)
    np.testing.assert_array_equal(encode_alpha(stored), encode_alpha(alpha))


@pytest.mark.parametrize("value", [-0.01, 1.01, np.nan, np.inf])
def test_what_is_no_alpha_is_not_encoded(value):
    assert fault_of(encode_alpha, np.float32([0.5, value])).what == "alpha"


@pytest.mark.parametrize("where", [np.asarray, jnp.asarray], ids=["numpy", "jax"])
def test_a_threshold_means_the_uint8_code_for_every_code(where):
    codes = np.arange(256, dtype=np.uint8)
    alpha = where(decode_alpha(codes))
    for code in codes[1:]:
        for threshold in (int(code) / 255.0, np.float64(code) / 255.0):
            np.testing.assert_array_equal(binarise(alpha, threshold), codes >= code)


def test_masks_are_made_within_jit_and_of_half_precision():
    alpha = decode_alpha(np.array([127, 128, 129], np.uint8))
    hard = jax.jit(lambda a: binarise(a, PAPER_THRESHOLD))
    np.testing.assert_array_equal(hard(alpha), [False, True, True])
    half = jnp.asarray([0.25, 0.5, 0.75], jnp.bfloat16)
    np.testing.assert_array_equal(binarise(half, 0.5), [False, True, True])


@pytest.mark.parametrize(
    ("alpha", "threshold", "what"),
    [
        pytest.param(image(), 0.0, "threshold", id="0"),
        pytest.param(image(), 128, "threshold", id="128"),
        pytest.param(image(), np.nan, "threshold", id="nan"),
        pytest.param(np.uint8(255 * image()), 0.5, "alpha", id="uint8"),
        pytest.param(jnp.zeros((2, 2), bool), 0.5, "alpha", id="bool"),
    ],
)
def test_masks_that_mean_nothing_are_refused(alpha, threshold, what):
    assert fault_of(binarise, alpha, threshold).what == what
