"""Graph cut with a network's probability map as prior, paper table 3's rival [27].

Mukherjee, Huang, Bhagalia, "Lung nodule segmentation using deep learned prior based graph cut",
ISBI 2017: a hybrid cost of a data term from the image and a learned probability map, minimised by a
cut. Written from that outline, without the paper's formulas at hand. Chosen here:

- Both enter the regional term as log-likelihood ratios, in the proportion `prior`.
- The data term is Boykov and Jolly's, with intensity models of all pixels, weighted by the map:
  it needs no seeds, as the map says where the lesion is.
- Boundary term and solver are those of `graph_cut`.
- The network is the caller's. How much it is to be trusted depends on it: the defaults lie between
  the best of a network trained on LIDC (`prior` 0.9) and of one that never saw a scan (0.5).
"""

from __future__ import annotations

import numpy as np

from casgan_jax.classical.intensity import log_likelihood
from casgan_jax.classical.min_cut import contrast_links, minimum_cut
from casgan_jax.classical.planes import check_planes, check_positive
from casgan_jax.errors import UserError

_SURE = 1e-3  # no network is surer than this


def deep_prior_cut(
    image: np.ndarray,
    probability: np.ndarray,
    *,
    threshold: float = 0.5,
    prior: float = 0.7,
    regional: float = 5.0,
    sigma: float = 0.06,
    bandwidth: float = 0.02,
    spacing: float = 1.0,
) -> np.ndarray:
    """The mask of least energy under a network's probability map.

    Args:
      image: (H, W) in [0, 1].
      probability: (H, W) in [0, 1], the network's.
      threshold: the probability at which the network is undecided, as chosen on validation.
      prior: share of the network in the regional term, in [0, 1]; the rest is intensity's.
      regional: weight of the regional term against the outline.
      sigma: difference of two neighbours that noise explains.
      bandwidth: standard deviation around each sample of the intensity models.
      spacing: side of a pixel in native pixels: 1 / r for an image enlarged r times.

    Returns:
      (H, W) bool, empty where the network sees no lesion.

    Raises:
      UserError: planes of different shapes, a value out of [0, 1], a threshold of 0 or 1, a `prior`
        that is no share, or another option that is not above 0.
    """
    check_planes(image, probability=probability)
    check_positive(regional=regional, sigma=sigma, bandwidth=bandwidth, spacing=spacing)
    if not 0 <= prior <= 1:
        raise UserError(
            "prior",
            found=f"{prior}",
            expected="a share in [0, 1]",
            remedy="leave the default",
        )
    intensity = log_likelihood(image, probability, bandwidth)
    intensity -= log_likelihood(image, 1.0 - probability, bandwidth)
    gain = prior * log_odds(probability, threshold) + (1.0 - prior) * intensity
    links = contrast_links(image, sigma, spacing=spacing)
    return minimum_cut(regional * spacing**2 * gain, links)


def log_odds(probability: np.ndarray, threshold: float) -> np.ndarray:
    """ln(P / (1 - P)) less that of the threshold: positive where the network says lesion.

    Raises:
      UserError: the threshold is not between 0 and 1.
    """
    if not 0 < threshold < 1:
        raise UserError(
            "threshold",
            found=f"{threshold}",
            expected="more than 0 and less than 1",
            remedy="0.5 is where a network of calibrated probabilities is undecided",
        )
    sure = np.clip(probability.astype(float), _SURE, 1.0 - _SURE)
    return np.log(sure / (1.0 - sure)) - np.log(threshold / (1.0 - threshold))
