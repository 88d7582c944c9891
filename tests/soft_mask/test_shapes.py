"""Outlines and boxes that are drawn on a lesion become masks."""

import numpy as np
import pytest

from casgan_jax.annotations import Annotation
from casgan_jax.grid import Box, binarise
from casgan_jax.labelling.label import label_lesion
from casgan_jax.metrics import dice
from casgan_jax.soft_mask.proposal import proposed
from casgan_jax.soft_mask.shapes import Outline, Rectangle
from casgan_jax.soft_mask.strokes import Stroke
from tests.faults import fault_of
from tests.labelling import lesions

CENTRE, RADIUS = (90, 60), 8
DISC = lesions.disc(RADIUS, CENTRE)
IMAGE = lesions.picture(RADIUS, CENTRE).astype(np.float32) / 255
TURN = np.linspace(0, 2 * np.pi, 40, endpoint=False)
CIRCLE = Outline(tuple((90 + 8 * np.cos(a), 60 + 8 * np.sin(a)) for a in TURN))
AROUND = Rectangle(79.0, 49.0, 101.0, 71.0)


def test_an_outline_holds_the_pixels_that_are_half_inside():
    assert dice(CIRCLE.mask(IMAGE), DISC) > 0.98
    square = Outline(((10.5, 20.5), (14.5, 20.5), (14.5, 24.5), (10.5, 24.5))).mask(IMAGE)
    assert square.sum() == 16 and square[21:25, 11:15].all()
    cut = Outline(((-9.5, -9.5), (3.5, -9.5), (3.5, 3.5), (-9.5, 3.5))).mask(IMAGE)
    assert cut.sum() == 16 and cut[:4, :4].all()


def test_grabcut_finds_a_lesion_in_a_box_around_it():
    assert dice(AROUND.mask(IMAGE), DISC) > 0.9
    assert dice(AROUND.mask(1 - IMAGE), DISC) > 0.9
    assert np.array_equal(AROUND.mask(IMAGE), AROUND.mask(IMAGE))
    large = lesions.picture(40, (80, 80)).astype(np.float32) / 255
    assert dice(Rectangle(35, 35, 125, 125).mask(large), lesions.disc(40, (80, 80))) > 0.95


@pytest.mark.parametrize(
    ("shape", "what"),
    [
        pytest.param(Outline(((1, 1), (2, 2))), "outline", id="2 points"),
        pytest.param(Outline(((500, 500), (520, 500), (510, 520))), "outline", id="no pixel"),
        pytest.param(Outline(((5, 5), (9, 9), (7, 7))), "outline", id="no pixel"),
        pytest.param(Rectangle(5, 5, 6, 9), "box", id="5 5 to 6 9"),
        pytest.param(Rectangle(150, 5, 170, 9), "box", id="150 5 to 170 9"),
        pytest.param(Rectangle(-3, 5, 9, 9), "box", id="box found"),
    ],
)
def test_shapes_that_are_none_are_told(shape, what):
    assert fault_of(shape.mask, IMAGE, told_remedy=False).what == what


@pytest.mark.parametrize("shape", [CIRCLE, AROUND])
def test_a_lesion_that_was_drawn_is_labelled_as_one_of_a_mask(tmp_path, shape):
    image = tmp_path / "image.png"
    lesions.write_image(image, lesions.picture(RADIUS, CENTRE))
    label = label_lesion(Annotation(key="a", patient="a", image=image, shape=shape))
    assert label.strategy == "mask" and label.quality > 0.8
    assert label.diameters_px == pytest.approx((16, 16), abs=2)


def test_a_proposal_is_kept_as_it_is_and_corrected_by_strokes(tmp_path):
    image = tmp_path / "image.png"
    lesions.write_image(image, lesions.picture(RADIUS, CENTRE))
    y, x = (np.mgrid[:256, :256] + 0.5) / 4 - 0.5
    alpha = np.clip(8.5 - np.hypot(x + 58 - 90, y + 28 - 60), 0, 1).astype(np.float32)
    proposal = proposed(alpha, Box(58, 28, 122, 92), (160, 160))
    axes = lesions.axes(RADIUS, CENTRE)
    one = dict(key="a", patient="a", image=image, recist=axes, proposal=proposal)
    label = label_lesion(Annotation(**one))
    assert label.strategy == "network" and label.quality > 0.8
    assert label.box.contains(proposal.box)
    kept = proposal.box.within(label.box).scaled(4).crop(label.alpha)
    assert np.abs(kept - alpha).max() <= 0.5 / 255 + 1e-6
    stroke = Stroke("background", 2.0, ((97.0, 60.0),))
    corrected = label_lesion(Annotation(**one, strokes=(stroke,)))
    assert corrected.area_px < label.area_px - 3
    assert binarise(corrected.alpha, 0.5).sum() > 0.5 * binarise(label.alpha, 0.5).sum()


def test_a_proposal_is_cut_at_the_border_of_its_image():
    proposal = proposed(np.ones((64, 64), np.float32), Box(-8, -8, 24, 24), (20, 30))
    assert proposal.box == Box(0, 0, 24, 20) and proposal.scale == 2
    label = proposal.label(Box(0, 0, 30, 20), 4)
    assert label.alpha.shape == (80, 120) and label.alpha[:, :96].min() == 1
    assert label.alpha[:, 96:].max() == 0
    assert proposal.label(Box(0, 0, 30, 20), 1).alpha.sum() == 24 * 20
