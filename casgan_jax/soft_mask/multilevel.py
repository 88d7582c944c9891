"""Conjugate gradients whose number of steps hardly grows with the region, for large regions.

The smooth errors that a step on single pixels hardly lessens are those the matting Laplacian hardly
feels: alpha an affine function of the image, `a I + b`, with `a` and `b` that change slowly. A
coarse level therefore has two unknowns a node, `a` and `b`, between nodes they are interpolated
bilinearly (as the fast guided filter does), and its system is that of the pixels for such alphas
(Galerkin's), never a new discretisation. Nodes stand 4 pixels apart, then 16, 64, and so on; the
coarsest system is solved. One such cycle from the pixels down and back is a symmetric positive
definite approximation of the inverse, the preconditioner of the conjugate gradients.

    alpha, steps, left = solve_large(image, trimap, inside, prior, 0.0, epsilon, 1e-4, 500)

He, Sun, "Fast guided filter", 2015; Vanek, Mandel, Brezina, "Algebraic multigrid by smoothed
aggregation", Computing 1996, for several near-null vectors a node; Baker, Falgout, Kolev, Yang,
"Multigrid smoothers for ultraparallel computing", SIAM J. Sci. Comput. 2011, for the smoother.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tqdm

from casgan_jax.soft_mask.laplacian import REACH, laplacian_diagonal, laplacian_product, stencil

_FACTOR = 4  # pixels a node of the finest coarse level, then nodes of one level a node of the next
_COARSEST = 12  # nodes a side, whose dense system is solved
_COLOURS = 2 * REACH + 1  # nodes that many apart do not meet in a row of a system
# The scaled Laplacian's eigenvalues are at most 9/4, the most that one window can have (two of its
# pixels alone differ from the others); below 8/9 the pixels' step contracts whatever the image.
_PIXEL_STEP = 0.8
# Steps of a Chebyshev polynomial on [0.1, 1]; rows scaled by their absolute sums end at 1.
_NODE_STEPS = tuple(float(1 / (0.55 + 0.45 * np.cos(np.pi * (k + 0.5) / 3))) for k in range(3))
_LEAST = 1e-5  # eigenvalue of the coarsest system, scaled to at most 1
_SHIFT = 1e-6  # of a coarse diagonal: what float32 leaves uncertain stays positive


class System(NamedTuple):
    """The system of the unknown pixels of one image.

    Attributes:
      planes: of the matting Laplacian, see `stencil`.
      image: (H, H) in [0, 1].
      free: (H, H), 1 where alpha is unknown, else 0.
      inverse: (H, H), of the diagonal; 0 where alpha is known.
      right: (H, H), the right side for alpha minus `begin`.
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


class Level(NamedTuple):
    """The system of a coarse level.

    Attributes:
      taps: (5, 5, 2, 2, m, m): what node (y + dy - 2, x + dx - 2)'s unknown j adds to unknown i of
        node (y, x), at [dy, dx, j, i, y, x]; unknowns are b and a.
      inverse: (2, m, m), of the rows' absolute sums; 0 where a node reaches no unknown pixel.
      centre: (m, m), grey value at which `b` is alpha, so that b and a hardly interfere.
    """

    taps: jax.Array
    inverse: jax.Array
    centre: jax.Array


class Hierarchy(NamedTuple):
    """Coarse levels from the finest on, and the inverse of the last one's system."""

    levels: list[Level]
    inverted: jax.Array


class State(NamedTuple):
    """Where the conjugate gradients are; `energy` is about the error's, e^T A e."""

    alpha: jax.Array
    residual: jax.Array
    direction: jax.Array
    energy: jax.Array


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
    diagonal = laplacian_diagonal(planes) + weight
    begin = jnp.where(unknown, prior, (trimap == 255).astype(image.dtype))
    right = free * (weight * (prior - begin) - laplacian_product(planes, begin))
    inverse = free / jnp.where(diagonal > 0, diagonal, 1)
    return System(planes, image, free, inverse, right, begin, weight)


# Without it XLA computes what a sum of neighbours is made of anew for each of them.
_kept = jax.lax.optimization_barrier


@jax.jit
def pixel_product(system: System, alpha: jax.Array) -> jax.Array:
    """The matrix of the unknown pixels times (H, H), which is 0 on the known ones."""
    product = laplacian_product(system.planes, alpha)
    return system.free * (product + system.prior_weight * alpha)


@jax.jit
def node_product(level: Level, nodes: jax.Array) -> jax.Array:
    """The matrix of a coarse level times (2, m, m)."""
    side = nodes.shape[-1]
    padded = jnp.pad(nodes, ((0, 0), (REACH, REACH), (REACH, REACH)))
    return functools.reduce(
        jnp.add,
        (
            level.taps[dy, dx, j] * padded[j, dy : dy + side, dx : dx + side][None]
            for dy in range(_COLOURS)
            for dx in range(_COLOURS)
            for j in range(2)
        ),
    )


def _interpolated(nodes: jax.Array, factor: int, side: int) -> jax.Array:
    """(..., m, m) at every `factor`-th place -> (..., side, side), bilinearly."""
    share = jnp.arange(factor, dtype=nodes.dtype) / factor
    left, right = nodes[..., :-1, None], nodes[..., 1:, None]
    rows = (left + share.reshape(*[1] * nodes.ndim, -1) * (right - left)).reshape(
        *nodes.shape[:-1], -1
    )
    rows = _kept(rows[..., :side])
    upper, lower = rows[..., :-1, None, :], rows[..., 1:, None, :]
    whole = upper + share.reshape(*[1] * (nodes.ndim - 1), -1, 1) * (lower - upper)
    return whole.reshape(*nodes.shape[:-2], -1, side)[..., :side, :]


def _gathered(values: jax.Array, factor: int) -> jax.Array:
    """The transpose of `_interpolated`: (..., side, side) -> (..., m, m)."""
    return _gathered_rows(_kept(_gathered_rows(_kept(values), factor).mT), factor).mT


def _gathered_rows(values: jax.Array, factor: int) -> jax.Array:
    cells = -(-values.shape[-2] // factor)
    edges: list[tuple[int, int]] = [(0, 0)] * (values.ndim - 2)
    filled = jnp.pad(values, [*edges, (0, cells * factor - values.shape[-2]), (0, 0)])
    rows = filled.reshape(*values.shape[:-2], cells, factor, -1)
    # Sums of strided views: XLA's reduction of a short axis takes ten times as long on a CPU.
    share = [(rows[..., k, :], k / factor) for k in range(factor)]
    upper = functools.reduce(jnp.add, ((1 - weight) * row for row, weight in share))
    lower = functools.reduce(jnp.add, (weight * row for row, weight in share))
    return jnp.pad(upper, [*edges, (0, 1), (0, 0)]) + jnp.pad(lower, [*edges, (1, 0), (0, 0)])


@jax.jit
def _to_pixels(system: System, centre: jax.Array, nodes: jax.Array) -> jax.Array:
    """(2, m, m) b and a -> alpha of the unknown pixels, (H, H)."""
    shifted = jnp.stack([nodes[0] - nodes[1] * centre, nodes[1]])
    b, a = _interpolated(shifted, _FACTOR, system.image.shape[0])
    return system.free * (b + a * system.image)


@jax.jit
def _from_pixels(system: System, centre: jax.Array, values: jax.Array) -> jax.Array:
    """The transpose of `_to_pixels`."""
    values = system.free * values
    b, a = _gathered(jnp.stack([values, values * system.image]), _FACTOR)
    return jnp.stack([b, a - centre * b])


@jax.jit
def _to_finer(finer: jax.Array, centre: jax.Array, nodes: jax.Array) -> jax.Array:
    """(2, m, m) b and a -> those of the finer level, whose centres are `finer`."""
    shifted = jnp.stack([nodes[0] - nodes[1] * centre, nodes[1]])
    b, a = _interpolated(shifted, _FACTOR, finer.shape[0])
    return jnp.stack([b + a * finer, a])


@jax.jit
def _from_finer(finer: jax.Array, centre: jax.Array, values: jax.Array) -> jax.Array:
    """The transpose of `_to_finer`."""
    b, a = _gathered(jnp.stack([values[0], values[0] * finer + values[1]]), _FACTOR)
    return jnp.stack([b, a - centre * b])


@functools.partial(jax.jit, static_argnums=2)
def _centres(values: jax.Array, weights: jax.Array, factor: int) -> jax.Array:
    """Weighted means around nodes at every `factor`-th place; 0 where there is no weight."""
    total, weight = _gathered(jnp.stack([weights * values, weights]), factor)
    return total / jnp.where(weight > 0, weight, 1)


def _galerkin(
    product: Callable[[jax.Array], jax.Array],
    prolong: Callable[[jax.Array], jax.Array],
    gather: Callable[[jax.Array], jax.Array],
    centre: jax.Array,
) -> Level:
    """The system of all alphas that `prolong` makes of nodes; `gather` is its transpose.

    Nodes of one colour, five apart, do not meet in a row, so that the product with all of them at
    once shows their columns: 50 products for any number of nodes.
    """
    colours = itertools.product(range(2), range(_COLOURS), range(_COLOURS))
    side = centre.shape[0]
    found = [gather(product(prolong(jnp.asarray(_coloured(side, *colour))))) for colour in colours]
    return _read(found, centre)


def _coloured(side: int, unknown: int, top: int, left: int) -> np.ndarray:
    """1 at one unknown of the nodes of one colour."""
    nodes = np.zeros((2, side, side), np.float32)
    nodes[unknown, top::_COLOURS, left::_COLOURS] = 1
    return nodes


@jax.jit
def _read(columns: list[jax.Array], centre: jax.Array) -> Level:
    """A system from its products with all colours."""
    side = centre.shape[0]
    found = jnp.stack(columns).reshape(2, _COLOURS, _COLOURS, 2, side, side)
    place = jnp.arange(side)
    colour = (place[None] + jnp.arange(_COLOURS)[:, None] - REACH) % _COLOURS  # (offset, place)
    y, x = place[:, None], place[None]
    taps = found[:, colour[:, None, :, None], colour[None, :, None, :], :, y, x]
    taps = taps.transpose(0, 1, 4, 5, 2, 3)
    taps = taps.at[REACH, REACH, [0, 1], [0, 1]].multiply(1 + _SHIFT)
    total = jnp.abs(taps).sum((0, 1, 2))
    inverse = jnp.where(total > 0, 1 / jnp.where(total > 0, total, 1), 0)
    return Level(taps, inverse, centre)


def _first_level(system: System) -> Level:
    centre = _centres(system.image, system.free, _FACTOR)
    product, prolong, gather = (
        functools.partial(pixel_product, system),
        functools.partial(_to_pixels, system, centre),
        functools.partial(_from_pixels, system, centre),
    )
    return _galerkin(product, prolong, gather, centre)


def _next_level(level: Level) -> Level:
    reached = (level.inverse[0] > 0).astype(level.centre.dtype)
    centre = _centres(level.centre, reached, _FACTOR)
    product, prolong, gather = (
        functools.partial(node_product, level),
        functools.partial(_to_finer, level.centre, centre),
        functools.partial(_from_finer, level.centre, centre),
    )
    return _galerkin(product, prolong, gather, centre)


@jax.jit
def _inverted(level: Level) -> jax.Array:
    """The inverse of a level's dense system, of eigenvalues that float32 can tell from 0."""
    shape = level.inverse.shape
    unit = jnp.eye(level.inverse.size, dtype=level.taps.dtype)
    rows = jax.vmap(lambda one: node_product(level, one.reshape(shape)).ravel())(unit)
    scale = jnp.sqrt(level.inverse.ravel())
    scaled = scale[:, None] * (rows + rows.T) / 2 * scale[None]
    values, vectors = jnp.linalg.eigh(scaled)
    half = scale[:, None] * vectors / jnp.sqrt(jnp.maximum(values, _LEAST))[None]
    return half @ half.T


def coarse_levels(system: System) -> Iterator[Level]:
    """Yields the coarse levels, from the finest on."""
    level = _first_level(system)
    yield level
    while level.centre.shape[0] > _COARSEST:
        level = _next_level(level)
        yield level


def coarsen(system: System) -> Hierarchy:
    """All coarse levels of a system."""
    levels = list(coarse_levels(system))
    return Hierarchy(levels, _inverted(levels[-1]))


@jax.jit
def _corrected(nodes: jax.Array, correction: jax.Array) -> jax.Array:
    return nodes + correction


@jax.jit
def _left(right: jax.Array, product: jax.Array) -> jax.Array:
    return right - product


@jax.jit
def _moved(start: jax.Array, step: float, inverse: jax.Array, left: jax.Array) -> jax.Array:
    return start + step * inverse * left


@jax.jit
def _solved(inverted: jax.Array, right: jax.Array) -> jax.Array:
    return (inverted @ right.ravel()).reshape(right.shape)


def _node_cycle(levels: list[Level], inverted: jax.Array, right: jax.Array) -> jax.Array:
    level, *coarser = levels
    if not coarser:
        return _solved(inverted, right)
    centres = level.centre, coarser[0].centre
    nodes = _moved(np.zeros(right.shape, np.float32), _NODE_STEPS[0], level.inverse, right)
    for step in _NODE_STEPS[1:]:
        nodes = _moved(nodes, step, level.inverse, _left(right, node_product(level, nodes)))
    left = _from_finer(*centres, _left(right, node_product(level, nodes)))
    nodes = _corrected(nodes, _to_finer(*centres, _node_cycle(coarser, inverted, left)))
    for step in _NODE_STEPS:
        nodes = _moved(nodes, step, level.inverse, _left(right, node_product(level, nodes)))
    return nodes


def cycle(system: System, hierarchy: Hierarchy, right: jax.Array) -> jax.Array:
    """The preconditioner times (H, H): one cycle through all levels, symmetric and positive."""
    levels, inverted = hierarchy
    centre = levels[0].centre
    alpha = _moved(np.zeros(right.shape, np.float32), _PIXEL_STEP, system.inverse, right)
    left = _from_pixels(system, centre, _left(right, pixel_product(system, alpha)))
    alpha = _corrected(alpha, _to_pixels(system, centre, _node_cycle(levels, inverted, left)))
    left = _left(right, pixel_product(system, alpha))
    return _moved(alpha, _PIXEL_STEP, system.inverse, left)


@jax.jit
def _advanced(state: State, product: jax.Array) -> tuple[jax.Array, jax.Array]:
    length = state.energy / jnp.vdot(state.direction, product)
    return state.alpha + length * state.direction, state.residual - length * product


@jax.jit
def _turned(state: State, alpha: jax.Array, residual: jax.Array, better: jax.Array) -> State:
    energy = jnp.vdot(residual, better)
    direction = better + (energy / state.energy) * state.direction
    return State(alpha, residual, direction, energy)


def begin(system: System, hierarchy: Hierarchy) -> State:
    """The state before the first step."""
    direction = cycle(system, hierarchy, system.right)
    energy = jnp.vdot(system.right, direction)
    return State(jnp.zeros_like(system.right), system.right, direction, energy)


def advance(system: System, hierarchy: Hierarchy, state: State) -> State:
    """One step of the conjugate gradients."""
    alpha, residual = _advanced(state, pixel_product(system, state.direction))
    return _turned(state, alpha, residual, cycle(system, hierarchy, residual))


def solve_large(
    image: np.ndarray,
    trimap: np.ndarray,
    inside: np.ndarray,
    prior: np.ndarray,
    prior_weight: float,
    epsilon: float,
    tolerance: float,
    max_iterations: int,
) -> tuple[np.ndarray, int, float]:
    """Minimises the energy of `closed_form.solve_batch` for one image, arguments without its N.

    Every product is a program of its own, so that the work can be interrupted between two, and
    what takes longer than a second shows a bar on standard error.

    Returns:
      (H, H) alpha in [0, 1], steps taken, and the square root of what is left of the error's energy
      e^T A e, as the preconditioner estimates it: at most `tolerance` when it is solved.
    """
    unknown = int(np.count_nonzero(trimap == 128))
    bar = tqdm.tqdm(desc=f"matting of {unknown:,} pixels", unit="step", delay=1.0, leave=False)
    with bar:
        system = prepare(image, trimap, inside, prior, prior_weight, epsilon)
        levels = []
        for level in coarse_levels(system):
            levels.append(jax.block_until_ready(level))
            bar.update(0)
        hierarchy = Hierarchy(levels, _inverted(levels[-1]))
        state = begin(system, hierarchy)
        steps = 0
        while (energy := float(state.energy)) > tolerance**2 and steps < max_iterations:
            state = advance(system, hierarchy, state)
            steps += 1
            bar.update()
    alpha = np.asarray(jnp.clip(system.begin + state.alpha, 0, 1))
    return alpha, steps, float(np.sqrt(energy)) if energy >= 0 else float("nan")
