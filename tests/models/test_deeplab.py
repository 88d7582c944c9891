import pytest

from casgan_jax.models import resnet
from casgan_jax.models.deeplab import DeepLab
from tests.models.segmentation import check_network, parameter_count

pytestmark = pytest.mark.slow


def test_has_the_parameters_of_the_published_parts():
    # ResNet-50 without classifier; ASPP: two 1x1 and three 3x3 convolutions of 2048 channels, the
    # 1x1 over the five, six normalisations; 48 channels of the first stage's 256; two 3x3
    # convolutions; the logits.
    aspp = (2 + 3 * 9) * 2048 * 256 + 5 * 256 * 256 + 6 * 2 * 256
    decoder = 256 * 48 + 2 * 48 + 9 * (304 + 256) * 256 + 2 * 2 * 256
    count = parameter_count(DeepLab(depth=50), channels=3)
    assert count == 23_508_032 + aspp + decoder + 257


def test_keeps_what_all_networks_promise(monkeypatch):
    monkeypatch.setitem(resnet._BLOCKS, 34, (1, 1, 1, 1))  # an encoder of four blocks
    check_network(DeepLab(features=4, depth=34, initial_alpha=0.1))


def test_a_side_that_does_not_divide_is_named():
    with pytest.raises(ValueError, match="found 24 x 24 pixels, expected .* multiple of 16"):
        parameter_count(DeepLab(features=4), channels=1, side=24)
