"""Graph cut of a lesion from a click: the baseline "GC" of paper table 3.

Boykov, Jolly, "Interactive graph cuts for optimal boundary & region segmentation of objects in N-D
images", ICCV 2001.

    lesion, background = click_seeds(patch.shape, mark)
    mask = graph_cut(patch, lesion, background)
    mask = click_cut(patch)  # the same, of the lesion in the middle of the patch

The paper names the method alone. Chosen here: seeds that a click gives and nothing else, Parzen's
estimate as the histograms of the seeds' intensities, and, as one lesion is asked for, the parts of
the mask that touch its seed. The defaults are the best on one slice each of 200 LIDC training
patients.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from casgan_jax.classical.intensity import log_likelihood
from casgan_jax.classical.min_cut import contrast_links, minimum_cut
from casgan_jax.classical.planes import check_planes, check_positive
from casgan_jax.errors import UserError

_EIGHT_NEIGHBOURS = np.ones((3, 3))


def click_cut(
    image: np.ndarray,
    *,
    radius: float = 2.5,
    regional: float = 0.3,
    sigma: float = 0.06,
    bandwidth: float = 0.02,
) -> np.ndarray:
    """The lesion in the middle of a patch, as if that had been clicked at.

    Patches are cut around the mark of a lesion, so that the mark is in their middle, but for those
    of a lesion near the border of its image, which are moved inside.

    Args:
      image: (H, W) in [0, 1], at native resolution.
      radius: see `click_seeds`.
      regional, sigma, bandwidth: see `graph_cut`.

    Returns:
      (H, W) bool.

    Raises:
      UserError: the image is no plane in [0, 1], or an option is not above 0.
    """
    check_planes(image)
    height, width = image.shape
    seeds = click_seeds(image.shape, ((width - 1) / 2, (height - 1) / 2), radius=radius)
    return graph_cut(image, *seeds, regional=regional, sigma=sigma, bandwidth=bandwidth)


def click_seeds(
    shape: tuple[int, int], mark: Sequence[float], *, radius: float = 2.5
) -> tuple[np.ndarray, np.ndarray]:
    """The seeds that a click gives: a disc around it is lesion, the border of the patch is not.

    Args:
      shape: (H, W) of the patch.
      mark: (x, y) of the click in the patch, in pixels; (0, 0) is the centre of the first.
      radius: of the disc in pixels; multiply it by r for a patch enlarged r times.

    Returns:
      Lesion and background, (H, W) bool, that have no pixel in common: where they meet, lesion. A
      disc between the centres of pixels is the nearest one.

    Raises:
      UserError: the click is outside the patch, or the radius is not above 0.
    """
    check_positive(radius=radius)
    height, width = shape
    x, y = mark
    if not (-0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5):
        raise UserError(
            "mark",
            found=f"x = {x}, y = {y}",
            expected=f"a point in the patch of {width} x {height} pixels",
            remedy="subtract the patch's corner from a mark in the whole image",
        )
    rows, columns = np.ogrid[:height, :width]
    distance = np.hypot(columns - x, rows - y)
    lesion = distance <= max(radius, distance.min())
    background = np.ones(shape, bool)
    background[1:-1, 1:-1] = False
    return lesion, background & ~lesion


def graph_cut(
    image: np.ndarray,
    lesion: np.ndarray,
    background: np.ndarray,
    *,
    regional: float = 0.3,
    sigma: float = 0.06,
    bandwidth: float = 0.02,
    spacing: float = 1.0,
) -> np.ndarray:
    """The mask of least energy (eq. 1 to 3) that holds the one seed and not the other.

    E = regional * sum_p -ln Pr(I_p | A_p) + sum_pq exp(-(I_p - I_q)^2 / (2 sigma^2)) / |p - q| [A_p
    != A_q], over the 8 neighbours.

    Args:
      image: (H, W) in [0, 1].
      lesion: (H, W) bool, pixels that are lesion.
      background: (H, W) bool, pixels that are not.
      regional: weight of the intensities against the outline, the paper's lambda.
      sigma: difference of two neighbours that noise explains.
      bandwidth: standard deviation around each sample of the seeds' intensities.
      spacing: side of a pixel in native pixels: 1 / r for an image enlarged r times.

    Returns:
      (H, W) bool: the parts (8 neighbours) of that mask which touch the lesion's seed.

    Raises:
      UserError: planes of different shapes, an image out of [0, 1], a seed that is missing, seeds
        that overlap, or an option that is not above 0.
    """
    check_planes(image, lesion=lesion, background=background)
    check_positive(regional=regional, sigma=sigma, bandwidth=bandwidth, spacing=spacing)
    _check_seeds(lesion, background)
    gain = log_likelihood(image, lesion, bandwidth) - log_likelihood(image, background, bandwidth)
    preference = regional * spacing**2 * gain
    preference[lesion], preference[background] = np.inf, -np.inf
    mask = minimum_cut(preference, contrast_links(image, sigma, spacing=spacing))
    parts, _ = ndimage.label(mask, structure=_EIGHT_NEIGHBOURS)
    return np.isin(parts, parts[lesion])


def _check_seeds(lesion: np.ndarray, background: np.ndarray) -> None:
    for name, seed in (("lesion", lesion), ("background", background)):
        if seed.dtype != bool or not seed.any():
            raise UserError(
                name,
                found=f"{seed.dtype} with {np.count_nonzero(seed)} pixels set",
                expected="a bool plane with one or more",
                remedy="`click_seeds` makes both seeds",
            )
    both = np.count_nonzero(lesion & background)
    if both:
        raise UserError(
            "lesion, background",
            found=f"{both} pixels in both seeds",
            expected="none",
            remedy="take them out of one",
        )
