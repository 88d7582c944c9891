import functools

import numpy as np
import pytest

from casgan_jax.models.unet_plus_plus import UNetPlusPlus
from tests.models.segmentation import check_network, parameter_count, quick_jit

pytestmark = pytest.mark.slow


def test_has_the_parameters_of_the_authors_model():
    # UNetPlusPlus in the authors' Keras code, one channel, the last output only: "Total params:
    # 9,041,601". The three other outputs are 1x1 convolutions of 32 channels with a bias.
    assert parameter_count(UNetPlusPlus(), channels=1) == 9_041_601 + 3 * (32 + 1)


def test_trains_all_outputs_and_predicts_their_mean():
    model = UNetPlusPlus(features=2, levels=2, dropout=0.0, initial_alpha=0.1)
    variables, image, alphas = check_network(model, outputs=2)
    predict = quick_jit(functools.partial(model.apply, train=False))
    alpha = predict(variables, image)
    assert np.abs(alphas[..., 0] - alphas[..., 1]).max() > 0
    np.testing.assert_allclose(alpha, alphas.mean(-1, keepdims=True), atol=1e-6)


def test_a_side_that_does_not_divide_is_named():
    with pytest.raises(ValueError, match="found 24 x 24 pixels, expected .* multiple of 16 for 4"):
        parameter_count(UNetPlusPlus(features=2), channels=1, side=24)
