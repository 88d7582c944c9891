"""UNet++ (Zhou et al. 2018, "UNet++: A nested U-Net architecture for medical image segmentation",
and 2020, "Redesigning skip connections to exploit multiscale features"), in the paper's table 1."""

from __future__ import annotations

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from casgan_jax.models.pooling import max_pool
from casgan_jax.models.segmentation_blocks import AlphaHead, ConvBlock, UpConv2x2, check_side


class UNetPlusPlus(nn.Module):
    """Condition image (N, S, S, C) -> soft masks; S a multiple of 2^levels.

    Node X(i, j) of level i (Zhou et al. 2018, Eq. 1) sees all nodes X(i, 0 .. j - 1) of its level
    and the 2x2 up-convolution of X(i + 1, j - 1), and is two 3x3 convolutions with ReLU; X(i, 0)
    sees the max pooling of X(i - 1, 0). Each of X(0, 1 .. levels) has an output of its own, a 1x1
    convolution and a sigmoid (deep supervision, section 3.2).

    In training it returns all outputs, (N, S, S, levels), that of X(0, 1) first, each of which gets
    the same loss. Otherwise it returns their mean, (N, S, S, 1): the "accurate mode" of 2018, the
    "ensemble mode" of 2020. The authors' other mode takes one of the outputs, and is for speed.

    Widths, dropout of 0.5 after every 3x3 convolution and no batch normalisation are those of the
    authors' plain Keras network; their papers tell neither of the latter two, and their networks on
    the backbones of others normalise and have no dropout. With one channel and one output it has
    their 9,041,601 parameters.

    Attributes:
      features: channels of the first level; doubled at each level.
      levels: number of poolings, and of outputs.
      dropout: rate after each 3x3 convolution.
      normalise: batch normalisation after each 3x3 convolution.
      initial_alpha: mean of the output before training.
      axis_name: device axis over which batch statistics are averaged in training.
      dtype: dtype of the computation; parameters and statistics stay float32.

    Raises:
      ValueError: the image is not such a square.
    """

    features: int = 32
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
            ConvBlock,
            normalise=self.normalise,
            dropout=self.dropout,
            axis_name=self.axis_name,
            dtype=self.dtype,
        )
        widths = [self.features * 2**level for level in range(self.levels + 1)]

        def node(x: jax.Array, level: int, column: int) -> jax.Array:
            for index in (0, 1):
                x = block(widths[level], name=f"node{level}_{column}_{index}")(x, train=train)
            return x

        rows = [[node(condition, 0, 0)]]
        for level in range(1, self.levels + 1):
            rows.append([node(max_pool(rows[-1][0]), level, 0)])
        for column in range(1, self.levels + 1):
            for level in range(self.levels + 1 - column):
                up = UpConv2x2(widths[level], dtype=self.dtype, name=f"up{level}_{column}")
                below = up(rows[level + 1][column - 1])
                rows[level].append(
                    node(jnp.concatenate([below, *rows[level]], axis=-1), level, column)
                )

        alphas = jnp.concatenate(
            [
                AlphaHead(self.initial_alpha, dtype=self.dtype, name=f"alpha{column}")(x)
                for column, x in enumerate(rows[0][1:], start=1)
            ],
            axis=-1,
        )
        return alphas if train else alphas.mean(axis=-1, keepdims=True)
