"""SegNet (Badrinarayanan, Kendall and Cipolla 2017, "SegNet: A deep convolutional encoder-decoder
architecture for image segmentation"), in the paper's table 1."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax

from casgan_jax.models.pooling import max_pool_with_indices, max_unpool
from casgan_jax.models.segmentation_blocks import AlphaHead, ConvBlock, check_side

# Channels of the convolutions of each level over `features`: VGG16's, and the decoder's, which the
# authors' Caffe model mirrors from them. The decoder's last convolution, at level 0, is the output.
_ENCODER = ((1, 1), (2, 2), (4, 4, 4), (8, 8, 8), (8, 8, 8))
_DECODER = ((1,), (2, 1), (4, 4, 2), (8, 8, 4), (8, 8, 8))


class SegNet(nn.Module):
    """Condition image (N, S, S, C) -> soft mask (N, S, S, 1) in [0, 1]; S a multiple of 2^levels.

    Section 3: the 13 convolutions of VGG16 with batch normalisation and ReLU, and a decoder that
    mirrors them. In place of skip connections the decoder gets the places of the maxima of each
    pooling, puts its values back there, and fills the zeros between by its convolutions. The last
    3x3 convolution goes to the output; one sigmoid stands for a softmax of two classes.

    With 64 features and three channels it has the weights of the authors' Caffe model, but for its
    11 classes (the biases that batch normalisation would subtract again are left out). The encoder
    starts from random weights (He et al. 2015), where the authors start it from VGG16 trained on
    ImageNet; their local contrast normalisation of the image belongs to their data, not here.

    Attributes:
      features: channels of the first level.
      levels: number of poolings, up to VGG16's five; fewer for images smaller than 32 pixels.
      initial_alpha: mean of the output before training.
      axis_name: device axis over which batch statistics are averaged in training.
      dtype: dtype of the computation; parameters and statistics stay float32.

    Raises:
      ValueError: the image is not such a square.
    """

    features: int = 64
    levels: int = 5
    initial_alpha: float = 0.5
    axis_name: str | None = None
    dtype: Any = None

    @nn.compact
    def __call__(self, condition: jax.Array, *, train: bool) -> jax.Array:
        check_side(condition, 2**self.levels, f"{self.levels} levels")

        def level(x: jax.Array, multiples: tuple[int, ...], name: str) -> jax.Array:
            for index, multiple in enumerate(multiples):
                x = ConvBlock(
                    self.features * multiple,
                    axis_name=self.axis_name,
                    dtype=self.dtype,
                    name=f"{name}_{index}",
                )(x, train=train)
            return x

        x = condition
        places = []
        for depth, multiples in enumerate(_ENCODER[: self.levels]):
            x, indices = max_pool_with_indices(level(x, multiples, f"down{depth}"))
            places.append(indices)
        for depth in reversed(range(self.levels)):
            x = level(max_unpool(x, places[depth]), _DECODER[depth], f"up{depth}")
        return AlphaHead(self.initial_alpha, size=3, dtype=self.dtype, name="alpha")(x)
