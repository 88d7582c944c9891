"""A U-Net that works on the native grid of the patch and gives a mask that is r times as fine."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from casgan_jax.models.convolution import depth_to_space, space_to_depth
from casgan_jax.models.layers import Conv, batch_norm, dcgan_init, he_fan_in, instance_norm
from casgan_jax.models.segmentation_blocks import UpConv2x2, check_side

_SLOPE = 0.2  # of LeakyReLU, as in the pix2pix segmentor


class NativeUNet(nn.Module):
    """Condition image (N, S, S, C) -> soft mask (N, S, S, 1) in [0, 1]; S / r a multiple of
    fold x 2^levels.

    An enlarged patch holds nothing that the native one does not, and r^2 times the pixels. So the
    condition image is folded, r x r pixels into the channels of a native one (`space_to_depth`),
    and r^2 logits of each native pixel are unfolded again. Cells of native pixels may be folded,
    too: fewer pixels of more channels are what a processor is fastest at, and nothing is lost, as
    it would be by pooling. In between, each level has two 3x3 convolutions, the first of stride 2
    below the first level, and one on the way back, of the sum of what comes up and of the level's
    features, the first one's included: joined as channels instead they would make the whole a third
    more costly.

    Attributes:
      features: channels of the first level; doubled at each level up to `widest` x features.
      levels: number of halvings.
      fold: side of the cells of native pixels that are folded.
      widest: see `features`.
      normalisation: "batch", or "instance", of each image on its own.
      dropout: rate after the innermost level.
      initial_alpha: mean of the output before training.
      scale: r, that of the config's data.
      axis_name: device axis over which batch statistics are averaged in training.
      dtype: dtype of the computation; parameters and statistics stay float32.

    Raises:
      ValueError: the image is not such a square.
    """

    features: int = 24
    levels: int = 4
    fold: int = 1
    widest: int = 8
    normalisation: str = "batch"
    dropout: float = 0.0
    initial_alpha: float = 0.5
    scale: int = 1
    axis_name: str | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, condition: jax.Array, *, train: bool) -> jax.Array:
        cell = self.scale * self.fold
        check_side(condition, cell * 2**self.levels, f"{self.levels} levels")
        block = partial(
            _Block,
            train=train,
            normalisation=self.normalisation,
            axis_name=self.axis_name,
            dtype=self.dtype,
        )
        widths = [self.features * min(2**level, self.widest) for level in range(self.levels + 1)]

        x = space_to_depth(condition, cell)
        skips = []
        for level, width in enumerate(widths):
            x = block(width, stride=2 if level else 1, name=f"down{level}_0")(x)
            x = block(width, name=f"down{level}_1")(x)
            skips.append(x)
        x = nn.Dropout(self.dropout, deterministic=not train)(x)

        for level in reversed(range(self.levels)):
            x = UpConv2x2(widths[level], dtype=self.dtype, name=f"up{level}")(x)
            x = block(widths[level], name=f"up{level}_0")(x + skips[level])
        return self._alpha(x, cell)

    def _alpha(self, x: jax.Array, cell: int) -> jax.Array:
        logit = math.log(self.initial_alpha / (1.0 - self.initial_alpha))
        logits = Conv(
            cell**2,
            use_bias=True,
            dtype=self.dtype,
            kernel_init=dcgan_init,
            bias_init=nn.initializers.constant(logit),
            name="alpha",
        )(x)
        return nn.sigmoid(depth_to_space(logits.astype(jnp.float32), cell))


class _Block(nn.Module):
    """3x3 convolution, normalisation, LeakyReLU."""

    features: int
    train: bool
    normalisation: str
    stride: int = 1
    axis_name: str | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = Conv(
            self.features, stride=self.stride, dtype=self.dtype, kernel_init=he_fan_in, name="conv"
        )(x)
        if self.normalisation == "instance":
            x = instance_norm(dtype=self.dtype, name="norm")(x)
        else:
            x = batch_norm(
                train=self.train, axis_name=self.axis_name, dtype=self.dtype, name="norm"
            )(x)
        return nn.leaky_relu(x, _SLOPE)
