"""One predicted lesion beside its label, its readers and their consensus, all over its patch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from casgan_jax import metrics
from casgan_jax.evaluation.planes import plain_value, reader_planes, to_native_crop
from casgan_jax.evaluation.prediction import Prediction
from casgan_jax.grid import binarise, decode_alpha
from casgan_jax.records.patches import marked_patch


class Outline(NamedTuple):
    """A binary mask over the patch, and its Dice against the consensus over the whole image."""

    mask: np.ndarray  # (P, P) bool
    dice: float


@dataclass(frozen=True)
class ComparedCase:
    """A lesion over the patch that the network saw.

    Attributes:
      key: of the record.
      threshold: at which the network's mask was made binary.
      patch: (P, P) float32 in [0, 1].
      alpha: (r P, r P) float32 in [0, 1], the network's soft mask.
      network: its binary mask on the native grid.
      readers: each one's.
      consensus: (P, P) bool, of at least half of them.
      label: (s P, s P) float32 in [0, 1], the stored soft mask, s times as fine.
      trimap: (s P, s P) uint8: 0, 128 and 255.
    """

    key: str
    threshold: float
    patch: np.ndarray
    alpha: np.ndarray
    network: Outline
    readers: tuple[Outline, ...]
    consensus: np.ndarray
    label: np.ndarray
    trimap: np.ndarray


def compared_case(item: Prediction, threshold: float) -> ComparedCase:
    """A predicted record as it is compared.

    Args:
      item: of a record that readers outlined.
      threshold: that makes a binary mask of the soft one.
    """
    record, patch = item.record, len(item.patch)
    readers, consensus = reader_planes(record)
    native = to_native_crop(item.alpha, len(item.alpha) // patch, record)
    stored = len(record["alpha"]) // len(record["image"])

    def over_patch(plane: np.ndarray) -> np.ndarray:
        return marked_patch({**record, "plane": plane}, "plane", patch)

    def outline(plane: np.ndarray) -> Outline:
        return Outline(over_patch(plane), float(metrics.dice(plane, consensus)))

    return ComparedCase(
        key=plain_value(record["key"]),
        threshold=threshold,
        patch=item.patch,
        alpha=item.alpha,
        network=outline(binarise(native, threshold)),
        readers=tuple(outline(reader) for reader in readers),
        consensus=over_patch(consensus),
        label=decode_alpha(marked_patch(record, "alpha", patch, scale=stored)),
        trimap=marked_patch(record, "trimap", patch, scale=stored),
    )
