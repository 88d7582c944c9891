"""Closed-form matting of a whole volume: slices that hold on to each other.

Alpha is affine in the image inside every window of 3x3 pixels of a slice, and less strictly so
inside every window of 3x3x3 voxels, which counts the less the farther slices are apart:

    E(a) = a^T L_3x3 a + exp(-distance / 2 mm) a^T L_3x3x3 a + prior_weight * sum (a - prior)^2

docs/volumes.md has other ways of tying slices, and what they came to. Conjugate gradients run over
all slices at once.

    alpha = volume_matting(image, trimap, prior, 0.1, (2.5, 0.7, 0.7))
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import Box
from casgan_jax.soft_mask.closed_form import DEFAULT_EPSILON
from casgan_jax.soft_mask.laplacian import REACH
from casgan_jax.soft_mask.trimap import UNKNOWN
from casgan_jax.soft_mask.volume_laplacian import VolumeLaplacian

_REACH_MM = 2.0  # distance of slices over which their hold falls to a third
# sqrt(r^T D^-1 r) a slice: the prior makes the energy steep everywhere, and 8 bits need no more.
_TOLERANCE = 3e-3
_MAX_ITERATIONS = 2000
_MOST_VOXELS = 2_000_000  # solved at once, of about 200 bytes each
_BESIDE = 2  # slices on either side that are solved with them


def volume_matting(
    image: np.ndarray,
    trimap: np.ndarray,
    prior: np.ndarray,
    prior_weight: float,
    spacing_mm: tuple[float, float, float],
    *,
    foreign: np.ndarray | None = None,
    apart: np.ndarray | None = None,
    epsilon: float = DEFAULT_EPSILON,
) -> np.ndarray:
    """The alpha matte of a volume.

    Args:
      image: (S, H, W) float32 in [0, 1].
      trimap: (S, H, W) uint8: 0 background, 128 unknown, 255 lesion; a slice need not have all.
      prior: (S, H, W) float32 in [0, 1] to stay near to.
      prior_weight: strength of that per pixel, positive.
      spacing_mm: between slices, rows, columns.
      foreign: (S, H, W) bool, pixels that are not of the lesion though they look like it: a window
        that holds one does not count, as alpha is no function of the image there. None: none are.
      apart: (S, H, W) bool, voxels that are known of their own slice alone, such as those that a
        reader brushed: a window across slices that holds one does not count. None: none are.
      epsilon: of the matting Laplacian.

    Returns:
      (S, H, W) float32 in [0, 1]; exactly 0 and 1 on the known pixels.

    Raises:
      UserError: the solver has not converged.
    """
    hold = float(np.exp(-spacing_mm[0] / _REACH_MM))
    inside = np.ones(image.shape, bool) if foreign is None else ~foreign
    apart = np.zeros(image.shape, bool) if apart is None else apart
    alpha = (trimap == 255).astype(np.float32)
    if not (trimap == UNKNOWN).any():
        return alpha
    box = Box.around((trimap == UNKNOWN).any(axis=0)).grown(REACH).clipped(image.shape[1:])
    rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
    count = max(1, _MOST_VOXELS // (box.shape[0] * box.shape[1]))
    for start in range(0, len(image), count):
        low, high = max(start - _BESIDE, 0), min(start + count + _BESIDE, len(image))
        stacks = (stack[low:high, rows, columns] for stack in (image, trimap, prior, inside, apart))
        solved = _solve(*stacks, prior_weight=prior_weight, hold=hold, epsilon=epsilon)
        kept = alpha[start : start + count, rows, columns]
        kept[:] = solved[start - low :][: len(kept)]
    return alpha


def _solve(
    image: np.ndarray,
    trimap: np.ndarray,
    prior: np.ndarray,
    inside: np.ndarray,
    apart: np.ndarray,
    *,
    prior_weight: float,
    hold: float,
    epsilon: float,
) -> np.ndarray:
    """(S, H, W) alpha of a stack; windows with a pixel that is not `inside` do not count."""
    laplacian = VolumeLaplacian(image, inside, epsilon, hold, apart)
    unknown = trimap == UNKNOWN
    alpha = np.where(unknown, prior, trimap == 255).astype(np.float64)
    right = prior_weight * (prior - alpha) - laplacian.product(alpha)
    # Both sides scaled by the root of the diagonal, which then is 1.
    scale = 1 / np.sqrt(laplacian.diagonal[unknown] + prior_weight)
    direction = np.zeros(image.shape)

    def product(values: np.ndarray) -> np.ndarray:
        """The rows and columns of the unknown voxels."""
        values = scale * values
        direction[unknown] = values
        return np.asarray(scale * (laplacian.product(direction)[unknown] + prior_weight * values))

    bound = _TOLERANCE**2 * len(image)
    alpha[unknown] += scale * _conjugate_gradients(product, scale * right[unknown], bound)
    return np.clip(alpha, 0, 1)


def _conjugate_gradients(
    product: Callable[[np.ndarray], np.ndarray], right: np.ndarray, bound: float
) -> np.ndarray:
    """The solution of a system, with a squared residual of at most `bound`.

    Raises:
      UserError: it has not been found.
    """
    found, residual, direction = np.zeros_like(right), right.copy(), right.copy()
    square = _dot(residual, residual)
    for _ in range(_MAX_ITERATIONS):
        if square <= bound:
            return found
        image_of_direction = product(direction)
        length = square / _dot(direction, image_of_direction)
        found += length * direction
        residual -= length * image_of_direction
        before, square = square, _dot(residual, residual)
        direction *= square / before
        direction += residual
    raise UserError(
        "volume",
        found=f"a residual of {square**0.5:.1e} after {_MAX_ITERATIONS} matting steps",
        expected=f"{bound**0.5:.1e}",
        remedy="check its values, or mark the lesion again",
    )


def _dot(one: np.ndarray, other: np.ndarray) -> float:
    """In one thread: BLAS starts several, which wait for each other in processes beside others."""
    return float(np.einsum("i,i->", one, other))
