"""DeepLabv3+ (Chen et al. 2018, "Encoder-decoder with atrous separable convolution for semantic
image segmentation") on a ResNet."""

from __future__ import annotations

import functools
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from casgan_jax.models.resnet import ResNet
from casgan_jax.models.segmentation_blocks import AlphaHead, ConvBlock, check_side, resize

_RATES = (6, 12, 18)
_OUTPUT_STRIDE = 16


class DeepLab(nn.Module):
    """Condition image (N, S, S, C) -> soft mask (N, S, S, 1) in [0, 1]; S a multiple of 16.

    A ResNet of output stride 16; atrous spatial pyramid pooling (ASPP: a 1x1 convolution, three 3x3
    ones dilated by 6, 12 and 18, and the image's mean) to 4 x features channels; bilinear
    upsampling by 4, joined with the first stage's features in 3/4 x features channels; two 3x3
    convolutions (the best of the paper's table 2), a 1x1 convolution, and bilinear upsampling of
    the logits by 4 (sections 3.1 and 4.1).

    The paper evaluates ResNet-101 and an Xception; its atrous separable convolutions belong to the
    latter, so that all are dense here, as in the ResNet variant of its section 4.2. It leaves the
    dropout to its code, which drops 10 % of ASPP's output. The image's mean is normalised over the
    batch alone, as there.

    With 64 features, three input channels and one output it has 40.3 M parameters at depth 50.

    Attributes:
      features: width of the ResNet (64: the original); ASPP and decoder follow in proportion.
      depth: of the ResNet: 34, 50 or 101.
      dropout: rate behind ASPP.
      initial_alpha: mean of the output before training.
      axis_name: device axis over which batch statistics are averaged in training.
      dtype: dtype of the computation; parameters and statistics stay float32.
    """

    features: int = 64
    depth: int = 50
    dropout: float = 0.1
    initial_alpha: float = 0.5
    axis_name: str | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, condition: jax.Array, *, train: bool) -> jax.Array:
        check_side(condition, _OUTPUT_STRIDE, "the output stride")
        shared = dict(axis_name=self.axis_name, dtype=self.dtype)
        block = functools.partial(ConvBlock, **shared)
        stages = ResNet(
            self.depth, self.features, output_stride=_OUTPUT_STRIDE, name="encoder", **shared
        )(condition, train=train)
        pyramid = _pyramid(block, stages[-1], 4 * self.features, train)
        pyramid = nn.Dropout(self.dropout, deterministic=not train)(pyramid)
        narrow = block(features=3 * self.features // 4, size=1, name="low_level")
        detail = narrow(stages[0], train=train)
        x = jnp.concatenate([resize(pyramid, detail.shape[1]), detail], axis=-1)
        for index in (1, 2):
            x = block(features=4 * self.features, name=f"decoder{index}")(x, train=train)
        side = condition.shape[1]
        return AlphaHead(self.initial_alpha, side=side, dtype=self.dtype, name="alpha")(x)


def _pyramid(block: Any, x: jax.Array, features: int, train: bool) -> jax.Array:
    """Atrous spatial pyramid pooling: (N, H, W, C) -> (N, H, W, features)."""
    branches = [block(features, 1, name="aspp_1x1")(x, train=train)]
    branches += [
        block(features, dilation=rate, name=f"aspp_rate{rate}")(x, train=train) for rate in _RATES
    ]
    mean = x.mean((1, 2), keepdims=True)
    image = block(features, 1, name="aspp_image")(mean, train=train)
    branches.append(jnp.broadcast_to(image, branches[0].shape))
    return block(features, 1, name="aspp")(jnp.concatenate(branches, axis=-1), train=train)
