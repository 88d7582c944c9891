"""CF-CNN (Wang et al. 2017, "Central focused convolutional neural networks: Developing a
data-driven model for lung nodule segmentation"), on single slices; in the paper's table 3."""

from __future__ import annotations

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from casgan_jax.models.layers import Conv, batch_norm, he_fan_in
from casgan_jax.models.pixel_patches import pixel_patches
from casgan_jax.models.pooling import central_pool
from casgan_jax.models.segmentation_blocks import AlphaHead, check_side

# A slope for all channels of a layer, starting at 0.25 (He et al. 2015).
_PReLU = partial(nn.PReLU, negative_slope_init=0.25)


class CFCNN(nn.Module):
    """Condition image (N, S, S, C) -> soft mask (N, S, S, 1) in [0, 1]; strides divide S.

    A classifier of pixels by what surrounds them, in two branches of the same form that share no
    weights and meet in the last layer. A branch is three pairs of 3x3 convolutions on 35, 18 and 9
    pixels, between them central pooling, which keeps the middle of a patch finest, and a dense
    layer; batch normalisation and PReLU follow each layer.

    The branches of the original see (1) the 35 x 35 pixels around the voxel in three neighbouring
    slices and (2) the same of its own slice beside the 65 x 65 pixels around it, rescaled to 35 x
    35. Where this differs:

    * slices have no neighbours here: (1) sees the channels of the condition image, whatever they
      are (one slice; or three, if the condition has neighbouring slices as channels);
    * the original classifies voxels that are drawn by how hard they are and, to segment, each voxel
      in turn. Here the network classifies all points of a lattice, one in the middle of each cell
      of stride x stride pixels, and the mask between them is interpolated: so losses of whole masks
      train it. As the original it may be trained on fewer points than it segments: no parameter
      depends on the strides. 1 classifies every pixel, at stride^2 times the cost: one point takes
      68 million products forward at 36 features. On an image that is enlarged by 4, a
      `predict_stride` of 4 is every original pixel. A training step of 8 images of 128 x 128 pixels
      with 16 features and a stride of 8 took 22 s of CPU time and 9.5 GB (AMD EPYC, busy with other
      work);
    * one sigmoid in place of a softmax of two classes, which is the same function.

    No code of the authors is public: the widths (36, 48, 68 channels, 300 of the dense layer) are
    those of an implementation by others, and how pooling treats sizes that it does not divide
    evenly is `central_windows`'s choice.

    Attributes:
      features: channels of the first pair of convolutions; the others follow in proportion.
      stride: distance of the classified points in pixels in training.
      predict_stride: the same in use; 0: as in training.
      windows: sides in pixels of the smaller and the larger surroundings of a point.
      side: side in pixels of the patches that both are scaled to.
      initial_alpha: mean of the output before training.
      axis_name: device axis over which batch statistics are averaged in training.
      dtype: dtype of the computation; parameters and statistics stay float32.

    Raises:
      ValueError: the image is not such a square.
    """

    features: int = 36
    stride: int = 8
    predict_stride: int = 0
    windows: tuple[int, int] = (35, 65)
    side: int = 35
    initial_alpha: float = 0.5
    axis_name: str | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, condition: jax.Array, *, train: bool) -> jax.Array:
        stride = self.stride if train else self.predict_stride or self.stride
        check_side(condition, stride, f"a stride of {stride}")
        near, far = (pixel_patches(condition, stride, window, self.side) for window in self.windows)
        lattice = near.shape[:3]
        branch = partial(
            _Branch, self.features, train=train, axis_name=self.axis_name, dtype=self.dtype
        )
        both = jnp.concatenate([near, far], axis=-1)
        x = jnp.concatenate(
            [
                branch(name=name)(patches.reshape(-1, *patches.shape[3:]))
                for name, patches in (("slices", near), ("scales", both))
            ],
            axis=-1,
        )
        head = AlphaHead(self.initial_alpha, dtype=self.dtype, name="alpha")
        alpha = head(x.reshape(*lattice, -1))
        return jax.image.resize(alpha, (*condition.shape[:3], 1), "linear")


class _Branch(nn.Module):
    """Patches (M, side, side, C) -> features (M, 300 / 36 * features)."""

    features: int
    train: bool
    axis_name: str | None
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        # Of the original's 36, 48, 68 and 300.
        widths = [round(self.features * width / 36) for width in (36, 48, 68, 300)]
        for pair, width in enumerate(widths[:3]):
            x = central_pool(x) if pair else x
            for index in (0, 1):
                name = f"conv{pair}_{index}"
                conv = Conv(
                    width,
                    dtype=self.dtype,
                    kernel_init=he_fan_in,
                    name=name,
                )
                x = self._activate(conv(x), name)
        dense = nn.Dense(widths[3], use_bias=False, dtype=self.dtype, name="dense")
        return self._activate(dense(x.reshape(len(x), -1)), "dense")

    def _activate(self, x: jax.Array, name: str) -> jax.Array:
        x = batch_norm(
            train=self.train, axis_name=self.axis_name, dtype=self.dtype, name=f"{name}_norm"
        )(x)
        return _PReLU(name=f"{name}_prelu")(x)
