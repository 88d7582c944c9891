"""SoftGAN's and SRGAN's networks as a PyTorch user writes them, NCHW, and weights for them.

Submodules carry the names of the Flax modules' parameters, so that `load_flax` needs no table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def _down(inputs: int, outputs: int, *, bias: bool = True) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, bias=bias)


def _up(inputs: int, outputs: int, *, bias: bool = True) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=bias)


class UNet(nn.Module):
    """Condition image (N, channels, S, S) -> soft mask (N, 1, S, S); S = 2 ** levels at least."""

    def __init__(self, channels: int, features: int, levels: int, dropout: float) -> None:
        super().__init__()
        widths = [features * min(2**level, 8) for level in range(levels)]
        self.levels = levels
        for level, width in enumerate(widths):
            plain = level in (0, levels - 1)
            inputs = widths[level - 1] if level else channels
            self.add_module(f"down{level}", _down(inputs, width, bias=plain))
            if not plain:
                self.add_module(f"down{level}_norm", nn.BatchNorm2d(width))
        for level in range(levels - 2, -1, -1):
            # All decoder levels but the deepest see the level below beside its skip connection.
            inputs = widths[level + 1] * (1 if level == levels - 2 else 2)
            self.add_module(f"up{level + 1}", _up(inputs, widths[level], bias=False))
            self.add_module(f"up{level + 1}_norm", nn.BatchNorm2d(widths[level]))
        self.up0 = _up(2 * widths[0], 1)
        self.dropped = [
            level
            for level in range(max(levels - 5, 0), levels - 2)
            if dropout and widths[level] == widths[-1]
        ]
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skips = []
        for level in range(self.levels):
            if level:
                x = F.leaky_relu(x, 0.2)
            x = self.get_submodule(f"down{level}")(x)
            if level not in (0, self.levels - 1):
                x = self.get_submodule(f"down{level}_norm")(x)
            skips.append(x)
        for level in range(self.levels - 2, -1, -1):
            x = self.get_submodule(f"up{level + 1}")(F.relu(x))
            x = self.get_submodule(f"up{level + 1}_norm")(x)
            if level in self.dropped:
                x = self.dropout(x)
            x = torch.cat([x, skips[level]], 1)
        return torch.sigmoid(self.up0(F.relu(x)).float())


class NativeUNet(nn.Module):
    """Condition image (N, 1, S, S) -> soft mask (N, 1, S, S); `cell` x `cell` pixels are folded."""

    def __init__(self, features: int, levels: int, widest: int, cell: int) -> None:
        super().__init__()
        widths = [features * min(2**level, widest) for level in range(levels + 1)]
        self.levels, self.cell = levels, cell
        inputs = cell**2
        for level, width in enumerate(widths):
            self.add_module(f"down{level}_0", _block(inputs, width, stride=2 if level else 1))
            self.add_module(f"down{level}_1", _block(width, width))
            inputs = width
        for level in range(levels):
            up = nn.ConvTranspose2d(widths[level + 1], widths[level], 2, stride=2)
            self.add_module(f"up{level}", up)
            self.add_module(f"up{level}_0", _block(widths[level], widths[level]))
        self.alpha = nn.Conv2d(widths[0], cell**2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x, skips = F.pixel_unshuffle(x, self.cell), []
        for level in range(self.levels + 1):
            x = self.get_submodule(f"down{level}_0")(x)
            x = self.get_submodule(f"down{level}_1")(x)
            skips.append(x)
        for level in reversed(range(self.levels)):
            x = self.get_submodule(f"up{level}")(x)
            x = self.get_submodule(f"up{level}_0")(x + skips[level])
        return torch.sigmoid(F.pixel_shuffle(self.alpha(x), self.cell).float())


def _block(inputs: int, outputs: int, *, stride: int = 1) -> nn.Sequential:
    parts = nn.Sequential()
    parts.add_module("conv", nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False))
    parts.add_module("norm", nn.BatchNorm2d(outputs))
    parts.add_module("activation", nn.LeakyReLU(0.2))
    return parts


class PixelDiscriminator(nn.Module):
    """Condition (N, channels, S, S) and candidate (N, 1, S, S) -> scores (N, 1, S, S)."""

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.down0 = _down(channels + 1, features)
        self.down1 = _down(features, 2 * features, bias=False)
        self.down1_norm = nn.BatchNorm2d(2 * features)
        self.up1 = _up(2 * features, features, bias=False)
        self.up1_norm = nn.BatchNorm2d(features)
        self.up0 = _up(2 * features, 1)

    def forward(self, condition: torch.Tensor, candidate: torch.Tensor) -> torch.Tensor:
        skip = F.leaky_relu(self.down0(torch.cat([condition, candidate], 1)), 0.2)
        x = F.leaky_relu(self.down1_norm(self.down1(skip)), 0.2)
        x = F.leaky_relu(self.up1_norm(self.up1(x)), 0.2)
        return self.up0(torch.cat([x, skip], 1)).float()


class SRGenerator(nn.Module):
    """Patch (N, 1, H, W) -> (N, 1, scale H, scale W)."""

    def __init__(self, features: int, blocks: int, scale: int) -> None:
        super().__init__()

        def conv(outputs: int, *, bias: bool = False) -> nn.Conv2d:
            return nn.Conv2d(features, outputs, 3, padding=1, bias=bias)

        self.blocks, self.doublings = blocks, int(math.log2(scale))
        self.input = nn.Conv2d(1, features, 9, padding=4)
        self.input_prelu = nn.PReLU()
        for block in range(blocks):
            self.add_module(f"block{block}_conv0", conv(features))
            self.add_module(f"block{block}_norm0", nn.BatchNorm2d(features))
            self.add_module(f"block{block}_prelu", nn.PReLU())
            self.add_module(f"block{block}_conv1", conv(features))
            self.add_module(f"block{block}_norm1", nn.BatchNorm2d(features))
        self.body_conv = conv(features)
        self.body_norm = nn.BatchNorm2d(features)
        for doubling in range(self.doublings):
            self.add_module(f"up{doubling}_conv", conv(4 * features, bias=True))
            self.add_module(f"up{doubling}_prelu", nn.PReLU())
        self.output = nn.Conv2d(features, 1, 9, padding=4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        part = self.get_submodule
        x = long_skip = self.input_prelu(self.input(x))
        for block in range(self.blocks):
            y = part(f"block{block}_norm0")(part(f"block{block}_conv0")(x))
            y = part(f"block{block}_conv1")(part(f"block{block}_prelu")(y))
            x = x + part(f"block{block}_norm1")(y)
        x = long_skip + self.body_norm(self.body_conv(x))
        for doubling in range(self.doublings):
            x = F.pixel_shuffle(part(f"up{doubling}_conv")(x), 2)
            x = part(f"up{doubling}_prelu")(x)
        return self.output(x).float()


class SRDiscriminator(nn.Module):
    """Image (N, 1, H, W) -> logit (N, 1); the condition is not looked at."""

    def __init__(self, features: int) -> None:
        super().__init__()
        inputs = 1
        for layer in range(8):
            outputs = features * 2 ** (layer // 2)
            conv = nn.Conv2d(inputs, outputs, 3, 1 + layer % 2, padding=1, bias=layer == 0)
            self.add_module(f"conv{layer}", conv)
            if layer:
                self.add_module(f"conv{layer}_norm", nn.BatchNorm2d(outputs))
            inputs = outputs
        self.dense0 = nn.Linear(inputs, 16 * features)
        self.dense1 = nn.Linear(16 * features, 1)

    def forward(self, condition: torch.Tensor, candidate: torch.Tensor) -> torch.Tensor:
        x = candidate
        for layer in range(8):
            x = self.get_submodule(f"conv{layer}")(x)
            if layer:
                x = self.get_submodule(f"conv{layer}_norm")(x)
            x = F.leaky_relu(x, 0.2)
        x = F.leaky_relu(self.dense0(x.mean((2, 3))), 0.2)
        return self.dense1(x).float()


def load_flax(module: nn.Module, variables: Mapping[str, Any]) -> None:
    """Copies `params` and `batch_stats` of the Flax module of the same name into `module`.

    Raises:
      RuntimeError: names or shapes differ (PyTorch's `load_state_dict`).
    """
    state = {}
    for name, leaves in _by_module(variables["params"]).items():
        transposed = isinstance(module.get_submodule(name), nn.ConvTranspose2d)
        for kind, leaf in leaves.items():
            field = "bias" if kind == "bias" else "weight"
            leaf = np.asarray(leaf)
            if name.startswith("up") and name.endswith("_conv"):
                # `depth_to_space` has the pixel's parity before the channel, PyTorch after it.
                leaf = leaf.reshape(*leaf.shape[:-1], 4, -1).swapaxes(-1, -2).reshape(leaf.shape)
            state[f"{name}.{field}"] = _torch_layout(leaf, transposed)
    for name, leaves in _by_module(variables.get("batch_stats", {})).items():
        for kind, leaf in leaves.items():
            state[f"{name}.running_{kind}"] = torch.tensor(np.asarray(leaf))
        state[f"{name}.num_batches_tracked"] = torch.tensor(0)
    module.load_state_dict(state)


def _by_module(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Mapping[str, Any]]:
    """{dotted name of a module: its leaves}."""
    found: dict[str, Mapping[str, Any]] = {}
    for name, part in tree.items():
        if any(isinstance(value, Mapping) for value in part.values()):
            found |= _by_module(part, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = part
    return found


def _torch_layout(leaf: np.ndarray, transposed: bool) -> torch.Tensor:
    """HWIO -> OIHW, or IOHW for a transposed convolution; (in, out) -> (out, in)."""
    if leaf.ndim == 4:
        leaf = leaf.transpose((2, 3, 0, 1) if transposed else (3, 2, 0, 1))
    elif leaf.ndim == 2:
        leaf = leaf.T
    return torch.tensor(leaf.reshape(leaf.shape or (1,)))
