"""CE-Net (Gu et al. 2019, "CE-Net: context encoder network for 2D medical image segmentation")."""

from __future__ import annotations

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from casgan_jax.models.layers import Conv, UpConv, batch_norm, he_init, lecun_init
from casgan_jax.models.pooling import max_pool
from casgan_jax.models.resnet import ResNet
from casgan_jax.models.segmentation_blocks import AlphaHead, check_side

_STRIDE = 32
_POOLS = (2, 3, 5, 6)


class CENet(nn.Module):
    """Condition image (N, S, S, C) -> soft mask (N, S, S, 1) in [0, 1]; S a multiple of 32.

    ResNet-34, a dense atrous convolution block and residual multi-kernel pooling on its last
    features, and a decoder that adds the encoder's features to its own (section III). Where paper
    and code of the authors leave a choice or differ, the code is followed: the branches of the DAC
    block share their convolutions; a transposed 4x4 convolution and two 3x3 ones give the output.

    With 64 features and three input channels it has the 29,003,093 parameters of that code.

    Attributes:
      features: width of the ResNet (64: the original); the decoder follows in proportion.
      initial_alpha: mean of the output before training.
      axis_name: device axis over which batch statistics are averaged in training.
      dtype: dtype of the computation; parameters and statistics stay float32.
    """

    features: int = 64
    initial_alpha: float = 0.5
    axis_name: str | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, condition: jax.Array, *, train: bool) -> jax.Array:
        check_side(condition, _STRIDE, "the encoder's stride")
        shared = dict(axis_name=self.axis_name, dtype=self.dtype)
        *skips, x = ResNet(34, self.features, name="encoder", **shared)(condition, train=train)
        x = DenseAtrousConv(dtype=self.dtype, name="dac")(x)
        x = ResidualMultiKernelPooling(dtype=self.dtype, name="rmp")(x)
        block = functools.partial(DecoderBlock, train=train, **shared)
        for level, skip in zip((4, 3, 2), reversed(skips), strict=True):
            x = block(features=skip.shape[-1], name=f"decoder{level}")(x) + skip
        x = block(features=self.features, name="decoder1")(x)

        half = self.features // 2
        x = nn.relu(UpConv(half, dtype=self.dtype, kernel_init=he_init, name="up")(x))
        x = nn.relu(
            Conv(half, use_bias=True, dtype=self.dtype, kernel_init=he_init, name="conv")(x)
        )
        return AlphaHead(self.initial_alpha, size=3, dtype=self.dtype, name="alpha")(x)


class DenseAtrousConv(nn.Module):
    """The sum of the input and of four branches with fields of 3, 7, 9 and 19 pixels (III-B).

    The branches are chains of the same three 3x3 convolutions, dilated by 1, 3 and 5, and but for
    the first of the same 1x1 convolution; each ends in a ReLU, none has one within.
    """

    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        conv = functools.partial(
            Conv, x.shape[-1], use_bias=True, dtype=self.dtype, kernel_init=lecun_init
        )
        dilated3 = conv(dilation=3, name="dilated3")
        dilated5 = conv(dilation=5, name="dilated5")
        last = conv(1, name="last")
        first = conv(name="dilated1")(x)
        second = dilated3(first)
        branches = (first, last(dilated3(x)), last(second), last(dilated5(second)))
        return x + sum(nn.relu(branch) for branch in branches)


class ResidualMultiKernelPooling(nn.Module):
    """The input joined by four max poolings of it, each as one channel (III-C).

    Windows of 2, 3, 5 and 6 pixels, an incomplete last row or column of them dropped; one 1x1
    convolution for all; bilinear upsampling. The authors' maps have at least 14 pixels a side;
    where one is smaller than a window, the window is the whole map.
    """

    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        n, side, _, _ = x.shape
        conv = Conv(1, 1, use_bias=True, dtype=self.dtype, kernel_init=lecun_init, name="conv")
        pooled = [conv(max_pool(x, min(size, side))) for size in _POOLS]
        pooled = [jax.image.resize(each, (n, side, side, 1), "bilinear") for each in pooled]
        return jnp.concatenate([*pooled, x.astype(pooled[0].dtype)], axis=-1)


class DecoderBlock(nn.Module):
    """1x1 convolution to a quarter of the channels, 3x3 transposed convolution of stride 2, 1x1
    convolution: (N, H, W, C) -> (N, 2H, 2W, features); normalisation and ReLU behind each (III-D).

    The authors' convolutions have biases, which the normalisation subtracts again; they are kept,
    as their parameters are counted.
    """

    features: int
    train: bool = False
    axis_name: str | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        quarter = x.shape[-1] // 4
        shared = dict(use_bias=True, dtype=self.dtype, kernel_init=he_init)
        layers = (
            Conv(quarter, 1, name="conv1", **shared),
            UpConv(quarter, size=3, name="up2", **shared),
            Conv(self.features, 1, name="conv3", **shared),
        )
        for index, layer in enumerate(layers, start=1):
            norm = batch_norm(
                train=self.train,
                axis_name=self.axis_name,
                dtype=self.dtype,
                name=f"norm{index}",
            )
            x = nn.relu(norm(layer(x)))
        return x
