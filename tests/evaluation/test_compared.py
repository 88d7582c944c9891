"""A lesion beside its readers: masks over the patch, Dice over the whole image."""

import numpy as np
import pytest

from casgan_jax import metrics
from casgan_jax.evaluation.compared import compared_case
from casgan_jax.evaluation.prediction import predict_records
from tests.outlined_discs import PATCH, SCALE, BrightIsLesion, disc, record_of


def compared(record):
    (item,) = predict_records(BrightIsLesion(), [record], (0, 255))
    return compared_case(item, 0.5)


def test_masks_are_those_of_the_patch():
    case = compared(record_of() | {"key": b"K0"})
    assert case.key == "K0" and case.patch.shape == (PATCH, PATCH)
    inside = slice(8, 24)
    for outline, radius in zip(case.readers, (4, 5, 5, 6), strict=True):
        np.testing.assert_array_equal(outline.mask, disc(radius)[inside, inside])
    np.testing.assert_array_equal(case.consensus, disc(5.0)[inside, inside])
    np.testing.assert_array_equal(case.network.mask, disc(5.0)[inside, inside])
    side = SCALE * PATCH
    assert case.label.shape == case.trimap.shape == case.alpha.shape == (side, side)
    assert set(np.unique(case.trimap)) == {0, 128, 255}
    assert case.label.min() >= 0.0 and case.label.max() == 1.0


def test_what_leaves_the_patch_counts_as_missed():
    case = compared(record_of(x=24.0))
    lesion, found = disc(5.0, 24.0), disc(5.0, 24.0)
    found[:, 24:] = False
    assert case.network.dice == pytest.approx(float(metrics.dice(found, lesion)))
    assert case.network.dice < 0.75
    assert [outline.dice for outline in case.readers[1:3]] == [1.0, 1.0]
