"""The paper's 93 radiomics features (section 4.3) of a 2D region of interest, by pyradiomics.

Six classes without shape: 18 first-order, 24 GLCM, 16 GLRLM, 16 GLSZM, 14 GLDM, 5 NGTDM features
(van Griethuysen et al., "Computational Radiomics System to Decode the Radiographic Phenotype",
Cancer Research 2017). The paper names no setting of pyradiomics. Those taken here:

- `force2D` over the slice axis: an image is one slice, textures have its 4 directions.
- Grey levels: a fixed bin width of 25 HU for Hounsfield units, pyradiomics' default and that of its
  example for CT, and 1000 added where values are squared, from the same example. 8-bit images
  that were stretched crop by crop have no unit, so that they get a fixed number of bins, 32
  (pyradiomics advises fixed widths: `Intensities(bin_width=25.0)`).
- Distance 1, symmetric GLCM, no weighting, no normalisation, no resampling: pyradiomics' defaults.
  Features are those of native pixels; an enlarged image would lend them the texture of its
  interpolation.

pyradiomics reads a soft mask as "alpha == 1 only" without a word. A soft mask therefore becomes a
region at a threshold that the caller names:

    mask_features(image, consensus, intensities=HOUNSFIELD)
    soft_mask_features(image, alpha, threshold=PAPER_THRESHOLD, intensities=HOUNSFIELD)
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import sys
from typing import Any

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import binarise

CLASSES = {"firstorder": 18, "glcm": 24, "glrlm": 16, "glszm": 16, "gldm": 14, "ngtdm": 5}
N_FEATURES = sum(CLASSES.values())

_INSTALL = (
    "install it in this order: `pip install numpy 'setuptools<81' wheel`, then "
    "`pip install --no-build-isolation pyradiomics==3.0.1` (it is compiled: a C compiler and "
    "Python's headers must be there)"
)


@dataclasses.dataclass(frozen=True)
class Intensities:
    """What grey values mean and how textures see them; one of the two ways of binning.

    Attributes:
      bin_width: of a grey level, in the image's unit.
      bin_count: grey levels from the region's darkest to its brightest pixel.
      shift: added to values that are squared, so that none is negative.
    """

    bin_width: float | None = None
    bin_count: int | None = None
    shift: float = 0.0

    def __post_init__(self) -> None:
        if (self.bin_width is None) == (self.bin_count is None):
            raise ValueError(
                f"intensities: found bin_width {self.bin_width} and bin_count {self.bin_count}, "
                "expected one of them"
            )


HOUNSFIELD = Intensities(bin_width=25.0, shift=1000.0)
EIGHT_BITS = Intensities(bin_count=32)


def mask_features(
    image: np.ndarray, mask: np.ndarray, *, intensities: Intensities, spacing_mm: float = 1.0
) -> dict[str, float]:
    """The 93 features of the region that a binary mask marks.

    Args:
      image: (H, W), HU or 8-bit grey values.
      mask: (H, W) bool.
      intensities: of the image, `HOUNSFIELD` or `EIGHT_BITS`.
      spacing_mm: side of a pixel; only firstorder_TotalEnergy depends on it.

    Returns:
      {"class_Feature": value}, in pyradiomics' order; all values are finite.

    Raises:
      UserError: pyradiomics is missing; the image or mask is not as above; the region has less
        than 3 pixels, is one row or column, or no two of its pixels touch.
    """
    _check_region(image, mask)
    extractor = _extractor(intensities)
    from SimpleITK import GetImageFromArray  # comes with pyradiomics

    inside = _bounding_box(mask)
    # A border of one pixel: pyradiomics takes a mask without background for an empty one.
    planes = [
        GetImageFromArray(np.pad(plane[inside], 1)[None])
        for plane in (np.asarray(image, np.float64), mask.astype(np.uint8))
    ]
    for plane in planes:
        plane.SetSpacing((spacing_mm, spacing_mm, 1.0))
    found = {
        name.removeprefix("original_"): float(value)
        for name, value in extractor.execute(*planes).items()
    }
    _check_values(found)
    return found


def soft_mask_features(
    image: np.ndarray,
    alpha: np.ndarray,
    *,
    threshold: float,
    intensities: Intensities,
    spacing_mm: float = 1.0,
) -> dict[str, float]:
    """The 93 features of the region alpha >= threshold.

    Args:
      image: (H, W), HU or 8-bit grey values.
      alpha: (H, W) soft mask in [0, 1].
      threshold: in (0, 1].
      intensities, spacing_mm: as for `mask_features`.

    Raises:
      UserError: as `mask_features`, or alpha or the threshold is out of its range.
    """
    check_alpha(alpha)
    mask = binarise(alpha, threshold)
    try:
        return mask_features(image, mask, intensities=intensities, spacing_mm=spacing_mm)
    except UserError as error:
        raise error.within(f"soft mask at the threshold {threshold:.4g}") from error


def check_alpha(alpha: np.ndarray) -> None:
    """Checks that a soft mask is floating point and lies in [0, 1].

    Raises:
      UserError: it does not.
    """
    if not np.issubdtype(alpha.dtype, np.floating):
        raise UserError(
            "alpha",
            found=f"{alpha.dtype}",
            expected="floating point in [0, 1]",
            remedy="decode it with casgan_jax.grid.decode_alpha",
        )
    if not (alpha >= 0.0).all() or alpha.max() > 1.0:  # NaN is in no range
        raise UserError(
            "alpha",
            found=f"values in [{alpha.min()}, {alpha.max()}]",
            expected="[0, 1]",
            remedy="divide 8-bit codes by 255",
        )


def _check_region(image: np.ndarray, mask: np.ndarray) -> None:
    if mask.dtype != np.bool_:
        raise UserError(
            "mask",
            found=f"{mask.dtype}",
            expected="bool",
            remedy=(
                "compare a binary mask with 0, and give a soft one and its threshold to "
                "soft_mask_features"
            ),
        )
    if image.ndim != 2 or image.shape != mask.shape:
        raise UserError(
            "mask",
            found=f"the shape {mask.shape} with an image of {image.shape}",
            expected="two equal ones (H, W)",
        )
    if not np.isfinite(image[mask]).all():
        raise UserError(
            "image",
            found="a value that is not finite in the region",
            expected="finite values",
            remedy="correct it",
        )
    if mask.sum() < 3 or min(mask.any(axis=0).sum(), mask.any(axis=1).sum()) < 2:
        raise UserError(
            "mask",
            found=(
                f"{mask.sum()} pixels in {mask.any(axis=1).sum()} rows and "
                f"{mask.any(axis=0).sum()} columns"
            ),
            expected="3 or more in 2 or more of both",
            remedy="leave the lesion out",
        )
    if not _two_touch(mask):
        raise UserError(
            "mask",
            found="no two pixels that touch",
            expected="a region",
            remedy="leave the lesion out",
        )


def _two_touch(mask: np.ndarray) -> bool:
    """Whether any pixel has one of its 8 neighbours."""
    pairs = (
        mask[1:] & mask[:-1],
        mask[:, 1:] & mask[:, :-1],
        mask[1:, 1:] & mask[:-1, :-1],
        mask[1:, :-1] & mask[:-1, 1:],
    )
    return any(pair.any() for pair in pairs)


def _bounding_box(mask: np.ndarray) -> tuple[slice, slice]:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _check_values(found: dict[str, float]) -> None:
    """pyradiomics logs the exception of a feature and goes on with NaN."""
    bad = [name for name, value in found.items() if not np.isfinite(value)]
    if bad or len(found) != N_FEATURES:
        raise UserError(
            "mask",
            found=f"{len(found)} features, {', '.join(bad[:3]) or 'none'} not finite",
            expected=f"{N_FEATURES} finite ones",
            remedy="leave the lesion out",
        )


@functools.lru_cache(maxsize=8)  # it reads its parameter schema from disk each time
def _extractor(intensities: Intensities) -> Any:
    featureextractor = _pyradiomics()
    binning = (
        {"binWidth": intensities.bin_width}
        if intensities.bin_count is None
        else {"binCount": intensities.bin_count}
    )
    extractor = featureextractor.RadiomicsFeatureExtractor(
        force2D=True,
        force2Ddimension=0,
        voxelArrayShift=intensities.shift,
        additionalInfo=False,
        **binning,
    )
    extractor.disableAllFeatures()
    for name in CLASSES:
        extractor.enableFeatureClassByName(name)
    return extractor


def _pyradiomics() -> Any:
    if sys.version_info >= (3, 12):
        install = "its last release, 3.0.1, builds on Python 3.11 only: use that"
    else:
        install = _INSTALL
    try:
        from radiomics import featureextractor
    except ImportError as error:
        raise UserError(
            "pyradiomics",
            found=f"none ({error})",
            expected="version 3.0.1",
            remedy=f"{install}",
        ) from error
    # It logs each class of each image, and warns each time that a symmetric GLCM makes SumAverage
    # redundant and that it prefers fixed bin widths.
    logging.getLogger("radiomics").setLevel(logging.ERROR)
    return featureextractor
