"""Matting of volumes: what a dense solution says, and slices that hold on to each other or not."""

import numpy as np

from casgan_jax.soft_mask import volume_matting as matting
from tests.soft_mask.test_volume_laplacian import EPSILON, SHAPE, dense


def solve(image, trimap, prior, thickness=1.0, weight=0.1):
    spacing = (thickness, 1.0, 1.0)
    return matting.volume_matting(image, trimap, prior, weight, spacing, epsilon=EPSILON)


def test_it_is_the_minimum_of_the_energy():
    rng = np.random.default_rng(0)
    image, prior = rng.random((2, *SHAPE), dtype=np.float32)
    trimap = rng.choice(np.array([0, 128, 255], np.uint8), SHAPE, p=[0.2, 0.6, 0.2])
    matrix = dense(image, np.ones(SHAPE, bool), EPSILON, np.exp(-1.0 / 2.0))
    matrix += 0.1 * np.eye(len(matrix))
    free, known = (trimap == 128).ravel(), (trimap == 255).ravel().astype(float)
    right = 0.1 * prior.ravel()[free] - matrix[np.ix_(free, ~free)] @ known[~free]
    known[free] = np.linalg.solve(matrix[np.ix_(free, free)], right)
    found = solve(image, trimap, prior)
    np.testing.assert_allclose(found, known.clip(0, 1).reshape(SHAPE), atol=3e-3)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[trimap == 255], 1)
    np.testing.assert_array_equal(found[trimap == 0], 0)


def test_slices_hold_on_to_each_other_where_they_are_near_and_alike():
    """The middle slice is what those around it are, unless it looks like something else."""
    image = np.full((3, 8, 8), 0.5, np.float32)
    trimap = np.full(image.shape, 255, np.uint8)
    trimap[1] = 128
    prior = np.zeros_like(image)

    def middle(**more):
        return solve(image, trimap, prior, **more)[1].mean()

    near, far = middle(), middle(thickness=5.0)
    assert near > 0.9 and near > far + 0.05
    image[1, :, 4:] = 0.9
    assert solve(image, trimap, prior)[1, 2:-2, 6:].mean() < near - 0.05


def test_what_is_known_is_returned_as_it_is():
    trimap = np.zeros((2, 5, 5), np.uint8)
    trimap[1, 2, 2] = 255
    found = solve(np.zeros(trimap.shape, np.float32), trimap, np.zeros(trimap.shape, np.float32))
    np.testing.assert_array_equal(found, trimap == 255)


def test_only_what_is_around_the_unknown_is_worked_on(monkeypatch):
    rng = np.random.default_rng(3)
    image, prior = rng.random((2, 3, 40, 40), dtype=np.float32)
    trimap = np.zeros(image.shape, np.uint8)
    trimap[1, 18:22, 17:20] = 128
    seen = []
    solved = matting._solve

    def noted(part, *others, **options):
        seen.append(part.shape)
        return solved(part, *others, **options)

    monkeypatch.setattr(matting, "_solve", noted)
    found = solve(image, trimap, prior)
    assert seen == [(3, 8, 7)]
    free = trimap == 128
    assert found[free].min() > 0 and found[~free].max() == 0


def test_parts_of_a_tall_volume_are_solved_as_the_whole(monkeypatch):
    rng = np.random.default_rng(1)
    image = rng.random((12, 8, 8), dtype=np.float32)
    trimap = rng.choice(np.array([0, 128, 255], np.uint8), image.shape)
    prior = rng.random(image.shape, dtype=np.float32)
    whole = solve(image, trimap, prior, weight=1.0)
    monkeypatch.setattr(matting, "_MOST_VOXELS", 5 * 8**2)
    np.testing.assert_allclose(solve(image, trimap, prior, weight=1.0), whole, atol=0.05)


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
