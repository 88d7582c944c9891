"""ResNet feature extractors (He et al. 2016) with an output stride of 32 or 16.

The architecture and the names are torchvision's, so that its weights fit
(`casgan_jax.models.resnet_weights`): 7x7 stem, 3x3 max pooling, four stages of residual blocks, and
in a bottleneck the stride at the 3x3 convolution ("v1.5"), not at the first 1x1 as in the paper.
"""

from __future__ import annotations

import functools
from typing import Any

import flax.linen as nn
import jax

from casgan_jax.models.layers import Conv, DownConv, batch_norm, he_init
from casgan_jax.models.pooling import max_pool_3x3

_BLOCKS = {34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}  # blocks of each stage
_OUTPUT_STRIDES = (16, 32)


class ResNet(nn.Module):
    """Images (N, H, W, C) -> feature maps of the four stages, strides 4, 8, 16 and 16 or 32.

    For an output stride of 16 the last stage keeps its side, and its convolutions behind the
    removed stride are dilated by 2: with the same weights it has, at every second pixel, the
    features of stride 32. (DeepLabv3's further rates within the stage, "multi-grid", are not in
    torchvision's networks, and not here.)

    Channels are features x (1, 2, 4, 8), of bottlenecks (depth 50 and 101) four times as many. With
    64 features and three input channels there are 21,284,672 parameters at depth 34, 23,508,032 at
    50, 42,500,160 at 101: torchvision's without the classifier. Scales of the normalisations start
    at N(1, 0.02) as in all networks here, torchvision's at 1.

    Attributes:
      depth: 34, 50 or 101 layers.
      features: channels of the stem and of the first stage's 3x3 convolutions.
      output_stride: 32, or 16 by dilation.
      axis_name: device axis over which batch statistics are averaged in training.
      dtype: dtype of the computation; parameters and statistics stay float32.
    """

    depth: int = 34
    features: int = 64
    output_stride: int = 32
    axis_name: str | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> tuple[jax.Array, ...]:
        """Features of the stages, finest first.

        Raises:
          ValueError: another depth or output stride, or a side that the output stride does not
            divide.
        """
        self._check(x)
        norm = functools.partial(
            batch_norm, train=train, axis_name=self.axis_name, dtype=self.dtype
        )
        block = BasicBlock if self.depth == 34 else Bottleneck
        x = DownConv(
            self.features,
            size=7,
            use_bias=False,
            dtype=self.dtype,
            kernel_init=he_init,
            name="conv1",
        )(x)
        x = max_pool_3x3(nn.relu(norm(name="bn1")(x)))
        stages = []
        for stage, blocks in enumerate(_BLOCKS[self.depth]):
            removed = 2 ** (stage + 2) > self.output_stride
            for index in range(blocks):
                first = index == 0
                x = block(
                    self.features * 2**stage,
                    stride=2 if first and stage and not removed else 1,
                    dilations=(1 if first else 2, 2) if removed else (1, 1),
                    norm=norm,
                    dtype=self.dtype,
                    name=f"layer{stage + 1}_{index}",
                )(x)
            stages.append(x)
        return tuple(stages)

    def _check(self, x: jax.Array) -> None:
        if self.depth not in _BLOCKS:
            raise ValueError(f"depth: found {self.depth}, expected one of {list(_BLOCKS)}")
        if self.output_stride not in _OUTPUT_STRIDES:
            raise ValueError(
                f"output_stride: found {self.output_stride}, expected one of {_OUTPUT_STRIDES}"
            )
        height, width = x.shape[1:3]
        if height % self.output_stride or width % self.output_stride:
            raise ValueError(
                f"image: found {height} x {width} pixels, expected multiples of "
                f"{self.output_stride} for an output stride of {self.output_stride}"
            )


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside the identity, or beside a 1x1 convolution where shapes differ.

    Attributes:
      features: channels of the output.
      stride: of the first convolution.
      dilations: of the convolution that has the stride, and of the 3x3 convolution behind it.
      norm: `batch_norm` but for the name.
    """

    features: int
    stride: int
    dilations: tuple[int, int]
    norm: Any
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        conv = functools.partial(Conv, dtype=self.dtype, kernel_init=he_init)
        at_stride, behind = self.dilations
        y = conv(self.features, stride=self.stride, dilation=at_stride, name="conv1")(x)
        y = nn.relu(self.norm(name="bn1")(y))
        y = self.norm(name="bn2")(conv(self.features, dilation=behind, name="conv2")(y))
        return nn.relu(y + _shortcut(conv, self.norm, x, self.features, self.stride))


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1 ones, the last to four times the features.

    Attributes: those of `BasicBlock`; there is no 3x3 convolution behind that with the stride.
    """

    features: int
    stride: int
    dilations: tuple[int, int]
    norm: Any
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        conv = functools.partial(Conv, dtype=self.dtype, kernel_init=he_init)
        width = 4 * self.features
        y = nn.relu(self.norm(name="bn1")(conv(self.features, 1, name="conv1")(x)))
        y = conv(self.features, stride=self.stride, dilation=self.dilations[0], name="conv2")(y)
        y = nn.relu(self.norm(name="bn2")(y))
        y = self.norm(name="bn3")(conv(width, 1, name="conv3")(y))
        return nn.relu(y + _shortcut(conv, self.norm, x, width, self.stride))


def _shortcut(conv: Any, norm: Any, x: jax.Array, width: int, stride: int) -> jax.Array:
    if stride == 1 and x.shape[-1] == width:
        return x
    return norm(name="downsample_1")(conv(width, 1, stride, name="downsample_0")(x))
