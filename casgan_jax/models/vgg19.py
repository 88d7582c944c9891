"""VGG19 features for the perceptual loss (Simonyan and Zisserman 2015; Ledig et al. 2017, Eq. 5).

    params = load_vgg19("vgg19.npz")
    features = vgg19_features(params, images, default_layer(params))

Two kinds of files are read; the preprocessing that each was trained with travels in the parameters:

* `.npz` with Keras names, `block1_conv1_kernel` (3, 3, in, out) and `block1_conv1_bias`, ...:
  Caffe's weights, BGR in 0..255 minus the mean;
* `.safetensors` with torchvision's names, `features.0.weight` (out, in, 3, 3), `features.0.bias`,
  ...: RGB in 0..1 minus the mean, over the standard deviation. `hf://timm/vgg19.tv_in1k` is one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.models.pooling import max_pool
from casgan_jax.models.weight_files import IMAGENET_MEAN, IMAGENET_STD, WeightFile, Weights

Params = dict[str, Any]

_WEIGHTS = Weights(
    network="VGG19",
    names={".npz": "Keras", ".safetensors": "torchvision"},
    example="hf://timm/vgg19.tv_in1k",
    otherwise="set loss.perceptual=0",
)

_BLOCKS = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))  # convolutions and their channels
LAYERS = tuple(
    f"conv{block}_{index}"
    for block, (convolutions, _) in enumerate(_BLOCKS, start=1)
    for index in range(1, convolutions + 1)
)
DEFAULT_LAYERS = ("conv5_4", "conv3_4")  # by preference

# torchvision's `features` is one list of convolutions, ReLUs and poolings.
_TORCH_INDICES = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
_CAFFE_MEAN_RGB = np.array([123.68, 116.779, 103.939], np.float32) / 255.0
_CAFFE_STD = np.full(3, 1.0 / 255.0, np.float32)


def _block(layer: str) -> int:
    return int(layer[4])


def _channels(layer: str) -> tuple[int, int]:
    """Input and output channels of a layer."""
    index = LAYERS.index(layer)
    before = 3 if index == 0 else _BLOCKS[_block(LAYERS[index - 1]) - 1][1]
    return before, _BLOCKS[_block(layer) - 1][1]


def _layers_up_to(layer: str) -> tuple[str, ...]:
    if layer not in LAYERS:
        raise UserError(
            "VGG19 layer",
            found=f"{layer!r}",
            expected=f"one of {', '.join(LAYERS)}",
        )
    return LAYERS[: LAYERS.index(layer) + 1]


def _choose_layer(available: set[str], path: Path) -> str:
    """conv5_4 where the file reaches it, else conv3_4, whose absence is told when it is read."""
    deepest, fallback = DEFAULT_LAYERS
    if not available:
        raise UserError(
            path,
            found="no VGG19 layer",
            expected="arrays named block1_conv1_kernel (npz) or features.0.weight (safetensors)",
            remedy="give another file or set loss.perceptual=0",
        )
    return deepest if deepest in available else fallback


def _read_layers(
    file: WeightFile, layer: str | None, names: dict[str, tuple[str, str]]
) -> dict[str, dict[str, np.ndarray]]:
    """The arrays of all layers up to `layer`, stored under `names[layer]`, shapes unchecked."""
    if layer is None:
        available = {layer for layer in LAYERS if names[layer][0] in file.names}
        layer = _choose_layer(available, file.path)
    layers = {}
    for each in _layers_up_to(layer):
        for name in names[each]:
            if name not in file.names:
                raise UserError(
                    file.path,
                    found=f"no {name!r} ({each})",
                    expected=f"all layers from conv1_1 to {layer}",
                    remedy="give a complete file, a shallower layer, or set loss.perceptual=0",
                )
        weight, bias = names[each]
        layers[each] = {"kernel": file.read(weight), "bias": file.read(bias)}
    return layers


def _check_shapes(path: Path, layers: dict[str, dict[str, np.ndarray]]) -> None:
    for layer, arrays in layers.items():
        inputs, outputs = _channels(layer)
        for name, expected in (("kernel", (3, 3, inputs, outputs)), ("bias", (outputs,))):
            if arrays[name].shape != expected:
                raise UserError(
                    path,
                    found=f"a {layer} {name} of shape {arrays[name].shape}",
                    expected=f"{expected} (height, width, in, out)",
                    remedy="give the weights of VGG19",
                )


def _from_keras(path: Path, layer: str | None) -> Params:
    names = {
        each: (f"block{each[4]}_conv{each[6]}_kernel", f"block{each[4]}_conv{each[6]}_bias")
        for each in LAYERS
    }
    with _WEIGHTS.open(path) as file:
        layers = _read_layers(file, layer, names)
    _check_shapes(path, layers)
    layers["conv1_1"]["kernel"] = layers["conv1_1"]["kernel"][:, :, ::-1]  # BGR -> RGB
    return {**layers, "mean": _CAFFE_MEAN_RGB, "std": _CAFFE_STD}


def _from_torch(path: Path, layer: str | None) -> Params:
    names = {
        each: (f"features.{index}.weight", f"features.{index}.bias")
        for each, index in zip(LAYERS, _TORCH_INDICES, strict=True)
    }
    with _WEIGHTS.open(path) as file:
        layers = _read_layers(file, layer, names)
    for each in layers.values():
        if each["kernel"].ndim == 4:
            each["kernel"] = each["kernel"].transpose(2, 3, 1, 0)
    _check_shapes(path, layers)
    return {**layers, "mean": IMAGENET_MEAN, "std": IMAGENET_STD}


def load_vgg19(source: str | Path, layer: str | None = None) -> Params:
    """Reads VGG19's convolutions from a file or the Hugging Face hub.

    Args:
      source: path of a `.npz` or `.safetensors` file, or `hf://OWNER/NAME`, whose
        `model.safetensors` is downloaded once into the hub's cache.
      layer: deepest layer to read ("conv3_4"); None for conv5_4 if the file has it, else conv3_4.

    Returns:
      {layer: {"kernel": (3, 3, in, out), "bias": (out,)}, ..., "mean": (3,), "std": (3,)}, float32;
      mean and std (RGB, of images in [0, 1]) are those that the weights were trained with.

    Raises:
      UserError: no such file, another kind of file, or a layer is missing or has another shape.
    """
    path = _WEIGHTS.locate(source)
    return {".npz": _from_keras, ".safetensors": _from_torch}[path.suffix](path, layer)


def default_layer(params: Params) -> str:
    """The deepest layer that was read."""
    return next(layer for layer in reversed(LAYERS) if layer in params)


def vgg19_features(params: Params, images: jax.Array, layer: str) -> jax.Array:
    """The features of `layer` after its ReLU.

    Args:
      params: of `load_vgg19`, reaching `layer`.
      images: (N, H, W, 1) or (N, H, W, 3) RGB in [0, 1]; one channel is repeated.
      layer: "conv1_1" ... "conv5_4"; H and W must be at least 2 ** (block - 1).

    Returns:
      (N, H / 2 ** (block - 1), W / 2 ** (block - 1), channels), sizes rounded down.
    """
    mean, std = (params[name].reshape(1, 1, 1, 3) for name in ("mean", "std"))
    x = (images - mean) / std
    block = 1
    for each in _layers_up_to(layer):
        if _block(each) != block:
            x, block = max_pool(x), _block(each)
        x = jax.lax.conv_general_dilated(
            x,
            params[each]["kernel"].astype(x.dtype),
            (1, 1),
            "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )
        x = jax.nn.relu(x + params[each]["bias"].reshape(1, 1, 1, -1).astype(x.dtype))
    return x
