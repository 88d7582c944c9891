"""The network that a config names, and names that are none."""

import flax.linen as nn
import pytest

from casgan_jax.configs.schema.setting import Options
from casgan_jax.configs.schema.softgan import SoftganModel
from casgan_jax.models.segmentor import build_segmentor, find_network
from casgan_jax.models.segnet import SegNet
from tests.faults import fault_of


class Plain(nn.Module):
    """No segmentation network: it has no `axis_name`."""

    features: int = 1


def test_a_network_gets_the_fields_that_it_has():
    model = SoftganModel(
        network="casgan_jax.models.segnet.SegNet", features=8, options=Options(levels=3, blocks=2)
    )
    network = build_segmentor(model, scale=2, axis_name="data", dtype="bfloat16")
    assert network == SegNet(
        features=8, levels=3, initial_alpha=0.03, axis_name="data", dtype="bfloat16"
    )
    model = SoftganModel(network="casgan_jax.models.native_unet.NativeUNet")
    assert build_segmentor(model, scale=2, axis_name=None, dtype="float32").scale == 2


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("casgan_jax.models.segnett.SegNet", id="No module named"),
        pytest.param("casgan_jax.models.segnet.SegNett", id="has no attribute SegNett"),
        pytest.param("SegNet", id="Empty module name"),
        pytest.param("", id="Empty module name"),
        pytest.param("os.path", id="which is no flax.linen.Module"),
        pytest.param("casgan_jax.losses.mse", id="which is no flax.linen.Module"),
        pytest.param(f"{__name__}.Plain", id="which is no flax.linen.Module"),
    ],
)
def test_another_name_is_told_in_a_line(name):
    error = fault_of(find_network, name)
    assert (
        error.what == "model.network"
        and "model.network=casgan_jax.models.unet.UNet" in error.remedy
    )
