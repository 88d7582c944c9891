"""What the segmentation networks beside SoftGAN's share: layers, output, check of the input."""

from __future__ import annotations

import math

import flax.linen as nn
import jax
import jax.numpy as jnp

from casgan_jax.models.convolution import conv, depth_to_space
from casgan_jax.models.layers import Conv, Dtype, batch_norm, dcgan_init, he_fan_in


def check_side(condition: jax.Array, multiple: int, reason: str) -> None:
    """Checks that (N, S, S, C) is a square whose side is divided by `multiple`.

    Raises:
      ValueError: it is not.
    """
    height, width = condition.shape[1:3]
    if height != width or height % multiple:
        raise ValueError(
            f"condition image: found {height} x {width} pixels, expected a square whose side is a "
            f"multiple of {multiple} for {reason}"
        )


class ConvBlock(nn.Module):
    """Convolution, batch normalisation if wanted, ReLU, dropout if wanted; keeps the side.

    Weights start as He et al. 2015 draw them for ReLU.
    """

    features: int
    size: int = 3
    dilation: int = 1
    normalise: bool = True
    dropout: float = 0.0
    axis_name: str | None = None
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        x = Conv(
            self.features,
            self.size,
            dilation=self.dilation,
            # A bias before a normalisation would be subtracted again.
            use_bias=not self.normalise,
            dtype=self.dtype,
            kernel_init=he_fan_in,
            name="conv",
        )(x)
        if self.normalise:
            x = batch_norm(train=train, axis_name=self.axis_name, dtype=self.dtype, name="norm")(x)
        return nn.Dropout(self.dropout, deterministic=not train)(nn.relu(x))


class UpConv2x2(nn.Module):
    """2x2 transposed convolution of stride 2: (N, H, W, C) -> (N, 2H, 2W, features).

    No two pixels of the input meet in one of the output, so it is a matrix product. The kernel is
    that of the scatter form y[2i + k] = x[i] w[k] (PyTorch's `ConvTranspose2d`).
    """

    features: int
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        channels = x.shape[-1]
        # An output pixel sums C products, not the 4 C that are counted for a kernel of 2x2: this
        # keeps the mean square of the input.
        init = nn.initializers.variance_scaling(4.0, "fan_in", "normal")
        kernel = self.param("kernel", init, (2, 2, channels, self.features))
        bias = self.param("bias", nn.initializers.zeros, (self.features,))
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        product = kernel.transpose(2, 0, 1, 3).reshape(1, 1, channels, 4 * self.features)
        return depth_to_space(conv(x, product)) + bias.reshape(1, 1, 1, -1)


class AlphaHead(nn.Module):
    """Convolution to one channel and sigmoid: (N, H, W, C) -> (N, H, W, 1) float32 in [0, 1].

    The weights start small, as DCGAN draws them, and the bias at the logit of `initial_alpha`, so
    that the output starts near it. Where a `side` is given the logits are enlarged to it.
    """

    initial_alpha: float
    size: int = 1
    side: int | None = None
    dtype: Dtype | None = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        logit = math.log(self.initial_alpha / (1.0 - self.initial_alpha))
        kernel = self.param("kernel", dcgan_init, (self.size, self.size, x.shape[-1], 1))
        bias = self.param("bias", nn.initializers.constant(logit), (1,))
        x, kernel = nn.dtypes.promote_dtype(x, kernel, dtype=self.dtype)
        y = conv(x, kernel, 1, self.size // 2).astype(jnp.float32)
        y = y + bias.reshape(1, 1, 1, 1)
        return nn.sigmoid(y if self.side is None else resize(y, self.side))


def resize(x: jax.Array, side: int) -> jax.Array:
    """Bilinear interpolation between pixel centres: (N, H, W, C) -> (N, side, side, C)."""
    return jax.image.resize(x, (x.shape[0], side, side, x.shape[-1]), "bilinear")
