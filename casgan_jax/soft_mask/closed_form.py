"""Closed-form matting of one-channel images, without a sparse matrix, batched and jitted.

Levin, Lischinski, Weiss, "A closed-form solution to natural image matting", PAMI 2008: inside every
3x3 window alpha is an affine function of the image, and what is left over is a quadratic form
`alpha^T L alpha` that is minimised over the unknown pixels of the trimap. For one channel

    L_ij = sum over windows w that hold i and j of
           delta_ij - (1 + (I_i - mean_w) (I_j - mean_w) / (var_w + epsilon / 9)) / 9

The rows of L sum to zero, so that `(L p)_i = sum_j -L_ij (p_i - p_j)` over the 24 other pixels of
the 5x5 neighbourhood: the 12 distinct planes of -L_ij are computed once per image and the product
is one fused stencil. For crops of 64 and 128 px on a CPU it takes a third to a half of the time of
the same product as 3x3 box sums (at 32 and 256 px as much), and since only differences of
neighbours enter it, float32 loses nothing on flat images, where box sums of products cancel.

    alphas = closed_form_matting(images, trimaps)  # lists of (H, W) arrays, or (N, H, W) stacks
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from casgan_jax.errors import UserError

# pymatting's 1e-7 is for RGB; three equal channels at epsilon are one channel at epsilon / 3.
DEFAULT_EPSILON = 1e-7 / 3
# Measured against float64 direct solves on random, flat, noise-free, ramp, textured and noisy
# images: an error of at most 2e-5 at 64 px, and 4e-4 in the worst case found (a smooth 224 px image
# with 31,000 unknown pixels; 1,350 iterations).
DEFAULT_TOLERANCE = 1e-5
DEFAULT_MAX_ITERATIONS = 10_000

_REACH = 2  # two pixels share a 3x3 window up to this distance
_WINDOW = [(dy, dx) for dy in range(3) for dx in range(3)]
_HALF = [(0, 1), (0, 2)] + [(dy, dx) for dy in (1, 2) for dx in range(-2, 3)]
# Crop sides, then multiples of 256. Each compiles once, in a second or two.
_SIDES = (32, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512)
_MAX_BATCH = 256  # crops solved at once on an accelerator


class Solution(NamedTuple):
    """What the batched solver returns.

    Attributes:
      alpha: (N, H, W) float32 in [0, 1]; exactly 0 and 1 on the known pixels.
      iterations: (N,) int32, conjugate gradient steps taken.
      residual: (N,) float32, the preconditioned residual norm sqrt(r^T D^-1 r) that was left.
    """

    alpha: jax.Array
    iterations: jax.Array
    residual: jax.Array


def _shifted(padded: jax.Array, dy: int, dx: int, shape: Sequence[int]) -> jax.Array:
    """View of an array padded by _REACH: its pixel (y, x) is the original's (y + dy, x + dx)."""
    height, width = shape
    return padded[_REACH + dy : _REACH + dy + height, _REACH + dx : _REACH + dx + width]


def _stencil(image: jax.Array, inside: jax.Array, epsilon: float) -> list[jax.Array]:
    """-L between each pixel and its neighbour at each offset of _HALF, planes padded by _REACH."""
    rows, columns = (side - 2 for side in image.shape)  # one window per interior pixel

    def member(plane: jax.Array, offset: tuple[int, int]) -> jax.Array:
        return plane[offset[0] : offset[0] + rows, offset[1] : offset[1] + columns]

    def by_pixel(plane: jax.Array, offset: tuple[int, int]) -> jax.Array:
        """Window values, padded by 2 _REACH, as seen from the pixel at `offset` in the window."""
        top, left = _REACH - offset[0], _REACH - offset[1]
        return plane[top : top + rows + 3 * _REACH, left : left + columns + 3 * _REACH]

    # Differences to the centre first: a nearly flat window keeps its full float32 precision.
    local = jnp.stack([member(image, offset) - member(image, (1, 1)) for offset in _WINDOW])
    centred = local - local.mean(0, keepdims=True)
    valid = functools.reduce(jnp.logical_and, (member(inside, offset) for offset in _WINDOW))
    deviation = jnp.sqrt((centred**2).mean(0) + epsilon / 9)
    around = ((2 * _REACH, 2 * _REACH), (2 * _REACH, 2 * _REACH))
    counted = valid.astype(image.dtype)
    share = jnp.pad(counted / 9.0, around)
    stacked = jnp.pad(centred * (counted / (3.0 * deviation))[None], ((0, 0), *around))
    # Without the barrier XLA computes `stacked` anew in each of its 72 uses.
    normal = dict(zip(_WINDOW, jax.lax.optimization_barrier(stacked), strict=True))
    return [
        _sum(
            by_pixel(share, (y, x))
            + by_pixel(normal[y, x], (y, x)) * by_pixel(normal[other], (y, x))
            for y, x in _WINDOW
            if (other := (y + dy, x + dx)) in normal
        )
        for dy, dx in _HALF
    ]


def _sum(planes: Iterable[jax.Array]) -> jax.Array:
    return functools.reduce(jnp.add, planes)


def _laplacian_product(planes: list[jax.Array], alpha: jax.Array) -> jax.Array:
    """L alpha, (H, W)."""
    padded = jnp.pad(alpha, _REACH)
    view = functools.partial(_shifted, shape=alpha.shape)
    return _sum(
        view(plane, 0, 0) * (alpha - view(padded, dy, dx))
        + view(plane, -dy, -dx) * (alpha - view(padded, -dy, -dx))
        for (dy, dx), plane in zip(_HALF, planes, strict=True)
    )


def _laplacian_diagonal(planes: list[jax.Array]) -> jax.Array:
    """diag(L), (H, W): minus the sum of a row's other entries."""
    shape = tuple(side - 2 * _REACH for side in planes[0].shape)
    view = functools.partial(_shifted, shape=shape)
    return _sum(
        view(plane, 0, 0) + view(plane, -dy, -dx)
        for (dy, dx), plane in zip(_HALF, planes, strict=True)
    )


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
    planes = _stencil(image, inside, epsilon)
    unknown = (trimap == 128) & inside
    free = unknown.astype(image.dtype)
    # A pixel in no valid window has an empty row; 1 keeps its (zero) residual finite.
    diagonal = _laplacian_diagonal(planes) + prior_weight
    inverse_diagonal = free / jnp.where(diagonal > 0, diagonal, 1)
    known = (trimap == 255).astype(image.dtype)

    def restrict(alpha: jax.Array) -> jax.Array:
        return free * (_laplacian_product(planes, alpha) + prior_weight * alpha)

    def unfinished(state: tuple[jax.Array, ...]) -> jax.Array:
        _, _, _, energy, iteration = state
        return (energy > tolerance**2) & (iteration < max_iterations)

    def step(state: Any) -> Any:
        alpha, residual, direction, energy, iteration = state
        image_of_direction = restrict(direction)
        length = energy / jnp.vdot(direction, image_of_direction)
        alpha = alpha + length * direction
        residual = residual - length * image_of_direction
        preconditioned = inverse_diagonal * residual
        new_energy = jnp.vdot(residual, preconditioned)
        direction = preconditioned + (new_energy / energy) * direction
        return alpha, residual, direction, new_energy, iteration + 1

    alpha = jnp.where(unknown, prior, known)
    residual = free * (prior_weight * prior) - restrict(alpha)
    direction = inverse_diagonal * residual
    energy = jnp.vdot(residual, direction)
    alpha, _, _, energy, iterations = jax.lax.while_loop(
        unfinished, step, (alpha, residual, direction, energy, jnp.int32(0))
    )
    return Solution(jnp.clip(alpha, 0, 1), iterations, jnp.sqrt(energy))


@jax.jit
def solve_batch(
    images: jax.Array,
    trimaps: jax.Array,
    inside: jax.Array,
    priors: jax.Array,
    prior_weight: float = 0.0,
    epsilon: float = DEFAULT_EPSILON,
    tolerance: float = DEFAULT_TOLERANCE,
    max_iterations: int = DEFAULT_MAX_ITERATIONS,
) -> Solution:
    """Minimises `a^T L a + prior_weight * sum_i (a_i - prior_i)^2` over the unknown pixels.

    On an accelerator the images advance together and a finished one waits for the slowest; on a
    CPU, where waiting costs as much as working, one is solved after the other.

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
    """

    def solve(each: tuple[jax.Array, ...]) -> Solution:
        image, trimap, valid, prior = each
        return _solve_one(
            image, trimap, valid, prior, prior_weight, epsilon, tolerance, max_iterations
        )

    batch = (images, trimaps, inside, priors)
    return jax.lax.map(solve, batch) if jax.default_backend() == "cpu" else jax.vmap(solve)(batch)


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
    of a few, so that any mix of image sizes compiles a handful of programs. Deterministic.

    Args:
      images: N arrays (H, W), float in [0, 1]; sizes may differ.
      trimaps: N arrays (H, W), uint8: 0 background, 128 unknown, 255 lesion; both known
        values must be present.
      priors: N arrays (H, W) in [0, 1] to stay near to, such as the readers' mean.
      prior_weight: strength of that, per pixel (see `solve_batch`); 0 is plain matting.
      epsilon: regularisation; pymatting's epsilon for RGB divided by 3.
      tolerance: stopping rule of the solver (see `solve_batch`).
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
        _check(index, *each)
    alphas = [(trimap == 255).astype(np.float32) for trimap in trimaps]
    boxes: dict[int, list[tuple[int, slice, slice]]] = {}
    for index, trimap in enumerate(trimaps):
        if (trimap == 128).any():
            side, rows, columns = _crop_box(trimap)
            boxes.setdefault(side, []).append((index, rows, columns))
    limit = 1 if jax.default_backend() == "cpu" else _MAX_BATCH
    for side, group in sorted(boxes.items()):
        for start in range(0, len(group), limit):
            chunk = group[start : start + limit]
            crops = _gather(side, chunk, images, trimaps, priors)
            solution = jax.device_get(
                solve_batch(*crops, prior_weight, epsilon, tolerance, max_iterations)
            )
            for row, (index, rows, columns) in enumerate(chunk):
                if not solution.residual[row] <= tolerance:
                    raise UserError(
                        f"image {index}",
                        found=(
                            f"residual {solution.residual[row]:.1e} after "
                            f"{solution.iterations[row]} matting steps"
                        ),
                        expected=f"{tolerance:.1e}",
                        remedy="raise max_iterations or epsilon",
                    )
                height, width = rows.stop - rows.start, columns.stop - columns.start
                alphas[index][rows, columns] = solution.alpha[row, :height, :width]
    return np.stack(alphas) if isinstance(images, np.ndarray) else alphas


def _check(index: int, image: np.ndarray, trimap: np.ndarray, prior: np.ndarray | None) -> None:
    check_plane(f"image {index}", image)
    if trimap.shape != image.shape or trimap.dtype != np.uint8:
        raise UserError(
            f"trimap {index}",
            found=f"{trimap.dtype} of shape {trimap.shape}",
            expected=f"uint8 of the image's shape {image.shape}",
        )
    background, unknown, lesion = ((trimap == value).sum() for value in (0, 128, 255))
    if background + unknown + lesion != trimap.size:
        stray = np.setdiff1d(trimap, (0, 128, 255))[0]
        raise UserError(
            f"trimap {index}",
            found=f"the value {stray}",
            expected="only 0, 128 and 255",
        )
    if not background or not lesion:
        absent = "background (0)" if lesion else "lesion (255)"
        raise UserError(
            f"trimap {index}",
            found=f"no {absent} pixel",
            expected="at least one",
            remedy="widen the crop or mark a seed",
        )
    if prior is not None:
        if prior.shape != image.shape:
            raise UserError(
                f"prior {index}",
                found=f"shape {prior.shape}",
                expected=f"the image's {image.shape}",
            )
        _check_range(f"prior {index}", prior)


def check_plane(field: str, image: np.ndarray) -> None:
    """Raises a UserError unless an image is (H, W) float in [0, 1] and holds a 3x3 window."""
    if image.ndim != 2 or min(image.shape) < 3 or not np.issubdtype(image.dtype, np.floating):
        raise UserError(
            field,
            found=f"{image.dtype} of shape {image.shape}",
            expected="floats (H, W) of at least 3x3",
            remedy="scale the grey values to [0, 1]",
        )
    _check_range(field, image)


def _check_range(field: str, values: np.ndarray) -> None:
    low, high = values.min(), values.max()
    if not (low >= 0 and high <= 1):  # also catches NaN
        raise UserError(
            field,
            found=f"values in [{low:g}, {high:g}]",
            expected="[0, 1]",
            remedy="window or clip it",
        )


def _crop_box(trimap: np.ndarray) -> tuple[int, slice, slice]:
    """Side of the square crop, and the image's part that holds all windows of unknown pixels."""
    unknown = trimap == 128
    spans = []
    for axis in (1, 0):
        hits = np.flatnonzero(unknown.any(axis=axis))
        spans.append((int(max(hits[0] - _REACH, 0)), int(hits[-1]) + _REACH + 1))
    longest = max(stop - start for start, stop in spans)
    side = next((s for s in _SIDES if s >= longest), -(-longest // 256) * 256)
    rows, columns = (
        slice(start, min(start + side, size))
        for (start, _), size in zip(spans, trimap.shape, strict=True)
    )
    return side, rows, columns


def _gather(
    side: int,
    chunk: Sequence[tuple[int, slice, slice]],
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
    for row, (index, rows, columns) in enumerate(chunk):
        place = (row, slice(rows.stop - rows.start), slice(columns.stop - columns.start))
        image[place] = images[index][rows, columns]
        trimap[place] = trimaps[index][rows, columns]
        inside[place] = True
        whole = priors[index]
        if whole is not None:
            prior[place] = whole[rows, columns]
    return image, trimap, inside, prior
