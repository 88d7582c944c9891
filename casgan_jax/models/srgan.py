"""SRGAN's generator and discriminator (Ledig et al. 2017), one channel (paper 3.2.1).

The generator maps a patch (N, H, W, 1) in [0, 1] to (N, scale H, scale W, 1). Its output is linear
and not clipped, so that the losses see by how much it overshoots; clip to [0, 1] at inference.

The strided convolutions of the discriminator are plain ones: with 3x3 kernels XLA runs them on the
CPU at the pace of the others, and space to depth + 2x2 convolution, the same map, took 1.3 to 2
times as long (7/16 of the rearranged kernel is zeros).
"""

from __future__ import annotations

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from casgan_jax.models.convolution import depth_to_space
from casgan_jax.models.layers import BatchNorm, Conv

SCALES = (2, 4)

# The output layer adds up thousands of products: without this, the first steps of Adam, which move
# each weight by the learning rate, throw a residual that starts at 0 far out of the image's range.
_RESIDUAL_SCALE = 0.1

# A slope for all channels of a layer, as in Torch's PReLU, where SRResNet was written.
_PReLU = partial(nn.PReLU, negative_slope_init=0.25)


def _batch_norm(module: SRGenerator | SRDiscriminator, train: bool) -> partial[BatchNorm]:
    return partial(
        BatchNorm,
        use_running_average=not train,
        momentum=0.9,
        epsilon=1e-5,
        axis_name=module.axis_name if train else None,
        dtype=module.dtype,
    )


class SRGenerator(nn.Module):
    """SRResNet: patch (N, H, W, 1) in [0, 1] -> (N, scale H, scale W, 1), linear.

    A 9x9 convolution, residual blocks of conv-BN-PReLU-conv-BN under a long skip connection, one
    convolution to four times the channels + pixel shuffle + PReLU per doubling, a 9x9 convolution.
    Each block starts as the identity: the scale of its second normalisation starts at 0. With the
    defaults it has 712,777 parameters.

    Attributes:
      features: channels of all inner layers.
      blocks: residual blocks (the paper has 5, Ledig et al. 16).
      scale: 2 or 4.
      residual_to_interpolation: the network's output is added to the Lanczos interpolation of its
        input, and starts at 0. Not in Ledig et al.; reaches a given error in far fewer steps.
      axis_name: device axis over which batch statistics are averaged in training.
      dtype: dtype of the computation; parameters and statistics stay float32.

    Raises:
      ValueError: `scale` is neither 2 nor 4.
    """

    features: int = 64
    blocks: int = 5
    scale: int = 4
    residual_to_interpolation: bool = False
    axis_name: str | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool) -> jax.Array:
        if self.scale not in SCALES:
            raise ValueError(f"scale: found {self.scale}, expected one of {SCALES}")
        norm = _batch_norm(self, train)
        # A bias before a normalisation would be subtracted again.
        conv = partial(Conv, dtype=self.dtype)

        image = x
        x = nn.Conv(self.features, (9, 9), dtype=self.dtype, name="input")(x)
        x = long_skip = _PReLU(name="input_prelu")(x)
        for block in range(self.blocks):
            y = conv(self.features, name=f"block{block}_conv0")(x)
            y = _PReLU(name=f"block{block}_prelu")(norm(name=f"block{block}_norm0")(y))
            y = conv(self.features, name=f"block{block}_conv1")(y)
            x = x + norm(name=f"block{block}_norm1", scale_init=nn.initializers.zeros)(y)
        x = long_skip + norm(name="body_norm")(conv(self.features, name="body_conv")(x))

        for doubling in range(SCALES.index(self.scale) + 1):
            x = conv(4 * self.features, use_bias=True, name=f"up{doubling}_conv")(x)
            x = _PReLU(name=f"up{doubling}_prelu")(depth_to_space(x))

        output = partial(conv, 1, size=9, use_bias=True, name="output")
        if not self.residual_to_interpolation:
            return output()(x).astype(jnp.float32)
        residual = output(kernel_init=nn.initializers.zeros)(x)
        interpolated = jax.image.resize(image.astype(jnp.float32), residual.shape, "lanczos3")
        return interpolated + _RESIDUAL_SCALE * residual.astype(jnp.float32)


class SRDiscriminator(nn.Module):
    """Image (N, H, W, 1), any size -> logit (N, 1) that it is a real high-resolution image.

    Ledig et al.: eight 3x3 convolutions, 64 to 512 channels, every second one with stride 2,
    LeakyReLU(0.2), normalisation on all but the first, then dense 1024 and dense 1. Before those
    stands the mean over all positions, where Ledig et al. flatten the map of their fixed 96 x 96
    crops: so the weights do not depend on the patch size. Strided convolutions pad by 1 on all
    sides. With the defaults it has 5,212,417 parameters.

    Attributes:
      features: channels of the first layer; the dense layer has 16 times as many.
      axis_name: device axis over which batch statistics are averaged in training.
      dtype: dtype of the computation; parameters and statistics stay float32.
    """

    features: int = 64
    axis_name: str | None = None
    dtype: Any = None

    @nn.compact
    def __call__(
        self, condition: jax.Array | None, candidate: jax.Array, *, train: bool
    ) -> jax.Array:
        del condition  # SRGAN's discriminator judges the image alone.
        x = candidate
        for layer in range(8):
            x = Conv(
                self.features * 2 ** (layer // 2),
                stride=1 + layer % 2,
                use_bias=layer == 0,
                dtype=self.dtype,
                name=f"conv{layer}",
            )(x)
            if layer:
                x = _batch_norm(self, train)(name=f"conv{layer}_norm")(x)
            x = nn.leaky_relu(x, 0.2)
        x = x.mean(axis=(1, 2))
        x = nn.leaky_relu(nn.Dense(16 * self.features, dtype=self.dtype, name="dense0")(x), 0.2)
        return nn.Dense(1, dtype=self.dtype, name="dense1")(x).astype(jnp.float32)
