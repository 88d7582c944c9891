"""Annotation -> labelled soft mask at r times the native resolution (paper 3.1).

    label = label_from_readers(image, reader_masks, scale=4)
    label.alpha      # (4 H, 4 W) float32 in [0, 1]
    binarise(label.alpha, PAPER_THRESHOLD)  # of casgan_jax.grid

Two strategies for several readers, compared on real nodules in docs/labels.md:

- "matting", the paper's: the readers' intersection and union make the trimap, the image decides in
  between. Its half level lies inside the outlines that readers draw.
- "anchored": the same energy plus `prior_weight * (alpha_i - prior_i)^2`, where the prior is the
  mean of the readers' share and their majority vote. Keeps near to what the readers meant and
  follows the image where they do not agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.soft_mask.checks import check_plane
from casgan_jax.soft_mask.closed_form import DEFAULT_EPSILON, closed_form_matting
from casgan_jax.soft_mask.grabcut import grabcut_mask
from casgan_jax.soft_mask.recist import check_recist, relative_distance, surroundings, to_scale
from casgan_jax.soft_mask.strokes import Stroke, with_strokes
from casgan_jax.soft_mask.trimap import (
    UNKNOWN,
    marked_readers,
    trimap_from_binary,
    trimap_from_readers,
    trimap_from_recist,
)

STRATEGIES = ("matting", "anchored")
DEFAULT_PRIOR_WEIGHT = 1.0  # docs/labels.md
RECIST_PRIOR_WEIGHT = 0.03  # docs/labels.md
_SHAPE_SHARE = 0.6  # of the prior from RECIST axes, the rest is GrabCut's


class Label(NamedTuple):
    """A soft mask and what it was made from.

    Attributes:
      alpha: (r * H, r * W) float32 in [0, 1].
      trimap: (r * H, r * W) uint8: 0 background, 128 unknown, 255 lesion.
      grabcut: (r * H, r * W) bool, what GrabCut found from RECIST axes; None without axes.
      prior: (r * H, r * W) float32 in [0, 1], what alpha was drawn to; None: nothing.
      prior_weight: how strongly.
    """

    alpha: np.ndarray
    trimap: np.ndarray
    grabcut: np.ndarray | None = None
    prior: np.ndarray | None = None
    prior_weight: float = 0.0


def label_from_readers(
    image: np.ndarray,
    reader_masks: np.ndarray,
    scale: int = 4,
    *,
    strategy: str = "matting",
    prior_weight: float = DEFAULT_PRIOR_WEIGHT,
    epsilon: float = DEFAULT_EPSILON,
) -> Label:
    """The soft mask of a lesion that several readers outlined.

    Args:
      image: (H, W) float in [0, 1].
      reader_masks: (H, W, R), nonzero = lesion; a reader who marked nothing does not count.
      scale: r.
      strategy: "matting" or "anchored".
      prior_weight: of "anchored"; 0 would be "matting", above 10 the readers' vote.
      epsilon: of the matting Laplacian.

    Raises:
      AnnotationError: no trimap can be made; its `reason` says why.
      UserError: an argument is not as above.
    """
    if strategy not in STRATEGIES:
        raise UserError(
            "strategy",
            found=f"{strategy!r}",
            expected=f"one of {', '.join(STRATEGIES)}",
        )
    _check_size("reader_masks", image, reader_masks)
    trimap = trimap_from_readers(reader_masks, scale=scale)
    prior = readers_prior(reader_masks, scale=scale) if strategy == "anchored" else None
    weight = prior_weight if strategy == "anchored" else 0.0
    return _matte(image, trimap, scale, prior=prior, prior_weight=weight, epsilon=epsilon)


def label_from_recist(
    image: np.ndarray,
    recist: np.ndarray,
    scale: int = 4,
    *,
    prior_weight: float = RECIST_PRIOR_WEIGHT,
    epsilon: float = DEFAULT_EPSILON,
) -> Label:
    """The soft mask of a lesion that was measured by two RECIST axes.

    Only the surroundings of the axes are worked on; the image may be a whole slice.

    Args:
      image: (H, W) float in [0, 1].
      recist: (8,) long axis x1, y1, x2, y2, then short axis x3, y3, x4, y4, in pixels of `image`,
        the centre of the first one at (0, 0).
      scale: r.
      prior_weight: pull towards `recist_prior`; 0 is plain matting within the trimap.
      epsilon: of the matting Laplacian.

    Raises:
      AnnotationError: no trimap can be made; its `reason` says why.
      UserError: an argument is not as above (see `check_recist`).
    """
    check_plane("image", image)
    check_recist(recist, image.shape)
    box = surroundings(recist, image.shape)
    part = box.crop(image)
    local = np.asarray(recist, np.float64) - np.tile(box.corner, 4)
    fine_shape = (scale * part.shape[0], scale * part.shape[1])
    distance = relative_distance(to_scale(local, scale), fine_shape)
    trimap = trimap_from_recist(local, distance, scale=scale)
    grabcut = grabcut_mask(part, local, scale=scale)
    prior = recist_prior(distance, grabcut)
    label = _matte(part, trimap, scale, prior=prior, prior_weight=prior_weight, epsilon=epsilon)
    whole, fine = (scale * image.shape[0], scale * image.shape[1]), box.scaled(scale)
    return Label(
        fine.paste(label.alpha, whole),
        fine.paste(label.trimap, whole),
        fine.paste(grabcut, whole),
        fine.paste(prior, whole),
        prior_weight,
    )


def label_from_binary(
    image: np.ndarray,
    mask: np.ndarray,
    scale: int = 4,
    *,
    fraction: float = 0.2,
    epsilon: float = DEFAULT_EPSILON,
) -> Label:
    """The soft mask of a lesion with one binary mask.

    Args:
      image: (H, W) float in [0, 1].
      mask: (H, W), nonzero = lesion.
      scale: r.
      fraction: half width of the unknown band, in lesion radii (see `trimap_from_binary`).
      epsilon: of the matting Laplacian.

    Raises:
      AnnotationError: no trimap can be made; its `reason` says why.
      UserError: an argument is not as above.
    """
    _check_size("mask", image, mask)
    trimap = trimap_from_binary(mask, scale=scale, fraction=fraction)
    return _matte(image, trimap, scale, epsilon=epsilon)


def corrected(
    image: np.ndarray,
    label: Label,
    strokes: Sequence[Stroke],
    scale: int = 4,
    *,
    epsilon: float = DEFAULT_EPSILON,
) -> Label:
    """A label whose trimap was corrected by strokes; the matting decides anew in what is unknown.

    Args:
      image: (H, W) float in [0, 1], that the label was made from.
      label: of `label_from_...`.
      strokes: in pixels of `image`, the last one uppermost; without any the label stays as it is.
      scale: r.
      epsilon: of the matting Laplacian.

    Raises:
      UserError: no lesion or no background is left.
    """
    if not strokes:
        return label
    trimap = with_strokes(label.trimap, strokes, scale)
    prior = label.prior
    if prior is not None:  # it knows nothing of what it did not have to decide
        opened = (trimap == UNKNOWN) & (label.trimap != UNKNOWN)
        prior = np.where(opened, np.float32(0.5), prior)
    weight = label.prior_weight
    found = _matte(image, trimap, scale, prior=prior, prior_weight=weight, epsilon=epsilon)
    return found._replace(grabcut=label.grabcut)


def readers_prior(reader_masks: np.ndarray, *, scale: int = 1) -> np.ndarray:
    """Mean of the share of readers who marked a pixel and their majority vote (half is enough).

    The vote settles ties, which the share alone leaves at 0.5, just below the paper's threshold.

    Returns:
      (r * H, r * W) float32 in [0, 1], at least 0.5 exactly where half of the readers agree.
    """
    share = marked_readers(reader_masks, scale).mean(axis=2, dtype=np.float32)
    return (share + (share >= 0.5)) / np.float32(2)


def recist_prior(distance: np.ndarray, grabcut: np.ndarray) -> np.ndarray:
    """Mean of the shape that the axes draw and of what GrabCut finds from it.

    The shape knows where the readers' outline passes, GrabCut what the image shows in between.

    Args:
      distance: (H, W) `relative_distance` of the axes.
      grabcut: (H, W) bool, `grabcut_mask` from the axes.

    Returns:
      (H, W) float32 in [0, 1].
    """
    return (_SHAPE_SHARE * (distance <= 1) + (1 - _SHAPE_SHARE) * grabcut).astype(np.float32)


def soften(mask: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The paper's Eq. 6, max(soft mask, mask): a binary label with soft edges added outside.

    Args:
      mask: (H, W), nonzero = lesion.
      alpha: (H, W) float in [0, 1].

    Returns:
      (H, W) float32 in [0, 1]; 1 on the mask.

    Raises:
      UserError: the shapes differ.
    """
    _check_size("mask", alpha, mask, of="alpha")
    return np.maximum(alpha, mask != 0).astype(np.float32)


def _matte(
    image: np.ndarray,
    trimap: np.ndarray,
    scale: int,
    *,
    prior: np.ndarray | None = None,
    prior_weight: float = 0.0,
    epsilon: float = DEFAULT_EPSILON,
) -> Label:
    fine: np.ndarray = image.astype(np.float32)
    if scale > 1:
        fine = cv2.resize(fine, trimap.shape[::-1], interpolation=cv2.INTER_LINEAR)
    priors = None if prior is None else [prior]
    alpha = closed_form_matting(
        [fine], [trimap], priors=priors, prior_weight=prior_weight, epsilon=epsilon
    )[0]
    return Label(alpha, trimap, prior=prior, prior_weight=prior_weight)


def _check_size(field: str, image: np.ndarray, mask: np.ndarray, *, of: str = "image") -> None:
    if image.ndim != 2 or mask.shape[:2] != image.shape:
        raise UserError(
            field,
            found=f"shape {mask.shape} with an {of} of shape {image.shape}",
            expected=f"the {of} to be (H, W) and both of one size",
        )
