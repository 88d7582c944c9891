"""The feature sets that table 5 compares: one name, one way from a lesion to its features."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import PAPER_THRESHOLD
from casgan_jax.radiomics.features import Intensities, mask_features, soft_mask_features
from casgan_jax.radiomics.selection import SelectedLesion
from casgan_jax.radiomics.soft_features import threshold_features, weighted_first_order

# "The ROI of the soft mask contains more pathological information around the lesion" (section 4.3):
# all that belongs to the lesion at all, from the smallest 8-bit code on.
ANY_SHARE = 1.0 / 255.0

FeatureSet = Callable[[SelectedLesion, Intensities], dict[str, float]]


def binary(lesion: SelectedLesion, intensities: Intensities) -> dict[str, float]:
    """The 93 features of the readers' consensus."""
    return mask_features(lesion.image, lesion.consensus, intensities=intensities)


def soft_128(lesion: SelectedLesion, intensities: Intensities) -> dict[str, float]:
    """The 93 features of the soft mask at 128/255, the paper's binary mask of its own data."""
    return _hardened(lesion, PAPER_THRESHOLD, intensities)


def soft_any(lesion: SelectedLesion, intensities: Intensities) -> dict[str, float]:
    """The 93 features of all that belongs to the lesion by 1/255 or more."""
    return _hardened(lesion, ANY_SHARE, intensities)


def soft_thresholds(lesion: SelectedLesion, intensities: Intensities) -> dict[str, float]:
    """The 93 features at 0.25, 0.5 and 0.75: their means and spreads."""
    return threshold_features(lesion.image, lesion.alpha, intensities=intensities)


def soft_weighted(lesion: SelectedLesion, intensities: Intensities) -> dict[str, float]:
    """The 93 features with alpha-weighted first-order ones and the textures at 128/255."""
    weighted = weighted_first_order(lesion.image, lesion.alpha, intensities=intensities)
    return soft_128(lesion, intensities) | weighted


def area(lesion: SelectedLesion, intensities: Intensities) -> dict[str, float]:
    """The number of consensus pixels and nothing else: what size alone tells."""
    del intensities
    return {"area": float(lesion.consensus.sum())}


FEATURE_SETS: dict[str, FeatureSet] = {
    one.__name__: one for one in (binary, soft_128, soft_any, soft_thresholds, soft_weighted, area)
}


def feature_table(
    lesions: Iterable[SelectedLesion], name: str, intensities: Intensities
) -> np.ndarray:
    """(N, F) features of lesions, one of FEATURE_SETS.

    Raises:
      UserError: a lesion has no such features; the message names it.
    """
    rows = []
    for lesion in lesions:
        try:
            rows.append(list(FEATURE_SETS[name](lesion, intensities).values()))
        except UserError as error:
            raise error.within(f"{lesion.key}, {name}") from error
    return np.asarray(rows)


def _hardened(
    lesion: SelectedLesion, threshold: float, intensities: Intensities
) -> dict[str, float]:
    return soft_mask_features(
        lesion.image, lesion.alpha, threshold=threshold, intensities=intensities
    )
