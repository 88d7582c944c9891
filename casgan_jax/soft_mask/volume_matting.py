"""Closed-form matting of a whole volume: slices that hold on to each other.

Every slice has the matting Laplacian of its own 3x3 windows (`casgan_jax.soft_mask.laplacian`), and
a pixel is tied to the one above it by a spring whose weight falls with the distance of the slices
and with the difference of their grey levels:

    a^T E a = sum over slices of a_k^T L_k a_k + prior_weight * sum (a - prior)^2
              + sum over neighbours of w (a_k - a_k+1)^2
    w = coupling * exp(-distance / 2 mm) * exp(-(I_k - I_k+1)^2 / (2 * 0.1^2))

Windows of 3x3x3 would let alpha be one affine function of the image over three slices, which thick
slices do not obey: an edge moves by pixels from one to the next.

    alpha = volume_matting(image, trimap, prior, 0.1, (2.5, 0.7, 0.7))
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.soft_mask.closed_form import DEFAULT_EPSILON
from casgan_jax.soft_mask.laplacian import laplacian_diagonal, laplacian_product, stencil

DEFAULT_COUPLING = 0.3
_REACH_MM = 2.0  # distance of slices over which the coupling falls to a third
_GREY = 0.1  # of the window, difference of grey levels beyond which slices are of different things
_TOLERANCE = 1e-3  # sqrt(r^T D^-1 r), of an energy that the prior makes steep everywhere
_MAX_ITERATIONS = 2000
_STEP = 16  # sides of what is solved are rounded up to it, so that few programs are compiled
_LEAST_SLICES = 4


def volume_matting(
    image: np.ndarray,
    trimap: np.ndarray,
    prior: np.ndarray,
    prior_weight: float,
    spacing_mm: tuple[float, float, float],
    *,
    coupling: float = DEFAULT_COUPLING,
    epsilon: float = DEFAULT_EPSILON,
) -> np.ndarray:
    """The alpha matte of a volume.

    Args:
      image: (S, H, W) float in [0, 1].
      trimap: (S, H, W) uint8: 0 background, 128 unknown, 255 lesion; a slice need not have all.
      prior: (S, H, W) in [0, 1] to stay near to.
      prior_weight: strength of that per pixel, positive.
      spacing_mm: between slices, rows, columns.
      coupling: of slices that touch and are equal; 0 solves each slice alone.
      epsilon: of the matting Laplacian.

    Returns:
      (S, H, W) float32 in [0, 1]; exactly 0 and 1 on the known pixels.

    Raises:
      UserError: the solver has not converged.
    """
    shape = _rounded(image.shape)
    inside = np.zeros(shape, bool)
    inside[tuple(slice(side) for side in image.shape)] = True
    tie = coupling * float(np.exp(-spacing_mm[0] / _REACH_MM))
    alpha, left = _solve(
        _filled(image.astype(np.float32), shape),
        _filled(trimap, shape),
        inside,
        _filled(prior.astype(np.float32), shape),
        prior_weight,
        tie,
        epsilon,
    )
    if not float(left) <= _TOLERANCE:  # also catches NaN
        raise UserError(
            "volume",
            found=f"a residual of {float(left):.1e} after {_MAX_ITERATIONS} matting steps",
            expected=f"{_TOLERANCE:.1e}",
            remedy="raise `prior_weight` or `epsilon`",
        )
    return np.asarray(alpha)[tuple(slice(side) for side in image.shape)]


def _rounded(shape: tuple[int, ...]) -> tuple[int, int, int]:
    slices = max(_LEAST_SLICES, 1 << (shape[0] - 1).bit_length())
    height, width = (-(-side // _STEP) * _STEP for side in shape[1:])
    return slices, height, width


def _filled(values: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    filled = np.zeros(shape, values.dtype)
    filled[tuple(slice(side) for side in values.shape)] = values
    return filled


def _ties(image: jax.Array, inside: jax.Array, tie: float) -> jax.Array:
    """(S - 1, H, W) weights of the springs from each slice to the next."""
    apart = (image[1:] - image[:-1]) / _GREY
    return tie * jnp.exp(-0.5 * apart**2) * (inside[1:] & inside[:-1])


def _spread(ties: jax.Array, alpha: jax.Array) -> jax.Array:
    """The springs' Laplacian times (S, H, W)."""
    pull = ties * (alpha[1:] - alpha[:-1])
    return jnp.pad(-pull, ((0, 1), (0, 0), (0, 0))) + jnp.pad(pull, ((1, 0), (0, 0), (0, 0)))


@jax.jit
def _solve(
    image: jax.Array,
    trimap: jax.Array,
    inside: jax.Array,
    prior: jax.Array,
    prior_weight: float,
    tie: float,
    epsilon: float,
) -> tuple[jax.Array, jax.Array]:
    """Alpha, and what is left of the residual."""
    planes = jax.vmap(functools.partial(stencil, epsilon=epsilon))(image, inside)
    ties = _ties(image, inside, tie)
    unknown = (trimap == 128) & inside
    free = unknown.astype(image.dtype)
    diagonal = jax.vmap(laplacian_diagonal)(planes) + prior_weight
    diagonal += jnp.pad(ties, ((0, 1), (0, 0), (0, 0))) + jnp.pad(ties, ((1, 0), (0, 0), (0, 0)))

    def product(alpha: jax.Array) -> jax.Array:
        slices = jax.vmap(laplacian_product)(planes, alpha)
        return free * (slices + _spread(ties, alpha) + prior_weight * alpha)

    begin = jnp.where(unknown, prior, (trimap == 255).astype(image.dtype))
    right = free * (prior_weight * prior) - product(begin)
    correction, left = _conjugate_gradients(product, free / diagonal, right)
    return jnp.clip(begin + correction, 0, 1), left


def _conjugate_gradients(
    product: Callable[[jax.Array], jax.Array], inverse: jax.Array, right: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The solution of `product(x) = right`, and the preconditioned residual norm that is left."""

    def unfinished(state: tuple[jax.Array, ...]) -> jax.Array:
        _, _, _, energy, iteration = state
        return (energy > _TOLERANCE**2) & (iteration < _MAX_ITERATIONS)

    def step(state: Any) -> Any:
        found, residual, direction, energy, iteration = state
        image_of_direction = product(direction)
        length = energy / jnp.vdot(direction, image_of_direction)
        found = found + length * direction
        residual = residual - length * image_of_direction
        preconditioned = inverse * residual
        new_energy = jnp.vdot(residual, preconditioned)
        direction = preconditioned + (new_energy / energy) * direction
        return found, residual, direction, new_energy, iteration + 1

    direction = inverse * right
    begin = jnp.zeros_like(right), right, direction, jnp.vdot(right, direction), jnp.int32(0)
    found, _, _, energy, _ = jax.lax.while_loop(unfinished, step, begin)
    return found, jnp.sqrt(energy)
