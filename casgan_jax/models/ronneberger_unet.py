"""The U-Net of Ronneberger, Fischer and Brox 2015 ("U-Net: Convolutional networks for biomedical
image segmentation"), the baseline of the paper's tables 1 and 3."""

from __future__ import annotations

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from casgan_jax.models.pooling import max_pool
from casgan_jax.models.segmentation_blocks import AlphaHead, ConvBlock, UpConv2x2, check_side


class RonnebergerUNet(nn.Module):
    """Condition image (N, S, S, C) -> soft mask (N, S, S, 1) in [0, 1]; S a multiple of 2^levels.

    Section 2: two 3x3 convolutions with ReLU at each level, 2x2 max pooling after which the number
    of channels doubles; upwards a 2x2 up-convolution that halves it, the level's skip connection
    beside it, two 3x3 convolutions; a 1x1 convolution at the end. Where this differs:

    * convolutions are padded with zeros, so that the mask has the side of the image; the original
      has none, cuts the skip connections, and gives a smaller mask;
    * one sigmoid in place of a softmax of two classes, which is the same function.

    Section 3.1 puts dropout "at the end of the contracting path": here after the two innermost
    levels; the rate, which the paper does not tell, is the usual 0.5. The original, of 2015, has no
    batch normalisation; most of its later implementations have it, before each ReLU of a 3x3
    convolution. It has 31.0 M parameters with 64 features, with normalisation or without.

    Attributes:
      features: channels of the first level; doubled at each level.
      levels: number of poolings.
      dropout: rate after the two innermost levels.
      normalise: batch normalisation after each 3x3 convolution.
      initial_alpha: mean of the output before training.
      axis_name: device axis over which batch statistics are averaged in training.
      dtype: dtype of the computation; parameters and statistics stay float32.

    Raises:
      ValueError: the image is not such a square.
    """

    features: int = 64
    levels: int = 4
    dropout: float = 0.5
    normalise: bool = False
    initial_alpha: float = 0.5
    axis_name: str | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, condition: jax.Array, *, train: bool) -> jax.Array:
        check_side(condition, 2**self.levels, f"{self.levels} levels")
        block = partial(
            ConvBlock, normalise=self.normalise, axis_name=self.axis_name, dtype=self.dtype
        )
        widths = [self.features * 2**level for level in range(self.levels + 1)]

        x = condition
        skips = []
        for level, width in enumerate(widths):
            x = max_pool(x) if level else x
            for index in (0, 1):
                x = block(width, name=f"down{level}_{index}")(x, train=train)
            if level >= self.levels - 1:
                x = nn.Dropout(self.dropout, deterministic=not train)(x)
            skips.append(x)

        for level in reversed(range(self.levels)):
            x = UpConv2x2(widths[level], dtype=self.dtype, name=f"up{level}")(x)
            x = jnp.concatenate([skips[level], x], axis=-1)
            for index in (0, 1):
                x = block(widths[level], name=f"up{level}_{index}")(x, train=train)
        return AlphaHead(self.initial_alpha, dtype=self.dtype, name="alpha")(x)
