"""Lines over a lesion lie where the marks and the soft mask are."""

import dataclasses

import numpy as np
import pytest

from casgan_jax.grid import Box, normalise
from casgan_jax.labelling.outlines import draw_overlay, lesion_outlines
from casgan_jax.report.sheet import BLUE, ORANGE
from tests.labelling import lesions
from tests.labelling.labels import CENTRE, RADIUS, SCALE, made_label

MIDDLE = np.array(CENTRE) + 0.5  # of the lesion, where the crop's corner is (0, 0)


def test_the_soft_mask_is_outlined_where_it_crosses_the_threshold():
    (line,) = lesion_outlines(made_label()).found
    assert (line[0] == line[-1]).all()
    np.testing.assert_allclose(np.linalg.norm(line - MIDDLE, axis=1), RADIUS, atol=0.5)
    (inner,) = lesion_outlines(made_label(threshold=0.9)).found
    assert np.linalg.norm(inner - MIDDLE, axis=1).mean() < RADIUS - 0.5


def test_given_axes_and_masks_are_lines_of_the_crop():
    label = made_label(given_axes=lesions.axes(RADIUS, CENTRE) + np.tile(np.float32((7, 3)), 4))
    long, short = lesion_outlines(dataclasses.replace(label, box=Box(7, 3, 47, 43))).given
    np.testing.assert_allclose(long - MIDDLE, [(-RADIUS, 0), (RADIUS, 0)])
    np.testing.assert_allclose(short - MIDDLE, [(0, -RADIUS), (0, RADIUS)])
    masks = np.stack([lesions.disc(radius, CENTRE, size=40) for radius in (5, 11)], axis=2)
    lines = lesion_outlines(made_label(masks=masks)).given
    for line, radius in zip(lines, (5, 11), strict=True):
        assert np.abs(np.linalg.norm(line - MIDDLE, axis=1) - radius).max() < 1


def test_measured_axes_are_lines_of_the_crop():
    axes = lesions.axes(4.0, (12, 9)) + np.tile(np.float32((7, 3)), 4)
    label = dataclasses.replace(made_label(measured_axes=axes), box=Box(7, 3, 47, 43))
    long, short = lesion_outlines(label).measured
    np.testing.assert_allclose(long, [(8.5, 9.5), (16.5, 9.5)])
    np.testing.assert_allclose(short, [(12.5, 5.5), (12.5, 13.5)])


def test_a_soft_mask_below_the_threshold_has_no_outline():
    empty = made_label(alpha=np.zeros((SCALE * 40, SCALE * 40), np.float32))
    assert lesion_outlines(empty).found == []


@pytest.mark.parametrize(("side", "enlarge"), [(40, 7), (400, 1)])
def test_the_overlay_is_the_enlarged_image_with_lines(side, enlarge):
    label = made_label(given_axes=lesions.axes(RADIUS, CENTRE), side=side)
    picture = draw_overlay(label)
    assert picture.shape == (enlarge * side, enlarge * side, 3) and picture.dtype == np.uint8
    for colour in (BLUE, ORANGE):  # lines between pixels are drawn on both, somewhat paler
        assert np.abs(picture - np.array(colour)).sum(axis=2).min() < 90
    grey = np.round(255 * normalise(label.image, label.window)[-1, -1])
    assert picture[-1, -1].tolist() == [grey] * 3
