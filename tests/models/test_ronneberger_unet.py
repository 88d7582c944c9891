import pytest

from casgan_jax.models.ronneberger_unet import RonnebergerUNet
from tests.models.segmentation import check_network, parameter_count

pytestmark = pytest.mark.slow


def test_has_the_parameters_of_the_original():
    # U_Net in the Keras code of UNet++'s authors, the original's layers with 32 features, one
    # channel and one output, "Total params: 7,759,521".
    assert parameter_count(RonnebergerUNet(features=32), channels=1) == 7_759_521
    # With normalisation, three channels and one output, the 31,037,633 of the PyTorch versions.
    assert parameter_count(RonnebergerUNet(normalise=True), channels=3) == 31_037_633


def test_keeps_what_all_networks_promise():
    check_network(RonnebergerUNet(features=4, levels=2, initial_alpha=0.1))


def test_a_side_that_does_not_divide_is_named():
    with pytest.raises(ValueError, match="found 24 x 24 pixels, expected .* multiple of 16 for 4"):
        parameter_count(RonnebergerUNet(features=4), channels=1, side=24)
