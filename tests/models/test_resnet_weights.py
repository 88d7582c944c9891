"""Reading a ResNet's weights under torchvision's names into the encoder of a network."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from casgan_jax.models.resnet import ResNet
from casgan_jax.models.resnet_weights import load_encoder, locate_encoder
from tests.faults import fault_of

pytestmark = pytest.mark.slow

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


class Network(nn.Module):
    """An encoder and a layer that is none of it."""

    features: int = 4

    @nn.compact
    def __call__(self, x, *, train):
        return nn.Dense(1, name="head")(
            ResNet(34, self.features, name="encoder")(x, train=train)[-1]
        )


@functools.cache
def variables(channels=2, features=4):
    x = jnp.zeros((1, 32, 32, channels))
    return jax.eval_shape(lambda: Network(features).init(jax.random.key(0), x, train=False))


def torch_arrays() -> dict[str, np.ndarray]:
    """A ResNet-34 of 4 features, named and ordered as torchvision does."""
    rng = np.random.default_rng(0)
    arrays = {"fc.weight": np.zeros((10, 32), np.float32)}

    def conv(name, inputs, outputs, size):
        shape = (outputs, inputs, size, size)
        arrays[f"{name}.weight"] = rng.normal(size=shape).astype(np.float32)

    def norm(name, features):
        for part in ("weight", "bias", "running_mean", "running_var"):
            arrays[f"{name}.{part}"] = rng.uniform(0.5, 1, features).astype(np.float32)
        arrays[f"{name}.num_batches_tracked"] = np.array(1)

    conv("conv1", 3, 4, 7)
    norm("bn1", 4)
    inputs = 4
    for layer, (blocks, outputs) in enumerate([(3, 4), (4, 8), (6, 16), (3, 32)], start=1):
        for block in range(blocks):
            name = f"layer{layer}.{block}"
            conv(f"{name}.conv1", inputs, outputs, 3)
            norm(f"{name}.bn1", outputs)
            conv(f"{name}.conv2", outputs, outputs, 3)
            norm(f"{name}.bn2", outputs)
            if inputs != outputs:
                conv(f"{name}.downsample.0", inputs, outputs, 1)
                norm(f"{name}.downsample.1", outputs)
            inputs = outputs
    return arrays


ARRAYS = torch_arrays()


@pytest.fixture
def torch_file(tmp_path):
    path = tmp_path / "resnet.safetensors"
    save_file(ARRAYS, path)
    return path


def test_every_array_finds_its_place(torch_file, tmp_path):
    given = variables()
    loaded = load_encoder(torch_file, given)
    assert jax.tree.map(jnp.shape, loaded) == jax.tree.map(jnp.shape, given)
    assert loaded["params"]["head"] is given["params"]["head"]
    encoder, statistics = loaded["params"]["encoder"], loaded["batch_stats"]["encoder"]
    for found, name in [
        (encoder["layer4_2"]["conv2"]["kernel"].transpose(3, 2, 0, 1), "layer4.2.conv2.weight"),
        (encoder["layer2_0"]["downsample_1"]["scale"], "layer2.0.downsample.1.weight"),
        (encoder["bn1"]["bias"], "bn1.bias"),
        (statistics["layer3_5"]["bn1"]["mean"], "layer3.5.bn1.running_mean"),
        (statistics["layer2_0"]["downsample_1"]["var"], "layer2.0.downsample.1.running_var"),
    ]:
        np.testing.assert_array_equal(found, ARRAYS[name])

    np.savez(tmp_path / "resnet.npz", **ARRAYS)
    jax.tree.map(
        np.testing.assert_array_equal,
        load_encoder(tmp_path / "resnet.npz", given)["params"]["encoder"],
        encoder,
    )


@pytest.mark.parametrize("channels", [1, 2])
def test_gray_channels_are_seen_as_a_standardised_rgb_image(torch_file, channels):
    loaded = load_encoder(torch_file, variables(channels))
    patch = np.random.default_rng(1).uniform(size=(7, 7, 1))
    rgb = (patch - MEAN) / STD
    expected = np.einsum("hwc,fchw->f", rgb, ARRAYS["conv1.weight"]) - ARRAYS["bn1.running_mean"]
    found = (
        np.einsum(
            "hwc,hwcf->f", patch.repeat(channels, 2), loaded["params"]["encoder"]["conv1"]["kernel"]
        )
        - loaded["batch_stats"]["encoder"]["bn1"]["mean"]
    )
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_hub_address_downloads_the_safetensors(torch_file, monkeypatch):
    asked = []

    def download(repository, name):
        asked.append((repository, name))
        return str(torch_file)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    loaded = load_encoder("hf://timm/resnet34.tv_in1k", variables())
    np.testing.assert_array_equal(loaded["params"]["encoder"]["bn1"]["bias"], ARRAYS["bn1.bias"])
    assert asked == [("timm/resnet34.tv_in1k", "model.safetensors")]


@pytest.mark.parametrize("depth", [34, 50, 101])
def test_depth_in_an_address_is_the_encoder_s(tmp_path, depth):
    encoder = ResNet(depth, 4)
    x = jnp.zeros((1, 32, 32, 1))
    shapes = jax.eval_shape(lambda: encoder.init(jax.random.key(0), x, train=False))
    shapes = {name: {"encoder": tree} for name, tree in shapes.items()}
    (tmp_path / f"resnet{depth}.npz").touch()
    found = locate_encoder(tmp_path / "resnet{depth}.npz", shapes)
    assert found == tmp_path / f"resnet{depth}.npz"


def without(name):
    return {key: array for key, array in ARRAYS.items() if key != name}


@pytest.mark.parametrize(
    ("arrays", "features"),
    [
        pytest.param(without("layer4.2.bn2.weight"), 4, id="no layer4.2.bn2.weight"),
        pytest.param(ARRAYS, 8, id="8"),
        pytest.param(ARRAYS | {"conv1.weight": np.ones(4)}, 4, id="conv1.weight of shape 4"),
        pytest.param(
            ARRAYS | {"bn1.bias": np.full(4, np.nan)}, 4, id="NaN or infinite values in bn1.bias"
        ),
    ],
)
def test_files_that_do_not_fit_are_told_in_one_line(tmp_path, arrays, features):
    np.savez(tmp_path / "a.npz", **arrays)
    error = fault_of(load_encoder, tmp_path / "a.npz", variables(features=features))
    assert error.what == str(tmp_path / "a.npz")


def test_other_files_and_networks_are_refused(tmp_path, torch_file):
    assert fault_of(load_encoder, tmp_path / "a.pth", variables()).what.endswith("/a.pth")
    error = fault_of(load_encoder, tmp_path / "a.npz", variables())
    assert error.what.endswith("/a.npz") and "tv_in1k" in error.remedy
    error = fault_of(load_encoder, torch_file, {"params": {"head": {}}, "batch_stats": {}})
    assert error.what.endswith("/resnet.safetensors")
