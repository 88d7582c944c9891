"""Graph cut with a probability map as prior."""

import numpy as np
from scipy.ndimage import gaussian_filter

from casgan_jax.classical.deep_prior import deep_prior_cut
from casgan_jax.metrics import dice
from tests.classical.patches import disc, noisy
from tests.faults import fault_of


def test_a_strong_prior_alone_is_its_threshold():
    probability = np.random.default_rng(0).uniform(0, 1, (24, 24))
    image = noisy(disc(24, 5))
    for threshold in (0.3, 0.5, 0.8):
        found = deep_prior_cut(image, probability, threshold=threshold, prior=1.0, regional=1e6)
        np.testing.assert_array_equal(found, probability >= threshold)


def test_the_image_corrects_a_prior_of_the_wrong_size():
    lesion = disc(48, 10)
    probability = gaussian_filter(disc(48, 12).astype(float), 2)
    found = deep_prior_cut(noisy(lesion), probability, prior=0.5, regional=1.0)
    assert dice(probability >= 0.5, lesion) < 0.86
    assert dice(found, lesion) > 0.97


def test_the_prior_tells_alike_regions_apart():
    lesion, other = disc(48, 7), disc(48, 7, (38, 38))
    probability = 0.02 + 0.9 * gaussian_filter(lesion.astype(float), 2)
    found = deep_prior_cut(noisy(lesion | other), probability, prior=0.8, regional=1.0)
    assert dice(found, lesion) > 0.97
    assert not found[other].any()


def test_the_outline_costs():
    rng = np.random.default_rng(0)
    lesion = disc(48, 10)
    probability = np.clip(np.where(lesion, 0.7, 0.3) + rng.normal(0, 0.3, lesion.shape), 0, 1)
    flat = np.full(lesion.shape, 0.5)
    found = deep_prior_cut(flat, probability, prior=1.0, regional=0.5)
    assert dice(probability >= 0.5, lesion) < 0.75
    assert dice(found, lesion) > 0.93


def test_no_lesion_no_mask():
    image = noisy(disc(24, 5))
    assert not deep_prior_cut(image, np.zeros(image.shape, np.float32)).any()


def test_what_is_no_probability():
    image = noisy(disc(24, 5))
    assert fault_of(deep_prior_cut, image, np.full(image.shape, np.nan)).what == "probability"
    assert fault_of(deep_prior_cut, image, np.zeros((48, 48))).what == "probability"
    error = fault_of(deep_prior_cut, image, image, threshold=1.0)
    assert error.what == "threshold" and error.found == "1.0"
