"""The network that a config names, and names that are none."""

import flax.linen as nn
import pytest

from casgan_jax.configs.schema.setting import Options
from casgan_jax.configs.schema.softgan import SoftganModel
from casgan_jax.models.segmentor import build_segmentor, find_network
from casgan_jax.models.segnet import SegNet
from tests.lines import line_of


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
    ("name", "found"),
    [
        ("casgan_jax.models.segnett.SegNet", "No module named 'casgan_jax.models.segnett'"),
        ("casgan_jax.models.segnet.SegNett", "has no attribute 'SegNett'"),
        ("SegNet", "Empty module name"),
        ("", "Empty module name"),
        ("os.path", "which is no flax.linen.Module"),
        ("casgan_jax.losses.mse", "which is no flax.linen.Module"),
        (f"{__name__}.Plain", "which is no flax.linen.Module with axis_name"),
    ],
)
def test_another_name_is_told_in_a_line(name, found):
    line = line_of(find_network, name)
    assert line.startswith(f"model.network: found {name!r}")
    assert found in line
    assert line.endswith("set `model.network=casgan_jax.models.unet.UNet`")
