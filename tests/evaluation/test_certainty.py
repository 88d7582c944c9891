"""Certainty of soft masks that are drawn."""

import numpy as np
import pytest

from casgan_jax.evaluation.certainty import certainty


def test_it_is_the_mean_of_what_reaches_the_threshold():
    alpha = np.array([[0.0, 0.4, 0.6], [0.5, 1.0, 0.9]], np.float32)
    assert certainty(alpha, 0.5) == pytest.approx((0.6 + 0.5 + 1.0 + 0.9) / 4)
    assert certainty(alpha, 0.95) == 1.0


def test_an_empty_mask_is_not_certain():
    assert certainty(np.full((3, 3), 0.2, np.float32), 0.5) == 0.0
