"""Matting of volumes: what a dense solution says, and slices that hold on to each other or not."""

import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.soft_mask import volume_matting as matting
from casgan_jax.soft_mask.laplacian import laplacian_product, stencil

SHAPE = (4, 9, 8)
EPSILON = 1e-4


def problem(seed=0):
    rng = np.random.default_rng(seed)
    image = rng.random(SHAPE, dtype=np.float32)
    trimap = rng.choice(np.array([0, 128, 255], np.uint8), SHAPE, p=[0.2, 0.6, 0.2])
    return image, trimap, rng.random(SHAPE, dtype=np.float32)


def solve(image, trimap, prior, thickness=1.0, coupling=0.5):
    spacing = (thickness, 1.0, 1.0)
    return matting.volume_matting(
        image, trimap, prior, 0.1, spacing, coupling=coupling, epsilon=EPSILON
    )


@pytest.mark.slow
def test_it_is_the_minimum_of_the_energy():
    image, trimap, prior = problem()
    unit = np.eye(image[0].size, dtype=np.float32).reshape(-1, *SHAPE[1:])
    size = unit[0].size
    matrix = 0.1 * np.eye(SHAPE[0] * size)
    for k, plane in enumerate(image):
        planes = stencil(jnp.asarray(plane), jnp.ones(plane.shape, bool), EPSILON)
        rows = [np.asarray(laplacian_product(planes, one)).ravel() for one in unit]
        matrix[k * size : (k + 1) * size, k * size : (k + 1) * size] += rows
    tie = 0.5 * np.exp(-1.0 / 2.0)
    for k in range(SHAPE[0] - 1):
        weights = tie * np.exp(-0.5 * ((image[k + 1] - image[k]) / 0.1) ** 2).ravel()
        for pixel, weight in enumerate(weights):
            pair = [k * size + pixel, (k + 1) * size + pixel]
            matrix[np.ix_(pair, pair)] += weight * np.array([[1, -1], [-1, 1]])
    free = (trimap == 128).ravel()
    known = (trimap == 255).ravel().astype(float)
    right = 0.1 * prior.ravel()[free] - matrix[np.ix_(free, ~free)] @ known[~free]
    known[free] = np.linalg.solve(matrix[np.ix_(free, free)], right)
    np.testing.assert_allclose(
        solve(image, trimap, prior), known.clip(0, 1).reshape(SHAPE), atol=3e-3
    )


def test_slices_hold_on_to_each_other_where_they_are_near_and_alike():
    image = np.full((2, 8, 8), 0.5, np.float32)
    trimap = np.full(image.shape, 128, np.uint8)
    trimap[0] = 255
    prior = np.zeros_like(image)

    def second(**more):
        return solve(image, trimap, prior, **more)[1].mean()

    assert second() > second(thickness=5.0) > second(coupling=0.0) == 0
    image[1] = 0.9
    assert second() < 1e-3


def test_parts_of_a_tall_volume_are_solved_as_the_whole(monkeypatch):
    rng = np.random.default_rng(1)
    image = rng.random((12, 8, 8), dtype=np.float32)
    trimap = rng.choice(np.array([0, 128, 255], np.uint8), image.shape)
    prior = rng.random(image.shape, dtype=np.float32)
    whole = solve(image, trimap, prior)
    monkeypatch.setattr(matting, "_MOST_PIXELS", 5 * 32**2)
    np.testing.assert_allclose(solve(image, trimap, prior), whole, atol=0.02)


def test_windows_with_foreign_pixels_do_not_count():
    """Beside what is as bright and background the lesion keeps its prior."""
    image = np.full((1, 12, 12), 0.7, np.float32)
    trimap = np.full(image.shape, 128, np.uint8)
    foreign = np.zeros(image.shape, bool)
    trimap[:, :4], foreign[:, :4] = 0, True
    prior = np.where(foreign, 0, 1).astype(np.float32)
    pulled = matting.volume_matting(image, trimap, prior, 0.1, (1.0, 1.0, 1.0))
    kept = matting.volume_matting(image, trimap, prior, 0.1, (1.0, 1.0, 1.0), foreign=foreign)
    assert pulled[0, 4].mean() < 0.8
    np.testing.assert_allclose(kept, prior, atol=0.01)
