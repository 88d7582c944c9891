import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.models.cf_cnn import CFCNN
from tests.models.segmentation import check_step, parameter_count


def branch_parameters(channels):
    """Convolutions and the dense layer without biases; scale, shift and one slope after each."""
    widths = [channels, 36, 36, 48, 48, 68, 68]
    convolutions = sum(
        9 * before * after for before, after in zip(widths, widths[1:], strict=False)
    )
    normalised = 2 * (sum(widths[1:]) + 300) + 7
    return convolutions + 9 * 9 * 68 * 300 + normalised


def test_has_the_parameters_of_two_branches():
    expected = branch_parameters(channels=3) + branch_parameters(channels=6) + 2 * 300 + 1
    assert parameter_count(CFCNN(), channels=3) == expected


def test_steps():
    check_step(CFCNN(features=4, stride=16, initial_alpha=0.1))


def test_a_denser_lattice_is_the_same_classifier():
    # The middle of a cell of 3 pixels is a pixel, which a stride of 1 classifies as well.
    model = CFCNN(features=1, side=9, windows=(9, 15), stride=3)
    image = jax.random.uniform(jax.random.key(0), (1, 9, 9, 1))
    variables = jax.jit(lambda: model.init(jax.random.key(1), image, train=False))()
    coarse, fine = (
        jax.jit(lambda model=model: model.apply(variables, image, train=False))()
        for model in (model, model.clone(stride=1))
    )
    assert float(np.ptp(fine)) > 0
    np.testing.assert_allclose(coarse[:, 1::3, 1::3], fine[:, 1::3, 1::3], atol=1e-6)


def test_sees_the_larger_surroundings_only():
    model = CFCNN(features=1, side=5, windows=(5, 9), stride=1)
    image = jax.random.uniform(jax.random.key(0), (1, 15, 15, 1))
    variables = jax.jit(lambda: model.init(jax.random.key(1), image, train=False))()
    seen = jax.jit(jax.grad(lambda image: model.apply(variables, image, train=False)[0, 7, 7, 0]))(
        image
    )[0, :, :, 0]
    rows, columns = jnp.nonzero(seen)
    # The triangles of the outermost samples, 1.8 pixels wide, end within 1 pixel of the window.
    assert 7 - 5 <= rows.min() <= 7 - 3 and 7 + 3 <= rows.max() <= 7 + 5
    assert 7 - 5 <= columns.min() <= 7 - 3 and 7 + 3 <= columns.max() <= 7 + 5


def test_a_side_that_does_not_divide_is_named():
    with pytest.raises(ValueError, match="found 30 x 30 pixels, expected .* multiple of 4 for a"):
        parameter_count(CFCNN(features=4), channels=1, side=30)
