"""ImageNet weights for the ResNet encoder of a network.

    variables = network.init(key, condition, train=False)
    variables = load_encoder("hf://timm/resnet{depth}.tv_in1k", variables)

Files of both kinds, `.safetensors` and `.npz`, have torchvision's names (`layer1.0.conv1.weight`,
`bn1.running_mean`, ...) and its order of axes (out, in, height, width); what is no part of the
encoder, such as the classifier `fc`, is not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from flax import traverse_util

from casgan_jax.errors import UserError
from casgan_jax.models.weight_files import IMAGENET_MEAN, IMAGENET_STD, WeightFile, Weights

ENCODER = "encoder"
_COLLECTIONS = ("params", "batch_stats")
_STEM = ("conv1", "kernel")
_STEM_MEAN = ("bn1", "mean")

_WEIGHTS = Weights(
    network="ResNet",
    names={".npz": "torchvision", ".safetensors": "torchvision"},
    example="hf://timm/resnet34.tv_in1k",
    otherwise="train without pretrained weights (`model.encoder_weights=`)",
)
# What torchvision calls the leaves of the variables.
_LEAVES = {
    ("params", "kernel"): "weight",
    ("params", "scale"): "weight",
    ("params", "bias"): "bias",
    ("batch_stats", "mean"): "running_mean",
    ("batch_stats", "var"): "running_var",
}


def load_encoder(source: str | Path, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Replaces the variables of the submodule `encoder`, a `ResNet`, by those of a file.

    The weights were trained on standardised RGB images, the networks here take C gray channels in
    [0, 1]. Both are folded into the first layer: its kernel for each channel is the sum over RGB of
    the file's, divided by the standard deviations and by C, and the mean colour goes into the
    running mean of its normalisation. So an image that is given in all C channels has the features
    that the file's network gives it as a gray RGB image, but for the outermost pixels, as the
    border is black instead of the mean colour.

    Args:
      source: as in `locate_encoder`.
      variables: {"params": ..., "batch_stats": ...} of an initialised network, arrays or shapes.

    Returns:
      The variables with the encoder's leaves replaced (NumPy, float32), all others as given.

    Raises:
      UserError: the network has no encoder; there is no such file; it is of another kind or
        damaged; or an array is missing or has another shape.
    """
    path = locate_encoder(source, variables)
    encoder = {name: traverse_util.flatten_dict(variables[name][ENCODER]) for name in _COLLECTIONS}
    with _WEIGHTS.open(path) as file:
        loaded = {name: _read(file, name, encoder[name]) for name in _COLLECTIONS}
        mean = loaded["batch_stats"][_STEM_MEAN]
        loaded["batch_stats"][_STEM_MEAN] = mean + _response_to_mean_colour(file)
    return {**variables} | {
        name: {**variables[name], ENCODER: traverse_util.unflatten_dict(loaded[name])}
        for name in _COLLECTIONS
    }


def locate_encoder(source: str | Path, variables: Mapping[str, Any]) -> Path:
    """The file of an encoder's weights.

    Args:
      source: path of a `.safetensors` or `.npz` file, or `hf://OWNER/NAME`, whose
        `model.safetensors` is downloaded once into the hub's cache; `{depth}` in it stands for the
        encoder's depth, 34, 50 or 101.
      variables: of the network, as in `load_encoder`.

    Raises:
      UserError: the network has no encoder; there is no such file, or it is of another kind.
    """
    if any(ENCODER not in variables.get(collection, ()) for collection in _COLLECTIONS):
        raise UserError(
            source,
            found="a network without a ResNet encoder",
            expected="one such as DeepLab or CENet",
            remedy=f"{_WEIGHTS.otherwise}",
        )
    return _WEIGHTS.locate(str(source).replace("{depth}", str(_depth(variables))))


def _depth(variables: Mapping[str, Any]) -> int:
    """The number that a ResNet is named for: its convolutions beside the shortcuts', and the
    classifier."""
    leaves = traverse_util.flatten_dict(variables["params"][ENCODER])
    return 1 + sum(leaf[-1] == "kernel" and leaf[-2].startswith("conv") for leaf in leaves)


def _read(
    file: WeightFile, collection: str, leaves: dict[tuple[str, ...], Any]
) -> dict[tuple[str, ...], np.ndarray]:
    arrays = {}
    for leaf, initial in leaves.items():
        array = _array(file, _torch_name(collection, leaf))
        if array.ndim == 4:
            array = array.transpose(2, 3, 1, 0)
        expected = (*initial.shape[:2], 3, initial.shape[3]) if leaf == _STEM else initial.shape
        if array.shape != expected:
            raise UserError(
                file.path,
                found=f"{_torch_name(collection, leaf)!r} of shape {array.shape}",
                expected=f"{expected} (convolutions: height, width, in, out)",
                remedy=(
                    "give the weights of the encoder's depth, set features=64, or "
                    f"{_WEIGHTS.otherwise}"
                ),
            )
        arrays[leaf] = _for_gray_channels(array, initial.shape[2]) if leaf == _STEM else array
    return arrays


def _torch_name(collection: str, leaf: tuple[str, ...]) -> str:
    """("layer1_0", "downsample_0", "kernel") -> layer1.0.downsample.0.weight."""
    *modules, last = leaf
    modules = [re.sub(r"_(\d+)$", r".\1", module) for module in modules]
    return ".".join([*modules, _LEAVES[collection, last]])


def _array(file: WeightFile, name: str) -> np.ndarray:
    if name not in file.names:
        raise UserError(
            file.path,
            found=f"no {name!r}",
            expected="all arrays of a ResNet of the encoder's depth with torchvision's names",
            remedy=f"give such a file, {_WEIGHTS.example}, or {_WEIGHTS.otherwise}",
        )
    return file.read(name)


def _for_gray_channels(kernel: np.ndarray, channels: int) -> np.ndarray:
    """(7, 7, 3, F) of standardised RGB -> (7, 7, channels, F) of gray images in [0, 1]."""
    summed = (kernel / IMAGENET_STD.reshape(1, 1, 3, 1)).sum(2, keepdims=True)
    return np.repeat(summed / channels, channels, axis=2)


def _response_to_mean_colour(file: WeightFile) -> np.ndarray:
    """What the first convolution subtracts from each feature as it subtracts the mean colour."""
    kernel = _array(file, _torch_name("params", _STEM))
    return kernel.sum((2, 3)) @ (IMAGENET_MEAN / IMAGENET_STD)
