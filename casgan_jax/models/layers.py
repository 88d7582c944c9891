"""Stride-2 convolutions written as stride-1 ones, and the normalisation all models share.

XLA has no fast CPU path for the dilated convolutions in the gradients of a strided convolution:
plain `nn.Conv(strides=2)` and `nn.ConvTranspose(strides=2)` can train several times slower than
they need to. Moving pixels between space and channels first gives the same linear maps with stride
1. The parameters keep the shape of the plain layers' kernels, so weights are exchangeable.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from casgan_jax.models.convolution import conv, depth_to_space, pad, space_to_depth
from casgan_jax.models.dilated_convolution import dilated_conv

Dtype = Any

# DCGAN and pix2pix draw convolution weights from N(0, 0.02).
dcgan_init = nn.initializers.normal(0.02)
# Normal draws as their authors have them, where Flax's `lecun_normal` and `he_normal` truncate.
lecun_init = nn.initializers.variance_scaling(1.0, "fan_in", "normal")
# He et al. 2015, for ReLU, over the inputs, or over the outputs as torchvision's ResNets draw them.
he_fan_in = nn.initializers.variance_scaling(2.0, "fan_in", "normal")
he_init = nn.initializers.variance_scaling(2.0, "fan_out", "normal")


class Conv(nn.Module):
    """`nn.Conv` with K x K taps, padded by K // 2, of the same parameters; gradients of `conv`.

    Taps of a `dilation` above 1 are that many pixels apart, and the padding K // 2 times it; the
    stride is then 1.
    """

    features: int
    size: int = 3
    stride: int = 1
    dilation: int = 1
    use_bias: bool = False
    dtype: Dtype | None = None
    kernel_init: Callable[..., jax.Array] = lecun_init
    bias_init: Callable[..., jax.Array] = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        if self.dilation > 1 and self.stride > 1:
            raise ValueError(f"stride: found {self.stride}, expected 1 for dilation > 1")
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        bias = self.param("bias", self.bias_init, (self.features,)) if self.use_bias else None
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        if self.dilation > 1:
            y = dilated_conv(x, kernel, self.dilation)
        else:
            y = conv(x, kernel, self.stride, self.size // 2)
        return y if bias is None else y + bias.reshape(1, 1, 1, -1)


class DownConv(nn.Module):
    """4x4 convolution of stride 2 and padding 1: (N, 2H, 2W, C) -> (N, H, W, features).

    With the input split by pixel parity, tap k = 2m + a of the kernel meets parity a at offset m:
    a 2x2 convolution over four times the channels. A kernel of K x K taps is padded by
    (K - 1) // 2, and an odd one has a zero before its first tap: for K = 7, a 4x4 convolution.
    """

    features: int
    size: int = 4
    use_bias: bool = True
    dtype: Dtype | None = None
    kernel_init: Callable[..., jax.Array] = dcgan_init

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        channels = x.shape[-1]
        kernel = self.param(
            "kernel", self.kernel_init, (self.size, self.size, channels, self.features)
        )
        bias = (
            self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else None
        )
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        odd = self.size % 2
        kernel = jnp.pad(kernel, ((odd, 0), (odd, 0), (0, 0), (0, 0)))
        half = kernel.shape[0] // 2
        kernel = kernel.reshape(half, 2, half, 2, channels, self.features)
        kernel = kernel.transpose(0, 2, 1, 3, 4, 5).reshape(half, half, 4 * channels, self.features)
        before = (self.size - 1) // 2 + odd
        border = (before, 2 * half - 2 - before)
        y = conv(space_to_depth(jnp.pad(x, ((0, 0), border, border, (0, 0)))), kernel)
        return y if bias is None else y + bias.reshape(1, 1, 1, -1)


class UpConv(nn.Module):
    """4x4 transposed convolution of stride 2 and padding 1: (N, H, W, C) -> (N, 2H, 2W, features).

    Output row 2p - 1 + a reads rows p - 1 + m of the input through tap k = 2(1 - m) + a: a 2x2
    convolution to four times the features, then depth to space, then the border cut off. The kernel
    is that of the scatter form y[2i + k - 1] += x[i] w[k] (PyTorch's `ConvTranspose2d`). Of size 3
    it is the same without tap 3 (PyTorch's with an output padding of 1).
    """

    features: int
    size: int = 4
    use_bias: bool = True
    dtype: Dtype | None = None
    kernel_init: Callable[..., jax.Array] = dcgan_init
    bias_init: Callable[..., jax.Array] = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        channels = x.shape[-1]
        kernel = self.param(
            "kernel", self.kernel_init, (self.size, self.size, channels, self.features)
        )
        bias = self.param("bias", self.bias_init, (self.features,)) if self.use_bias else None
        x, kernel, bias = nn.dtypes.promote_dtype(x, kernel, bias, dtype=self.dtype)
        kernel = jnp.pad(kernel, ((0, 4 - self.size), (0, 4 - self.size), (0, 0), (0, 0)))
        kernel = kernel.reshape(2, 2, 2, 2, channels, self.features)[::-1, :, ::-1]
        kernel = kernel.transpose(0, 2, 4, 1, 3, 5).reshape(2, 2, channels, 4 * self.features)
        y = depth_to_space(conv(pad(x, 1), kernel))[:, 1:-1, 1:-1]
        return y if bias is None else y + bias.reshape(1, 1, 1, -1)


class BatchNorm(nn.BatchNorm):
    """Flax's, which mixes dtypes on purpose: statistics are float32 whatever it is given."""

    def __call__(self, x: jax.Array, *arguments: Any, **options: Any) -> jax.Array:
        with jax.numpy_dtype_promotion("standard"):
            return super().__call__(x, *arguments, **options)


def batch_norm(*, train: bool, axis_name: str | None, dtype: Dtype | None, name: str) -> BatchNorm:
    """Batch normalisation with float32 statistics, averaged over `axis_name` where one is given."""
    return BatchNorm(
        use_running_average=not train,
        momentum=0.9,
        epsilon=1e-5,
        axis_name=axis_name if train else None,
        dtype=dtype,
        scale_init=lambda key, shape, kind: 1.0 + 0.02 * jax.random.normal(key, shape, kind),
        name=name,
    )


class GroupNorm(nn.GroupNorm):
    """Flax's, which mixes dtypes on purpose, see `BatchNorm`."""

    def __call__(self, x: jax.Array, *arguments: Any, **options: Any) -> jax.Array:
        with jax.numpy_dtype_promotion("standard"):
            return super().__call__(x, *arguments, **options)


def instance_norm(*, dtype: Dtype | None, name: str) -> GroupNorm:
    """Each channel of each image normalised on its own (Ulyanov et al. 2016), then scaled and
    moved; the same in training and after."""
    return GroupNorm(num_groups=None, group_size=1, epsilon=1e-5, dtype=dtype, name=name)
