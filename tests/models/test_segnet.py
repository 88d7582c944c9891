import pytest

from casgan_jax.models.segnet import SegNet
from tests.models.segmentation import check_network, parameter_count


@pytest.mark.slow
def test_has_the_parameters_of_the_authors_model():
    # segnet_train.prototxt of the authors: 26 convolutions of 3x3 with biases, 25 followed by a
    # scale and a shift; 11 classes from three channels: 29,449,355.
    down = [3, 64, 64, 128, 128, *3 * [256], *6 * [512]]
    up = [*6 * [512], *3 * [256], *2 * [128], 64, 64]
    layers = [pair for widths in (down, up) for pair in zip(widths, widths[1:], strict=False)]
    original = sum(9 * before * after + 3 * after for before, after in layers)
    original += 9 * 64 * 11 + 11
    assert original == 29_449_355
    # One output in place of 11, no bias before a normalisation.
    expected = original - 10 * (9 * 64 + 1) - sum(after for _, after in layers)
    assert parameter_count(SegNet(), channels=3) == expected


@pytest.mark.slow
def test_keeps_what_all_networks_promise():
    check_network(SegNet(features=2, levels=2, initial_alpha=0.1))


def test_a_side_that_does_not_divide_is_named():
    with pytest.raises(ValueError, match="found 48 x 48 pixels, expected .* multiple of 32 for 5"):
        parameter_count(SegNet(features=2), channels=1, side=48)
