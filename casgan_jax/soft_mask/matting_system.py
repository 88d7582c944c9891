"""The linear system of the unknown pixels of one image, whoever solves it."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from casgan_jax.soft_mask.laplacian import laplacian_diagonal, laplacian_product, stencil


class System(NamedTuple):
    """The system of the unknown pixels of one image.

    Attributes:
      planes: of the matting Laplacian, see `stencil`.
      image: (H, H) in [0, 1].
      free: (H, H), 1 where alpha is unknown, else 0.
      inverse: (H, H), of the diagonal; 0 where alpha is known.
      right: (H, H), the right side for alpha minus `begin`, which is the first residual.
      begin: (H, H), where the iteration starts: the known values, and the prior.
      prior_weight: added to the diagonal.
    """

    planes: list[jax.Array]
    image: jax.Array
    free: jax.Array
    inverse: jax.Array
    right: jax.Array
    begin: jax.Array
    prior_weight: jax.Array


@jax.jit
def prepare(
    image: jax.Array,
    trimap: jax.Array,
    inside: jax.Array,
    prior: jax.Array,
    prior_weight: float,
    epsilon: float,
) -> System:
    """The system of one square image; arguments as of `closed_form.solve_batch`, without N."""
    planes = stencil(image, inside, epsilon)
    unknown = (trimap == 128) & inside
    free = unknown.astype(image.dtype)
    weight = jnp.asarray(prior_weight, image.dtype)
    # A pixel in no valid window has an empty row; 1 keeps its (zero) residual finite.
    diagonal = laplacian_diagonal(planes) + weight
    inverse = free / jnp.where(diagonal > 0, diagonal, 1)
    begin = jnp.where(unknown, prior, (trimap == 255).astype(image.dtype))
    system = System(planes, image, free, inverse, jnp.zeros_like(image), begin, weight)
    return system._replace(right=free * (weight * prior) - pixel_product(system, begin))


@jax.jit
def pixel_product(system: System, alpha: jax.Array) -> jax.Array:
    """The matrix of the unknown pixels times (H, H): their rows alone, 0 on the known ones."""
    product = laplacian_product(system.planes, alpha)
    return system.free * (product + system.prior_weight * alpha)
