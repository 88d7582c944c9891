import functools

import jax
import numpy as np
import pytest

from casgan_jax.models.cf_cnn import CFCNN
from tests.models.segmentation import check_network, parameter_count, quick_jit

pytestmark = pytest.mark.slow


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


def test_keeps_what_all_networks_promise():
    check_network(CFCNN(features=2, stride=16, side=9, windows=(9, 17), initial_alpha=0.1))


def test_segments_on_a_finer_lattice_than_it_is_trained_on():
    shape = dict(features=2, side=9, windows=(9, 17))
    network = CFCNN(stride=16, predict_stride=4, **shape)
    image = jax.random.uniform(jax.random.key(0), (2, 32, 32, 1))
    variables = quick_jit(functools.partial(network.init, train=False))(jax.random.key(1), image)

    fine, same = (
        quick_jit(functools.partial(one.apply, train=False))(variables, image)
        for one in (network, CFCNN(stride=4, **shape))
    )
    np.testing.assert_array_equal(fine, same)

    trained, coarse = (
        quick_jit(functools.partial(one.apply, train=True, mutable=["batch_stats"]))(
            variables, image
        )[0]
        for one in (network, CFCNN(stride=16, **shape))
    )
    np.testing.assert_array_equal(trained, coarse)


def test_a_side_that_does_not_divide_is_named():
    with pytest.raises(ValueError, match="found 30 x 30 pixels, expected .* multiple of 8 for a"):
        parameter_count(CFCNN(features=4), channels=1, side=30)
