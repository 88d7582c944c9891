"""The Laplacian of a volume against its definition, window by window."""

import itertools

import numpy as np
import pytest

from casgan_jax.soft_mask.volume_laplacian import VolumeLaplacian

SHAPE = (4, 5, 6)
EPSILON = 1e-4


def dense(image, inside, epsilon, hold, apart=None):
    """The matrix of the Laplacian, as Levin et al. define that of one size of windows."""
    index = np.arange(image.size).reshape(image.shape)
    matrix = np.zeros((image.size, image.size))
    for depth, weight in ((1, 1.0), (3, hold)):
        corners = (
            range(side - length + 1) for side, length in zip(SHAPE, (depth, 3, 3), strict=True)
        )
        for z, y, x in itertools.product(*corners):
            window = (slice(z, z + depth), slice(y, y + 3), slice(x, x + 3))
            if not inside[window].all():
                continue
            if depth == 3 and apart is not None and apart[window].any():
                continue
            members, values = index[window].ravel(), image[window].ravel().astype(np.float64)
            centred, n = values - values.mean(), len(values)
            alike = (1 + np.outer(centred, centred) / (values.var() + epsilon / n)) / n
            matrix[np.ix_(members, members)] += weight * (np.eye(n) - alike)
    return matrix


@pytest.mark.parametrize("hold", [0.0, 0.4])
def test_products_and_diagonal_are_those_of_the_matrix(hold):
    rng = np.random.default_rng(0)
    image, alpha = rng.random((2, *SHAPE), dtype=np.float32)
    inside, apart = rng.random(SHAPE) < 0.97, rng.random(SHAPE) < 0.02
    matrix = dense(image, inside, EPSILON, hold, apart)
    found = VolumeLaplacian(image, inside, EPSILON, hold, apart)
    np.testing.assert_allclose(found.product(alpha).ravel(), matrix @ alpha.ravel(), atol=1e-9)
    np.testing.assert_allclose(found.diagonal.ravel(), np.diag(matrix), atol=1e-9)
    assert (found.diagonal > 0).any() and (~inside).any() and (inside & apart).any()


def test_a_flat_image_has_the_laplacian_of_means():
    """Where nothing is to be seen, products that cancel leave nothing behind."""
    image, inside = np.full(SHAPE, 0.7, np.float32), np.ones(SHAPE, bool)
    alpha = np.random.default_rng(1).random(SHAPE)
    found = VolumeLaplacian(image, inside, 1e-7, 1.0).product(alpha)
    expected = dense(image, inside, 1e-7, 1.0) @ alpha.ravel()
    np.testing.assert_allclose(found.ravel(), expected, atol=1e-5)


def test_alpha_that_is_affine_in_the_image_costs_nothing():
    image = np.random.default_rng(2).random(SHAPE)
    found = VolumeLaplacian(image, np.ones(SHAPE, bool), 1e-12, 1.0)
    np.testing.assert_allclose(found.product(0.3 * image + 0.2), 0, atol=1e-6)
