"""SoftGAN's segmentor: pix2pix's U-Net (Isola et al. 2017) with a soft mask as output (paper
3.2.2)."""

from __future__ import annotations

import math
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from casgan_jax.models.layers import DownConv, UpConv, batch_norm


class UNet(nn.Module):
    """Condition image (N, S, S, C) -> soft mask (N, S, S, 1) in [0, 1]; S a power of two.

    log2(S) levels of 4x4 stride-2 convolutions without pooling, LeakyReLU(0.2) in the encoder, ReLU
    in the decoder, skip connections, dropout in the innermost decoder levels. With 64 features and
    two condition channels at 256 x 256 it has the 54.4 M parameters of pix2pix's `unet_256`.

    Attributes:
      features: channels after the first level; doubled at each level up to 8 x features.
      levels: number of stride-2 levels, or 0 for log2(S).
      dropout: rate in the (at most three) innermost decoder levels below the last doubling.
      initial_alpha: mean of the output before training. Lesions cover a few per cent of a patch;
        starting near that keeps the first steps from being spent on the background.
      axis_name: device axis over which batch statistics are averaged in training.
      dtype: dtype of the computation; parameters and statistics stay float32.
    """

    features: int = 64
    levels: int = 0
    dropout: float = 0.5
    initial_alpha: float = 0.5
    axis_name: str | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, condition: jax.Array, *, train: bool) -> jax.Array:
        size = condition.shape[1]
        levels = self.levels or int(math.log2(size))
        if condition.shape[2] != size or size % 2**levels:
            raise ValueError(
                f"condition image: found {condition.shape[1]} x {condition.shape[2]} pixels, "
                f"expected a square whose side is a multiple of {2**levels} for {levels} levels"
            )
        widths = [self.features * min(2**level, 8) for level in range(levels)]

        def norm(x: jax.Array, name: str) -> jax.Array:
            return batch_norm(train=train, axis_name=self.axis_name, dtype=self.dtype, name=name)(x)

        x = condition
        skips = []
        for level, width in enumerate(widths):
            # pix2pix leaves the outermost and the innermost level without normalisation.
            plain = level in (0, levels - 1)
            if level:
                x = nn.leaky_relu(x, 0.2)
            x = DownConv(width, use_bias=plain, dtype=self.dtype, name=f"down{level}")(x)
            if not plain:
                x = norm(x, f"down{level}_norm")
            skips.append(x)

        for level in range(levels - 2, -1, -1):
            # The deepest decoder output has the width of the encoder level that it is joined with.
            x = UpConv(widths[level], use_bias=False, dtype=self.dtype, name=f"up{level + 1}")(
                nn.relu(x)
            )
            x = norm(x, f"up{level + 1}_norm")
            if self.dropout and levels - 5 <= level < levels - 2 and widths[level] == widths[-1]:
                x = nn.Dropout(self.dropout, deterministic=not train)(x)
            x = jnp.concatenate([x, skips[level]], axis=-1)

        bias = math.log(self.initial_alpha / (1.0 - self.initial_alpha))
        logits = UpConv(1, dtype=self.dtype, bias_init=nn.initializers.constant(bias), name="up0")(
            nn.relu(x)
        )
        return nn.sigmoid(logits.astype(jnp.float32))
