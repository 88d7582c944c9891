"""Closed-form matting of one-channel images, without a sparse matrix, batched and jitted.

Levin, Lischinski, Weiss, "A closed-form solution to natural image matting", PAMI 2008: the
quadratic form of the matting Laplacian (`casgan_jax.soft_mask.laplacian`) is minimised over the
unknown pixels of the trimap, by conjugate gradients with its diagonal as preconditioner. Their
number of steps grows with the region: large ones are solved by `casgan_jax.soft_mask.multilevel`.

    alphas = closed_form_matting(images, trimaps)  # lists of (H, W) arrays, or (N, H, W) stacks
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import Box
from casgan_jax.soft_mask.checks import check_matting
from casgan_jax.soft_mask.laplacian import REACH
from casgan_jax.soft_mask.matting_system import pixel_product, prepare
from casgan_jax.soft_mask.multilevel import solve_large

# pymatting's 1e-7 is for RGB; three equal channels at epsilon are one channel at epsilon / 3.
DEFAULT_EPSILON = 1e-7 / 3
# Measured against float64 direct solves on random, flat, noise-free, ramp, textured and noisy
# images: an error of at most 2e-5 at 64 px, and 4e-4 in the worst case found (a smooth 224 px image
# with 31,000 unknown pixels; 1,350 iterations).
DEFAULT_TOLERANCE = 1e-5
DEFAULT_MAX_ITERATIONS = 10_000

# Crop sides, then multiples of 256. Each compiles once, in a second or two.
_SIDES = (32, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512)
# Larger crops have coarse levels, which are slower to prepare than a smaller one is to solve.
_LARGEST_ALONE = 384
# The same tolerance of alpha: the multilevel energy is the error's own, and feels smooth errors.
_LARGE_TOLERANCE = 10
_MAX_BATCH = 256  # crops solved at once on an accelerator


class Solution(NamedTuple):
    """What the batched solver returns.

    Attributes:
      alpha: (N, H, W) float32 in [0, 1]; exactly 0 and 1 on the known pixels.
      iterations: (N,) int32, conjugate gradient steps taken.
      residual: (N,) float32, the preconditioned residual norm sqrt(r^T D^-1 r) that was left.
    """

    alpha: np.ndarray | jax.Array
    iterations: np.ndarray | jax.Array
    residual: np.ndarray | jax.Array


def _solve_one(
    image: jax.Array,
    trimap: jax.Array,
    inside: jax.Array,
    prior: jax.Array,
    prior_weight: float,
    epsilon: float,
    tolerance: float,
    max_iterations: int,
) -> Solution:
    """Jacobi-preconditioned conjugate gradients on the unknown pixels of one image."""
    system = prepare(image, trimap, inside, prior, prior_weight, epsilon)

    def unfinished(state: tuple[jax.Array, ...]) -> jax.Array:
        _, _, _, energy, iteration = state
        return (energy > tolerance**2) & (iteration < max_iterations)

    def step(state: Any) -> Any:
        alpha, residual, direction, energy, iteration = state
        image_of_direction = pixel_product(system, direction)
        length = energy / jnp.vdot(direction, image_of_direction)
        alpha = alpha + length * direction
        residual = residual - length * image_of_direction
        preconditioned = system.inverse * residual
        new_energy = jnp.vdot(residual, preconditioned)
        direction = preconditioned + (new_energy / energy) * direction
        return alpha, residual, direction, new_energy, iteration + 1

    direction = system.inverse * system.right
    energy = jnp.vdot(system.right, direction)
    begin = system.begin, system.right, direction, energy, jnp.int32(0)
    alpha, _, _, energy, iterations = jax.lax.while_loop(unfinished, step, begin)
    return Solution(jnp.clip(alpha, 0, 1), iterations, jnp.sqrt(energy))


@functools.partial(jax.jit, static_argnames="lockstep")
def solve_batch(
    images: jax.Array,
    trimaps: jax.Array,
    inside: jax.Array,
    priors: jax.Array,
    prior_weight: float = 0.0,
    epsilon: float = DEFAULT_EPSILON,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int = DEFAULT_MAX_ITERATIONS,
    *,
    lockstep: bool,
) -> Solution:
    """Minimises `a^T L a + prior_weight * sum_i (a_i - prior_i)^2` over the unknown pixels.

    Args:
      images: (N, H, W) float32 in [0, 1].
      trimaps: (N, H, W) uint8: 0 background, 128 unknown, 255 lesion.
      inside: (N, H, W) bool: False where a crop reaches beyond its image; no window counts there.
      priors: (N, H, W) float32: where the iteration starts, and what `prior_weight` draws alpha to.
      prior_weight: weight of the prior per pixel, beside a diagonal of L of up to 9.
      epsilon: regularisation of a window's variance, in squared grey values times 9.
      tolerance: an image is done when sqrt(r^T D^-1 r) is below it (r: residual, D: diagonal of
        the system).
      max_iterations: an image stops there in any case; `Solution.residual` tells.
      lockstep: the images advance together and a finished one waits for the slowest, as suits an
        accelerator; or else one is solved after the other, as suits a CPU, where waiting costs as
        much as working.
    """

    def solve(each: tuple[jax.Array, ...]) -> Solution:
        image, trimap, valid, prior = each
        return _solve_one(
            image, trimap, valid, prior, prior_weight, epsilon, tolerance, max_iterations
        )

    batch = (images, trimaps, inside, priors)
    return jax.vmap(solve)(batch) if lockstep else jax.lax.map(solve, batch)


def closed_form_matting(
    images: Sequence[np.ndarray] | np.ndarray,
    trimaps: Sequence[np.ndarray] | np.ndarray,
    *,
    priors: Sequence[np.ndarray | None] | np.ndarray | None = None,
    prior_weight: float = 0.0,
    epsilon: float = DEFAULT_EPSILON,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int = DEFAULT_MAX_ITERATIONS,
) -> list[np.ndarray] | np.ndarray:
    """Alpha mattes of one-channel images (paper 3.1, Eq. 1; Levin et al. 2008).

    Only the square crop around an image's unknown pixels is solved; its side is rounded up to one
    of a few, so that any mix of image sizes compiles a handful of programs. Deterministic. Crops of
    more than 384 pixels a side are solved by `multilevel.solve_large`: what takes longer than a
    second shows a bar on standard error, and can be interrupted.

    Args:
      images: N arrays (H, W), float in [0, 1]; sizes may differ.
      trimaps: N arrays (H, W), uint8: 0 background, 128 unknown, 255 lesion; both known
        values must be present.
      priors: N arrays (H, W) in [0, 1] to stay near to, such as the readers' mean.
      prior_weight: strength of that, per pixel (see `solve_batch`); 0 is plain matting.
      epsilon: regularisation; pymatting's epsilon for RGB divided by 3.
      tolerance: stopping rule of the solver (see `solve_batch`); of large crops it is
        `solve_large`'s, ten times as much.
      max_iterations: limit of the solver.

    Returns:
      N float32 arrays (H, W) in [0, 1], stacked when `images` is one array.

    Raises:
      UserError: an image or trimap is not as above, or the solver has not converged.
    """
    if priors is None:
        if prior_weight:
            raise UserError(
                "priors",
                found="none",
                expected=f"one per image with prior_weight={prior_weight}",
            )
        priors = [None] * len(images)
    if not len(images) == len(trimaps) == len(priors):
        raise UserError(
            "trimaps",
            found=f"{len(trimaps)} and {len(priors)} priors",
            expected=f"one for each of {len(images)} images",
        )
    for name, value in {"prior_weight": prior_weight, "epsilon": epsilon}.items():
        if not 0 <= value < np.inf or (name == "epsilon" and value == 0):
            sign = "positive" if name == "epsilon" else "nonnegative"
            raise UserError(
                name,
                found=f"{value}",
                expected=f"a finite {sign} number",
            )
    for index, each in enumerate(zip(images, trimaps, priors, strict=True)):
        check_matting(index, *each)
    alphas = [(trimap == 255).astype(np.float32) for trimap in trimaps]
    boxes: dict[int, list[tuple[int, Box]]] = {}
    for index, trimap in enumerate(trimaps):
        if (trimap == 128).any():
            side, box = _around_unknown(trimap)
            boxes.setdefault(side, []).append((index, box))
    lockstep = _on_accelerator()
    for side, group in sorted(boxes.items()):
        large = side > _LARGEST_ALONE
        limit = _MAX_BATCH if lockstep and not large else 1
        bound = (_LARGE_TOLERANCE if large else 1) * tolerance
        rule = prior_weight, epsilon, bound, max_iterations
        solve = _solve_large if large else functools.partial(solve_batch, lockstep=lockstep)
        for start in range(0, len(group), limit):
            chunk = group[start : start + limit]
            found = jax.device_get(solve(*_gather(side, chunk, images, trimaps, priors), *rule))
            for row, (index, box) in enumerate(chunk):
                _check_solved(index, found.iterations[row], found.residual[row], bound)
                height, width = box.shape
                box.crop(alphas[index])[:] = found.alpha[row, :height, :width]
    return np.stack(alphas) if isinstance(images, np.ndarray) else alphas


def _solve_large(
    images: np.ndarray, trimaps: np.ndarray, inside: np.ndarray, priors: np.ndarray, *rule: Any
) -> Solution:
    """`solve_batch` of one large crop."""
    alpha, steps, left = solve_large(images[0], trimaps[0], inside[0], priors[0], *rule)
    return Solution(alpha[None], np.array([steps]), np.array([left]))


def _check_solved(index: int, steps: int, residual: float, tolerance: float) -> None:
    if not residual <= tolerance:  # also catches NaN
        raise UserError(
            f"image {index}",
            found=f"residual {residual:.1e} after {steps} matting steps",
            expected=f"{tolerance:.1e}",
            remedy="raise max_iterations or epsilon",
        )


def _on_accelerator() -> bool:
    """Whether arrays are put on one: on `jax.default_device`, a device or the name of a platform,
    or on the first device."""
    device = jax.config.jax_default_device or jax.devices()[0]  # type: ignore[attr-defined]
    return getattr(device, "platform", device) != "cpu"


def rounded_side(longest: int) -> int:
    """Side of the square that a crop is solved in, so that few programs are compiled."""
    return next((side for side in _SIDES if side >= longest), -(-longest // 256) * 256)


def _around_unknown(trimap: np.ndarray) -> tuple[int, Box]:
    """Side of the square crop, and the image's part that holds all windows of unknown pixels."""
    box = Box.around(trimap == 128).grown(REACH)
    left, top = max(box.left, 0), max(box.top, 0)
    longest = max(box.right - left, box.bottom - top)
    side = rounded_side(longest)
    return side, Box(left, top, left + side, top + side).clipped(trimap.shape)


def _gather(
    side: int,
    chunk: Sequence[tuple[int, Box]],
    images: Sequence[np.ndarray] | np.ndarray,
    trimaps: Sequence[np.ndarray] | np.ndarray,
    priors: Sequence[np.ndarray | None] | np.ndarray,
) -> tuple[np.ndarray, ...]:
    """A batch of crops; ones with nothing to solve round its length up to a power of two."""
    shape = (1 << (len(chunk) - 1).bit_length(), side, side)
    image = np.zeros(shape, np.float32)
    trimap = np.zeros(shape, np.uint8)
    inside = np.zeros(shape, bool)
    prior = np.full(shape, 0.5, np.float32)
    for row, (index, box) in enumerate(chunk):
        height, width = box.shape
        place = (row, slice(height), slice(width))
        image[place] = box.crop(images[index])
        trimap[place] = box.crop(trimaps[index])
        inside[place] = True
        whole = priors[index]
        if whole is not None:
            prior[place] = box.crop(whole)
    return image, trimap, inside, prior
