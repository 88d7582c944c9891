"""What systems are shown of lesions, and where their masks lie."""

import numpy as np
import pytest

from casgan_jax import metrics
from casgan_jax.evaluation.looking import Lesion, soft_masks
from casgan_jax.grid import Box, area_mean, binarise
from casgan_jax.soft_mask.mark_planes import AXES_REACH, Marks
from casgan_jax.soft_mask.recist import relative_distance

SIZE, SIDE, SCALE = 96, 64, 2
RECIST = np.array([30.0, 44.0, 58.0, 56.0, 47.0, 43.0, 41.0, 57.0], np.float32)


class InsideTheAxes:
    """Marks what lies within the axes that it is shown or, shown none, what is bright."""

    patch, scale, threshold, mark_kinds, axis_share = SIDE, SCALE, 0.5, ("click", "axes"), 0.4
    neighbours = 0

    def __init__(self):
        self.shown = []

    def __call__(self, patches, marks):
        self.shown.append((patches, marks))
        enclosed = AXES_REACH * marks[..., 1] <= 1.0
        there = (marks[..., 1] < 1.0).any(axis=(1, 2), keepdims=True)
        alpha = np.where(there, enclosed, patches > 0.5).astype(np.float32)
        return {"alpha": alpha.repeat(SCALE, axis=1).repeat(SCALE, axis=2)}


class OnNativePixels(InsideTheAxes):
    axis_share = 0.0


@pytest.fixture(params=[InsideTheAxes, OnNativePixels])
def system(request):
    return request.param()


def dice(alpha, box, truth):
    return metrics.dice(binarise(area_mean(alpha, SCALE), 0.5), box.crop(truth))


def image_of(truth):
    return np.where(truth, 0.9, 0.1).astype(np.float32)


@pytest.mark.parametrize("recist", [RECIST, RECIST / 3 + 20, np.roll(RECIST, 1)])
def test_the_mask_lies_on_the_lesion(system, recist):
    truth = relative_distance(recist, (SIZE, SIZE)) <= 1
    box = Box.around(truth).grown(4) if system.axis_share else Box.centred((44, 50), SIDE)
    (alpha,) = soft_masks(system, [Lesion(image_of(truth), box, Marks(recist=recist))])
    assert alpha.shape == (SCALE * box.shape[0], SCALE * box.shape[1])
    if system.axis_share or Box.centred((44, 50), SIDE).contains(Box.around(truth)):
        assert dice(alpha, box, truth) > 0.93


def test_every_lesion_has_its_own_mask(system):
    truths = [relative_distance(RECIST - shift, (SIZE, SIZE)) <= 1 for shift in (0, 4, 8)]
    lesions = [
        Lesion(image_of(truth), Box.centred((44 - shift, 50 - shift), SIDE), Marks(recist=axes))
        for truth, shift, axes in zip(
            truths, (0, 4, 8), (RECIST, RECIST - 4, RECIST - 8), strict=True
        )
    ]
    masks = soft_masks(system, lesions)
    for lesion, alpha, truth in zip(lesions, masks, truths, strict=True):
        assert dice(alpha, lesion.box, truth) > 0.93
    assert len(system.shown) == 1, "all at once"
    assert soft_masks(system, []) == []


def test_a_lesion_without_axes_is_looked_at_again_by_those_that_were_found():
    system = InsideTheAxes()
    truth = relative_distance(RECIST, (SIZE, SIZE)) <= 1
    box = Box.centred((44, 50), SIDE)
    (alpha,) = soft_masks(system, [Lesion(image_of(truth), box, Marks(click=(44, 50)))])
    (_, first), (_, second) = system.shown
    assert (first[..., 1] == 1).all() and (first[..., 0] < 1).any()
    assert (second[..., 0] == 1).all() and (second[..., 1] < 1 / 3).any()
    assert dice(alpha, box, truth) > 0.93


def test_an_empty_mask_is_not_looked_at_again():
    system, dark = InsideTheAxes(), np.zeros((SIZE, SIZE), np.float32)
    box = Box.centred((44, 50), SIDE)
    (alpha,) = soft_masks(system, [Lesion(dark, box, Marks(click=(44, 50)))])
    assert len(system.shown) == 1 and alpha.max() == 0.0
