"""Closed-form matting of a whole volume: slices that hold on to each other.

Every slice has the matting Laplacian of its own 3x3 windows (`casgan_jax.soft_mask.laplacian`), and
a pixel is tied to the one above it by a spring whose weight falls with the distance of the slices
and with the difference of their grey levels:

    E(a) = sum over slices of a_k^T L_k a_k + prior_weight * sum (a - prior)^2
           + sum over neighbours of w (a_k - a_k+1)^2
    w = coupling * exp(-distance / 2 mm) * exp(-(I_k - I_k+1)^2 / (2 * 0.1^2))

Conjugate gradients run over all slices at once; a product is that of `matting_system` for each
slice, compiled once for a size of slices whatever their number, and the springs'.

    alpha = volume_matting(image, trimap, prior, 0.1, (2.5, 0.7, 0.7))
"""

from __future__ import annotations

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.soft_mask.closed_form import DEFAULT_EPSILON, rounded_side
from casgan_jax.soft_mask.matting_system import System, pixel_product, prepare

DEFAULT_COUPLING = 0.1
_REACH_MM = 2.0  # distance of slices over which the coupling falls to a third
_GREY = 0.1  # of the window, difference of grey levels beyond which slices are of different things
# sqrt(r^T D^-1 r) a slice: the prior makes the energy steep everywhere, and 8 bits need no more.
_TOLERANCE = 3e-3
_MAX_ITERATIONS = 2000
_MOST_PIXELS = 3_000_000  # solved at once, of about 100 bytes each
_BESIDE = 2  # slices on either side that are solved with them


def volume_matting(
    image: np.ndarray,
    trimap: np.ndarray,
    prior: np.ndarray,
    prior_weight: float,
    spacing_mm: tuple[float, float, float],
    *,
    foreign: np.ndarray | None = None,
    coupling: float = DEFAULT_COUPLING,
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
      coupling: of slices that touch and are equal; 0 solves each slice alone.
      epsilon: of the matting Laplacian.

    Returns:
      (S, H, W) float32 in [0, 1]; exactly 0 and 1 on the known pixels.

    Raises:
      UserError: the solver has not converged.
    """
    side = rounded_side(max(image.shape[1:]))
    tie = coupling * float(np.exp(-spacing_mm[0] / _REACH_MM))
    counted = np.ones(image.shape, bool) if foreign is None else ~foreign
    alpha = np.empty(image.shape, np.float32)
    count = max(1, _MOST_PIXELS // side**2)
    for start in range(0, len(image), count):
        low, high = max(start - _BESIDE, 0), min(start + count + _BESIDE, len(image))
        images, trimaps, priors, inside = (
            _squares(stack[low:high], side) for stack in (image, trimap, prior, counted)
        )
        solved = _solve(images, trimaps, priors, inside, prior_weight, tie, epsilon)
        kept = solved[start - low :, : image.shape[1], : image.shape[2]]
        alpha[start : start + count] = kept[: len(alpha[start : start + count])]
    return alpha


def _squares(stack: np.ndarray, side: int) -> np.ndarray:
    down, right = (side - length for length in stack.shape[1:])
    return np.pad(stack, ((0, 0), (0, down), (0, right)))


def _solve(
    image: np.ndarray,
    trimap: np.ndarray,
    prior: np.ndarray,
    inside: np.ndarray,
    prior_weight: float,
    tie: float,
    epsilon: float,
) -> np.ndarray:
    """(S, P, P) alpha of a stack; windows with a pixel that is not `inside` do not count."""
    systems = [
        prepare(*planes, prior_weight, epsilon)
        for planes in zip(image, trimap, inside, prior, strict=True)
    ]
    free = np.stack([np.asarray(system.free) for system in systems])
    springs = _Springs(image, tie)
    # 1 / (diagonal + that of the springs), and 0 where alpha is known.
    own = np.stack([np.asarray(system.inverse) for system in systems])
    inverse = own / (1 + own * springs.diagonal())
    begin = np.stack([np.asarray(system.begin) for system in systems])
    right = np.stack([np.asarray(system.right) for system in systems])
    right = right - free * springs.product(begin)
    found = _conjugate_gradients(systems, free, springs, inverse, right)
    return np.clip(begin + found, 0, 1)


class _Springs:
    """What ties each pixel to the one in the next slice."""

    def __init__(self, image: np.ndarray, tie: float) -> None:
        self._weights = tie * np.exp(-0.5 * ((image[1:] - image[:-1]) / _GREY) ** 2)

    def product(self, alpha: np.ndarray) -> np.ndarray:
        """Their Laplacian times (S, P, P)."""
        pull = self._weights * (alpha[1:] - alpha[:-1])
        product = np.zeros_like(alpha)
        product[:-1] -= pull
        product[1:] += pull
        return product

    def diagonal(self) -> np.ndarray:
        """Their Laplacian's diagonal, (S, P, P)."""
        around = [(0, 0)] * 2
        below, above = ([(1, 0), *around], [(0, 1), *around])
        return np.pad(self._weights, below) + np.pad(self._weights, above)


def _conjugate_gradients(
    systems: list[System],
    free: np.ndarray,
    springs: _Springs,
    inverse: np.ndarray,
    right: np.ndarray,
) -> np.ndarray:
    """The solution of the volume's system.

    Raises:
      UserError: it has not been found.
    """

    def product(alpha: np.ndarray) -> np.ndarray:
        slices = [pixel_product(*each) for each in zip(systems, alpha, strict=True)]
        return np.stack([np.asarray(each) for each in slices]) + free * springs.product(alpha)

    found, residual = np.zeros_like(right), right
    direction = inverse * residual
    energy = float(np.vdot(residual, direction))
    bound = _TOLERANCE**2 * len(systems)
    for _ in range(_MAX_ITERATIONS):
        if energy <= bound:
            return found
        image_of_direction = product(direction)
        length = np.float32(energy / float(np.vdot(direction, image_of_direction)))
        found = found + length * direction
        residual = residual - length * image_of_direction
        preconditioned = inverse * residual
        before, energy = energy, float(np.vdot(residual, preconditioned))
        direction = preconditioned + np.float32(energy / before) * direction
    raise UserError(
        "volume",
        found=f"a residual of {energy**0.5:.1e} after {_MAX_ITERATIONS} matting steps",
        expected=f"{bound**0.5:.1e}",
        remedy="check its values, or mark the lesion again",
    )
