"""Strokes change the trimap where they are, with an unknown rim against the other side."""

import numpy as np
import pytest

from casgan_jax.soft_mask.label import corrected, label_from_binary, label_from_recist
from casgan_jax.soft_mask.strokes import Stroke, with_strokes
from tests.faults import fault_of
from tests.labelling.lesions import axes, disc, picture

SCALE, SIZE = 4, 160
IMAGE = picture(12, (80, 80)) / np.float32(255)


def empty(value=0):
    return np.full((SCALE * 32, SCALE * 32), value, np.uint8)


def at(trimap, x, y):
    """The value at a point of the image."""
    return int(trimap[round((y + 0.5) * SCALE - 0.5), round((x + 0.5) * SCALE - 0.5)])


def test_a_dot_has_its_radius_and_a_rim_of_at_least_a_pixel():
    trimap = with_strokes(empty(), [Stroke("lesion", 3.0, ((16.0, 10.0),))], SCALE)
    area = (trimap == 255).sum() / SCALE**2
    assert area == pytest.approx(np.pi * 3**2, rel=0.05)
    outer = (trimap > 0).sum() / SCALE**2
    assert outer == pytest.approx(np.pi * 4.5**2, rel=0.05)
    assert at(trimap, 16, 10) == 255 and at(trimap, 16, 13.8) == 128 and at(trimap, 16, 16) == 0


def test_a_line_is_as_wide_as_the_brush_all_along():
    stroke = Stroke("background", 2.0, ((5.0, 16.0), (27.0, 16.0)))
    trimap = with_strokes(empty(255), [stroke], SCALE)
    for x in (5, 12, 20.25, 27):
        column = trimap[:, round((x + 0.5) * SCALE - 0.5)]
        assert (column == 0).sum() / SCALE == pytest.approx(4.0, abs=0.5)
        assert (column == 128).sum() / SCALE == pytest.approx(2.0, abs=0.6)


def test_the_last_stroke_is_uppermost_and_its_rim_leaves_painted_pixels():
    first = Stroke("lesion", 3.0, ((16.0, 16.0),))
    second = Stroke("background", 1.0, ((20.0, 16.0),))
    trimap = with_strokes(empty(), [first, second], SCALE)
    assert at(trimap, 18.5, 16) == 255  # within the rim of the second
    third = Stroke("unknown", 1.0, ((16.0, 16.0),))
    assert at(with_strokes(trimap, [third], SCALE), 16, 16) == 128


def test_no_stroke_leaves_the_label_as_it_is():
    label = label_from_recist(IMAGE, axes(12, (80, 80)), SCALE)
    assert corrected(IMAGE, label, [], SCALE) is label


def test_a_stroke_changes_what_is_around_it_and_hardly_anything_else():
    label = label_from_recist(IMAGE, axes(12, (80, 80)), SCALE)
    stroke = Stroke("background", 2.0, ((90.0, 80.0),))
    found = corrected(IMAGE, label, [stroke], SCALE)
    assert at(label.alpha > 0.5, 90, 80) == 1 and at(found.alpha, 90, 80) == 0
    far = np.s_[:, : SCALE * 76]
    assert np.abs(found.alpha[far] - label.alpha[far]).max() < 0.02
    assert np.array_equal(found.grabcut, label.grabcut)


@pytest.mark.slow
def test_the_image_decides_within_the_rim():
    """Lesion painted over one half of a bright disc: the soft mask follows the disc's edge."""
    mask = disc(4, (80, 80))
    label = label_from_binary(IMAGE, mask, SCALE)
    painted = corrected(IMAGE, label, [Stroke("lesion", 5.0, ((80.0, 74.0),))], SCALE)
    opened = corrected(
        IMAGE,
        label,
        [Stroke("unknown", 14.0, ((80.0, 80.0),)), Stroke("lesion", 3.0, ((80.0, 80.0),))],
        SCALE,
    )
    assert at(painted.alpha, 80, 72) == 1 and at(label.alpha, 80, 72) == 0
    # Bright out to a radius of 12.
    assert at(opened.alpha > 0.9, 80, 70) == 1 and at(opened.alpha < 0.1, 80, 66.5) == 1


def test_a_lesion_that_is_all_painted_away_is_refused():
    label = label_from_binary(IMAGE, disc(4, (80, 80)), SCALE)
    whole = Stroke("background", 20.0, ((80.0, 80.0),))
    assert fault_of(corrected, IMAGE, label, [whole], SCALE).what == "trimap 0"


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        (("lesions", 1.0, ((1.0, 1.0),)), "value"),
        (("lesion", 0.0, ((1.0, 1.0),)), "radius"),
        (("lesion", float("nan"), ((1.0, 1.0),)), "radius"),
        (("lesion", 1e6, ((1.0, 1.0),)), "radius"),
        (("lesion", 1.0, ()), "points"),
        (("lesion", 1.0, ((1.0, float("inf")),)), "points"),
    ],
)
def test_what_is_no_stroke_is_refused(fields, what):
    assert fault_of(Stroke, *fields, told_remedy=False).what == what
