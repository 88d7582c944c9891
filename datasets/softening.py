"""Images with one binary mask -> softened labels (paper sections 3.1.2 and 3.3, Eq. 6)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from casgan_jax.grid import Box, encode_alpha, normalise
from casgan_jax.records import features as records
from datasets.task import Record


class Softened(NamedTuple):
    """An image and its label, planes that lie over one another.

    Attributes:
      image: (H, W).
      mask: (H, W) bool.
      trimap: (r * H, r * W) uint8.
      alpha: (r * H, r * W) coded uint8: 255 on the mask, matted outside.
    """

    image: np.ndarray
    mask: np.ndarray
    trimap: np.ndarray
    alpha: np.ndarray

    @property
    def scale(self) -> int:
        """r, label pixels a native pixel."""
        return len(self.alpha) // len(self.image)

    def view(self, box: Box, *, turns: int = 0, mirror: bool = False) -> Softened:
        """A native box of all planes, turned by 90 degrees so often, then mirrored."""

        def cut(plane: np.ndarray, scale: int) -> np.ndarray:
            part = np.rot90(box.scaled(scale).crop(plane), turns)
            return np.ascontiguousarray(part[:, ::-1] if mirror else part)

        native, fine = (self.image, self.mask), (self.trimap, self.alpha)
        return Softened(*(cut(p, 1) for p in native), *(cut(p, self.scale) for p in fine))


def soften_image(
    image: np.ndarray,
    mask: np.ndarray,
    *,
    window: tuple[float, float],
    scale: int,
    fraction: float,
) -> Softened:
    """Labels an image by the paper's third strategy, then softens its mask by the label.

    Args:
      image: (H, W).
      mask: (H, W) bool.
      window: of the image.
      scale: r.
      fraction: half width of the unknown band, in radii of the disc as large as the mask; the band
        is at least one pixel to either side.

    Raises:
      AnnotationError: no trimap can be made; its `reason` says why.
    """
    from casgan_jax.soft_mask.label import label_from_binary, soften
    from casgan_jax.soft_mask.trimap import upsample_mask

    label = label_from_binary(normalise(image, window), mask, scale, fraction=fraction)
    alpha = soften(upsample_mask(mask, scale), label.alpha)
    return Softened(image, mask, label.trimap, encode_alpha(alpha))


def record_of(softened: Softened, **more: Any) -> Record:
    """What the record holds; `more` are the features that are not made here.

    `reader_masks` and `consensus` are the mask itself.
    """
    coded = softened.mask.astype(np.uint8) * np.uint8(255)
    readers = np.zeros((*coded.shape, records.MAX_READERS), np.uint8)
    readers[..., 0] = coded
    return {
        "image": softened.image,
        "alpha": softened.alpha,
        "trimap": softened.trimap,
        "reader_masks": readers,
        "consensus": coded,
        "n_readers": 1,
        **more,
    }
