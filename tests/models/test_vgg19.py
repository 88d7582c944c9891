"""Reading VGG19 weights of both kinds, and the features they give."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from casgan_jax.models.vgg19 import default_layer, load_vgg19, vgg19_features
from tests.faults import fault_of
from tests.shared_data import shared_data

RNG = np.random.default_rng(0)
BLOCK1 = {
    "block1_conv1_kernel": RNG.normal(size=(3, 3, 3, 64), scale=0.1).astype(np.float32),
    "block1_conv1_bias": RNG.normal(size=64).astype(np.float32),
    "block1_conv2_kernel": RNG.normal(size=(3, 3, 64, 64), scale=0.1).astype(np.float32),
    "block1_conv2_bias": RNG.normal(size=64).astype(np.float32),
}


def torch_names(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same numbers under torchvision's names and in its order."""
    index = {"block1_conv1": 0, "block1_conv2": 2}
    renamed = {}
    for name, array in arrays.items():
        layer, kind = name.rsplit("_", 1)
        if kind == "kernel":
            renamed[f"features.{index[layer]}.weight"] = array.transpose(3, 2, 0, 1).copy()
        else:
            renamed[f"features.{index[layer]}.bias"] = array
    return renamed


@pytest.fixture
def keras_file(tmp_path):
    path = tmp_path / "vgg19.npz"
    np.savez(path, **BLOCK1)
    return path


@pytest.fixture
def torch_file(tmp_path):
    path = tmp_path / "vgg19.safetensors"
    save_file(torch_names(BLOCK1), path)
    return path


def relu_conv(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Convolution by its definition, zero-padded, (H, W, C)."""
    height, width, _ = x.shape
    padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
    total = sum(
        padded[row : row + height, column : column + width] @ kernel[row, column]
        for row in range(3)
        for column in range(3)
    )
    return np.maximum(total + bias, 0)


def test_keras_file_gives_features_of_bgr_minus_the_mean(keras_file):
    params = load_vgg19(keras_file, "conv1_2")
    image = RNG.uniform(size=(5, 4, 3)).astype(np.float32)
    bgr = 255 * image[..., ::-1] - np.array([103.939, 116.779, 123.68])
    first = relu_conv(bgr, BLOCK1["block1_conv1_kernel"], BLOCK1["block1_conv1_bias"])
    second = relu_conv(first, BLOCK1["block1_conv2_kernel"], BLOCK1["block1_conv2_bias"])
    np.testing.assert_allclose(
        vgg19_features(params, image[None], "conv1_1")[0], first, rtol=1e-4, atol=1e-2
    )
    np.testing.assert_allclose(
        vgg19_features(params, image[None], "conv1_2")[0], second, rtol=1e-4, atol=1e-2
    )


def test_torch_file_gives_features_of_standardised_rgb(torch_file):
    params = load_vgg19(torch_file, "conv1_2")
    image = RNG.uniform(size=(5, 4, 3)).astype(np.float32)
    rgb = (image - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    first = relu_conv(rgb, BLOCK1["block1_conv1_kernel"], BLOCK1["block1_conv1_bias"])
    np.testing.assert_allclose(
        vgg19_features(params, image[None], "conv1_1")[0], first, rtol=1e-4, atol=1e-4
    )
    assert params["conv1_2"]["kernel"].shape == (3, 3, 64, 64)


def test_one_channel_is_repeated(keras_file):
    params = load_vgg19(keras_file, "conv1_1")
    assert set(params) == {"conv1_1", "mean", "std"}
    image = RNG.uniform(size=(1, 4, 4, 1)).astype(np.float32)
    np.testing.assert_array_equal(
        vgg19_features(params, image, "conv1_1"),
        vgg19_features(params, np.repeat(image, 3, axis=-1), "conv1_1"),
    )


@pytest.mark.slow
def test_blocks_are_pooled_and_gradients_reach_the_image():
    def layer(inputs, outputs):
        return {
            "kernel": RNG.normal(size=(3, 3, inputs, outputs)).astype(np.float32),
            "bias": np.zeros(outputs, np.float32),
        }

    params = {
        "conv1_1": layer(3, 2),
        "conv1_2": layer(2, 2),
        "conv2_1": layer(2, 4),
        "mean": np.zeros(3, np.float32),
        "std": np.ones(3, np.float32),
    }
    image = jnp.asarray(RNG.uniform(size=(1, 9, 6, 1)), jnp.float32)
    assert vgg19_features(params, image, "conv1_2").shape == (1, 9, 6, 2)
    assert vgg19_features(params, image, "conv2_1").shape == (1, 4, 3, 4)
    assert default_layer(params) == "conv2_1"
    gradient = jax.grad(lambda x: vgg19_features(params, x, "conv2_1").sum())(image)
    assert jnp.isfinite(gradient).all() and jnp.abs(gradient).max() > 0


def test_hub_address_downloads_the_safetensors(torch_file, monkeypatch):
    asked = []

    def download(repository, name):
        asked.append((repository, name))
        return str(torch_file)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert default_layer(load_vgg19("hf://timm/vgg19.tv_in1k", "conv1_2")) == "conv1_2"
    assert asked == [("timm/vgg19.tv_in1k", "model.safetensors")]


def test_unreachable_hub_is_told_in_one_line(monkeypatch):
    def download(repository, name):
        raise ConnectionError("no route\nto host")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    assert fault_of(load_vgg19, "hf://a/b").what == "hf://a/b"


def test_missing_layer_is_named(keras_file, torch_file):
    error = fault_of(load_vgg19, keras_file)
    assert (
        error.what.endswith("/vgg19.npz")
        and "block2_conv1_kernel" in error.found
        and "conv2_1" in error.found
        and "conv3_4" in error.expected
    )
    error = fault_of(load_vgg19, torch_file, "conv5_4")
    assert (
        error.what.endswith("/vgg19.safetensors")
        and "features.5.weight" in error.found
        and "conv2_1" in error.found
        and "conv5_4" in error.expected
    )


def test_a_file_that_reaches_conv5_4_must_be_complete(tmp_path):
    path = tmp_path / "gap.npz"
    np.savez(path, **BLOCK1, block5_conv4_kernel=np.zeros((3, 3, 512, 512), np.float32))
    error = fault_of(load_vgg19, path)
    assert (
        error.what.endswith("/gap.npz")
        and "block2_conv1_kernel" in error.found
        and "conv5_4" in error.expected
    )


def test_another_shape_is_refused(tmp_path):
    path = tmp_path / "wide.npz"
    np.savez(path, **(BLOCK1 | {"block1_conv2_kernel": np.zeros((3, 3, 64, 32), np.float32)}))
    error = fault_of(load_vgg19, path, "conv1_2")
    assert (
        error.what.endswith("/wide.npz")
        and "conv1_2" in error.found
        and "(3, 3, 64, 32)" in error.found
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("weights.h5", b""),
        ("absent.npz", None),
        ("broken.npz", b"broken"),
        ("broken.safetensors", b"broken"),
    ],
)
def test_unreadable_files_are_told_in_one_line(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert fault_of(load_vgg19, tmp_path / name).what == str(tmp_path / name)


def test_file_of_something_else_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    assert fault_of(load_vgg19, tmp_path / "other.npz").what.endswith("/other.npz")


def test_unknown_layer_is_refused(keras_file):
    error = fault_of(load_vgg19, keras_file, "conv6_1", told_remedy=False)
    assert (
        error.what == "VGG19 layer" and error.found == "'conv6_1'" and "conv1_1" in error.expected
    )


@pytest.mark.slow
def test_real_weights_tell_a_nodule_from_noise():
    params = load_vgg19(shared_data("vgg19", "vgg19_imagenet_block1to3.npz"))
    assert default_layer(params) == "conv3_4"
    rows, columns = np.mgrid[:16, :16]
    disc = (np.hypot(rows - 8, columns - 8) < 5).astype(np.float32)[None, ..., None]
    features = vgg19_features(params, disc, "conv3_4")
    assert features.shape == (1, 4, 4, 256)
    # An ImageNet network sees edges: a disc excites conv3_4 more than a flat image does.
    assert features.mean() > 1.5 * vgg19_features(params, 0 * disc + 0.5, "conv3_4").mean()
