"""Densities of a region's intensities."""

import numpy as np

from casgan_jax.classical.intensity import log_likelihood


def test_a_gaussian_around_one_sample():
    image = np.linspace(0, 1, 401)[None]
    weight = np.zeros_like(image)
    weight[0, 200] = 1
    density = np.exp(log_likelihood(image, weight, 0.05))
    expected = np.exp(-((image - 0.5) ** 2) / (2 * 0.05**2)) / (0.05 * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(density, 0.99 * expected + 0.01, atol=0.35)  # bins of 1 / 256
    assert abs(density.mean() - 1) < 0.01


def test_a_region_of_nothing_knows_nothing():
    image = np.random.default_rng(0).uniform(0, 1, (8, 8))
    np.testing.assert_allclose(log_likelihood(image, np.zeros((8, 8)), 0.05), 0, atol=1e-12)


def test_weights_count_as_many_pixels():
    image = np.array([[0.2, 0.8, 0.8, 0.8]])
    once = log_likelihood(image, np.array([[1.0, 1, 1, 1]]), 0.05)
    weighted = log_likelihood(image, np.array([[1.0, 3, 0, 0]]), 0.05)
    np.testing.assert_allclose(once, weighted)
    assert once[0, 1] > once[0, 0]
