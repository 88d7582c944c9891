"""Labelling a lesion, whole: strategy, crop, soft mask, axes, sizes and quality."""

import dataclasses

import numpy as np
import pytest

from casgan_jax.annotations import Annotation, read_annotations
from casgan_jax.grid import Box, area_mean, decode_alpha, encode_alpha
from casgan_jax.labelling.label import LabelOptions, crop_box, label_lesion
from casgan_jax.metrics import dice
from tests.faults import fault_of
from tests.labelling import lesions
from tests.shared_data import shared_data

CENTRE, RADIUS = (90.0, 60.0), 8.0
TWO = LabelOptions(scale=2)


@pytest.fixture
def annotate(tmp_path):
    """An annotation of a bright disc with the given marks."""
    image = lesions.write_image(tmp_path / "a.png", lesions.picture(RADIUS, CENTRE))

    def annotated(*radii, recist=None, centre=CENTRE, **fields):
        files = tuple(
            lesions.write_mask(tmp_path / f"{k}.png", lesions.disc(radius, centre))
            for k, radius in enumerate(radii)
        )
        if recist is not None:
            marks = {"recist": recist}
        else:
            marks = {"mask": files[0]} if len(files) == 1 else {"reader_masks": files}
        return Annotation(key="one", patient="Ann", image=image, **marks, **fields)

    return annotated


def on_image(label, shape=(160, 160)):
    """The soft mask at the image's resolution, in the image."""
    whole = np.zeros(shape, np.float32)
    left, top, right, bottom = label.box
    whole[top:bottom, left:right] = area_mean(label.alpha, label.scale)
    return whole


STRATEGIES = {
    "recist": {"recist": lesions.axes(RADIUS, CENTRE)},
    "mask": {"radii": (RADIUS,)},
    "readers": {"radii": (RADIUS - 1, RADIUS, RADIUS + 1)},
}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_disc_is_found_and_measured(annotate, strategy):
    marks = dict(STRATEGIES[strategy])
    label = label_lesion(annotate(*marks.pop("radii", ()), **marks, spacing_mm=(0.5, 0.5)), TWO)
    assert (label.strategy, label.key, label.patient) == (strategy, "one", "Ann")
    left, top, right, bottom = label.box
    assert label.alpha.shape == label.trimap.shape == (2 * (bottom - top), 2 * (right - left))
    assert label.alpha.dtype == np.float32
    np.testing.assert_array_equal(decode_alpha(encode_alpha(label.alpha)), label.alpha)
    np.testing.assert_array_equal(
        label.image, lesions.picture(RADIUS, CENTRE)[top:bottom, left:right]
    )
    assert dice(on_image(label) >= 0.5, lesions.disc(RADIUS, CENTRE)) > 0.9
    np.testing.assert_allclose(label.diameters_px, 2 * RADIUS, atol=1.5)
    np.testing.assert_allclose(label.diameters_mm, np.array(label.diameters_px) / 2, rtol=1e-5)
    assert label.area_px == pytest.approx(np.pi * RADIUS**2, rel=0.15)
    assert label.area_mm2 == pytest.approx(label.area_px / 4)
    middle = label.measured_axes.reshape(4, 2).mean(axis=0)
    np.testing.assert_allclose(middle, CENTRE, atol=1.5)
    assert 0.8 < label.quality <= 1


def test_without_spacing_there_are_no_millimetres(annotate):
    label = label_lesion(annotate(RADIUS), TWO)
    assert (label.spacing_mm, label.diameters_mm, label.area_mm2) == (None, None, None)


def test_what_the_readers_disagree_on_is_kept(annotate):
    label = label_lesion(annotate(7, 7, 9, 9), TWO)
    share = label.readers_mean
    assert set(np.unique(share)) == {0, 0.5, 1}
    np.testing.assert_array_equal(label.readers_spread, np.where(share == 0.5, 0.5, 0))
    a, b = lesions.disc(7, CENTRE).sum(), lesions.disc(9, CENTRE).sum()
    assert label.quality == pytest.approx((2 + 4 * 2 * a / (a + b)) / 6)
    anchored = label_lesion(
        annotate(7, 7, 9, 9), LabelOptions(scale=2, readers_strategy="anchored")
    )
    assert np.abs(anchored.alpha - label.alpha).max() > 0.05


def test_one_reader_who_marked_something_is_a_mask(annotate):
    alone = label_lesion(annotate(0.1 - 1, RADIUS), TWO)  # no pixel within a negative radius
    assert alone.strategy == "mask"
    assert alone.readers_mean is None and alone.readers_spread is None
    np.testing.assert_array_equal(alone.alpha, label_lesion(annotate(RADIUS), TWO).alpha)


def test_quality_falls_with_marks_that_the_image_does_not_bear_out(annotate):
    good = label_lesion(annotate(recist=lesions.axes(RADIUS, CENTRE)), TWO)
    moved = label_lesion(annotate(recist=lesions.axes(RADIUS, (95.0, 64.0))), TWO)
    small = label_lesion(annotate(recist=lesions.axes(0.5 * RADIUS, CENTRE)), TWO)
    assert max(moved.quality, small.quality) < good.quality - 0.2
    # The soft mask is drawn towards the axes, theirs alone tell less.
    assert good.axes_agreement - moved.axes_agreement < 0.1
    assert good.quality <= good.axes_agreement <= 1
    assert label_lesion(annotate(RADIUS), TWO).axes_agreement is None


@pytest.mark.parametrize(
    ("side", "least", "scale"),
    [(128, 1, 4), (129, 1, 2), (257, 1, 1), (2000, 1, 1), (2000, 2, 2), (2000, 4, 4)],
)
def test_soft_masks_of_large_lesions_are_coarser(side, least, scale):
    options = LabelOptions(least_scale=least)
    assert options.scale_for(Box(10, 10, 10 + side, 30)) == scale


def test_scales_that_are_not_halved_stay_multiples_of_the_least():
    assert LabelOptions(scale=6, least_scale=3).scale_for(Box(0, 0, 900, 9)) == 3
    assert LabelOptions(scale=3).scale_for(Box(0, 0, 900, 9)) == 3


def test_a_large_lesion_is_found_and_measured(tmp_path):
    picture = lesions.picture(66, (80, 80))
    image = lesions.write_image(tmp_path / "large.png", picture)
    one = Annotation(key="one", patient="", image=image, recist=lesions.axes(66, (80, 80)))
    label = label_lesion(one)
    assert label.scale == 2 and label.alpha.shape == tuple(2 * side for side in label.box.shape)
    assert dice(on_image(label) >= 0.5, lesions.disc(66, (80, 80))) > 0.97
    np.testing.assert_allclose(label.diameters_px, 132, atol=2)


def test_a_soft_mask_that_is_not_as_long_as_its_axes_says_so(annotate):
    label = label_lesion(annotate(recist=lesions.axes(RADIUS, CENTRE)), TWO)
    assert label.slip == ""
    given = label.given_axes + np.float32([-9, 0, 9, 0, 0, 0, 0, 0])
    wrong = dataclasses.replace(label, given_axes=given)
    assert wrong.slip.endswith("where its axes are 34.0")
    assert dataclasses.replace(wrong, strategy="network").slip == ""


def test_a_crop_is_enough():
    assert crop_box(Box(80, 50, 100, 70), (512, 512)) == Box(64, 34, 116, 86)
    assert crop_box(Box(80, 50, 180, 70), (512, 512)) == Box(5, 0, 255, 145)
    assert crop_box(Box(-3, 500, 9, 515), (512, 512)) == Box(0, 484, 25, 512)


def test_the_label_does_not_depend_on_how_much_is_around(annotate, tmp_path):
    """The same lesion in a larger image has the same soft mask, elsewhere."""
    small = label_lesion(annotate(recist=lesions.axes(RADIUS, CENTRE)), TWO)
    wide = np.pad(lesions.picture(RADIUS, CENTRE), 100, mode="reflect")
    image = lesions.write_image(tmp_path / "wide.png", wide)
    moved = Annotation(
        key="wide", patient="Ann", image=image, recist=lesions.axes(RADIUS, (190.0, 160.0))
    )
    large = label_lesion(moved, TWO)
    assert large.box == small.box.shifted(100, 100)
    np.testing.assert_array_equal(large.alpha, small.alpha)
    np.testing.assert_allclose(large.measured_axes, small.measured_axes + 100, atol=1e-4)


def test_lesions_at_the_border(annotate, tmp_path):
    centre = (3.0, 60.0)
    image = lesions.write_image(tmp_path / "b.png", lesions.picture(RADIUS, centre))
    one = Annotation(key="b", patient="b", image=image, recist=lesions.axes(RADIUS, centre))
    label = label_lesion(one, TWO)
    assert label.box.left == 0
    assert dice(on_image(label) >= 0.5, lesions.disc(RADIUS, centre)) > 0.85


def test_what_cannot_be_labelled(annotate, tmp_path):
    def reason_of(annotation):
        return fault_of(label_lesion, annotation, TWO).reason

    assert reason_of(annotate(300)) == "no_background"
    near, _ = annotate(2, 2).reader_masks
    far = lesions.write_mask(tmp_path / "far.png", lesions.disc(4, (20, 20)))
    apart = dataclasses.replace(annotate(2, 2), reader_masks=(near, far))
    assert reason_of(apart) == "empty_intersection"
    error = fault_of(label_lesion, annotate(RADIUS), LabelOptions(window=(-1000, -500)))
    assert error.what.endswith("/a.png") and "-1000 to -500" in error.found


def test_real_lesions_are_labelled():
    table = shared_data("deeplesion", "DL_info.csv")
    small = [one for one in read_annotations(table).annotations if one.key.startswith("000004")]
    assert len(small) == 3
    for one in small:
        label = label_lesion(one, LabelOptions(scale=2, window=(-1000, 400)))
        assert label.quality > 0.75, one.key
        long, short = label.diameters_mm
        assert 5 < short <= long < 25
