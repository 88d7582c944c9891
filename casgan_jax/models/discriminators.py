"""SoftGAN's discriminators: conditional (Mirza and Osindero 2014), per pixel or per patch."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from casgan_jax.models.layers import DownConv, UpConv, batch_norm, dcgan_init


class PixelDiscriminator(nn.Module):
    """Condition (N, S, S, C) and candidate mask (N, S, S, 1) -> score (N, S, S, 1) for every pixel.

    Two 4x4 stride-2 convolutions down and two up: each pixel is judged in its neighbourhood of 22
    pixels (paper 3.2.2, "probabilities for all pixels"). The chain of 1x1 convolutions at full
    resolution that pix2pix calls PixelGAN sees no neighbourhood, and one of its gradients took
    three times as long (0.10 against 0.03 s, 8 masks of 128 x 128, 16 features, one CPU core).
    Scores are not squashed: least-squares GAN losses take them as they are.
    """

    features: int = 64
    axis_name: str | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, condition: jax.Array, candidate: jax.Array, *, train: bool) -> jax.Array:
        def norm(x: jax.Array, name: str) -> jax.Array:
            return batch_norm(train=train, axis_name=self.axis_name, dtype=self.dtype, name=name)(x)

        x = jnp.concatenate([condition, candidate], axis=-1)
        x = DownConv(self.features, dtype=self.dtype, name="down0")(x)
        skip = nn.leaky_relu(x, 0.2)
        x = DownConv(2 * self.features, use_bias=False, dtype=self.dtype, name="down1")(skip)
        x = nn.leaky_relu(norm(x, "down1_norm"), 0.2)
        x = UpConv(self.features, use_bias=False, dtype=self.dtype, name="up1")(x)
        x = nn.leaky_relu(norm(x, "up1_norm"), 0.2)
        x = jnp.concatenate([x, skip], axis=-1)
        return UpConv(1, dtype=self.dtype, name="up0")(x).astype(jnp.float32)


class PatchDiscriminator(nn.Module):
    """Condition and candidate -> score map (N, S/2^levels, S/2^levels, 1), pix2pix's PatchGAN.

    Strided 4x4 convolutions only (pix2pix ends with two of stride 1 and padding 1; here the map
    stays a power of two, and a score sees the same 70-pixel neighbourhood at `levels` = 3 less that
    border).
    """

    features: int = 64
    levels: int = 3
    axis_name: str | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, condition: jax.Array, candidate: jax.Array, *, train: bool) -> jax.Array:
        x = jnp.concatenate([condition, candidate], axis=-1)
        for level in range(self.levels):
            width = self.features * min(2**level, 8)
            x = DownConv(width, use_bias=level == 0, dtype=self.dtype, name=f"down{level}")(x)
            if level:
                x = batch_norm(
                    train=train,
                    axis_name=self.axis_name,
                    dtype=self.dtype,
                    name=f"down{level}_norm",
                )(x)
            x = nn.leaky_relu(x, 0.2)
        return nn.Conv(1, (3, 3), dtype=self.dtype, kernel_init=dcgan_init, name="score")(x).astype(
            jnp.float32
        )
