"""Coarse levels of a matting system: alphas that are affine in the image, `a I + b`, where `a` and
`b` are interpolated between nodes (`casgan_jax.soft_mask.multilevel`).

    hierarchy = coarsen(system)  # nodes 4 pixels apart, then 16, 64, and so on
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from casgan_jax.soft_mask.laplacian import REACH
from casgan_jax.soft_mask.matting_system import System, pixel_product

_FACTOR = 4  # pixels a node of the finest coarse level, then nodes of one level a node of the next
_COARSEST = 12  # nodes a side, whose dense system is solved
_COLOURS = 2 * REACH + 1  # nodes that many apart do not meet in a row of a system
_LEAST = 1e-5  # eigenvalue of the coarsest system, scaled to at most 1
_SHIFT = 1e-6  # of a coarse diagonal: what float32 leaves uncertain stays positive


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


# Without it XLA computes what a sum of neighbours is made of anew for each of them.
_kept = jax.lax.optimization_barrier


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
def to_pixels(system: System, centre: jax.Array, nodes: jax.Array) -> jax.Array:
    """(2, m, m) b and a -> alpha of the unknown pixels, (H, H)."""
    shifted = jnp.stack([nodes[0] - nodes[1] * centre, nodes[1]])
    b, a = _interpolated(shifted, _FACTOR, system.image.shape[0])
    return system.free * (b + a * system.image)


@jax.jit
def from_pixels(system: System, centre: jax.Array, values: jax.Array) -> jax.Array:
    """The transpose of `to_pixels`."""
    values = system.free * values
    b, a = _gathered(jnp.stack([values, values * system.image]), _FACTOR)
    return jnp.stack([b, a - centre * b])


@jax.jit
def to_finer(finer: jax.Array, centre: jax.Array, nodes: jax.Array) -> jax.Array:
    """(2, m, m) b and a -> those of the finer level, whose centres are `finer`."""
    shifted = jnp.stack([nodes[0] - nodes[1] * centre, nodes[1]])
    b, a = _interpolated(shifted, _FACTOR, finer.shape[0])
    return jnp.stack([b + a * finer, a])


@jax.jit
def from_finer(finer: jax.Array, centre: jax.Array, values: jax.Array) -> jax.Array:
    """The transpose of `to_finer`."""
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
        functools.partial(to_pixels, system, centre),
        functools.partial(from_pixels, system, centre),
    )
    return _galerkin(product, prolong, gather, centre)


def _next_level(level: Level) -> Level:
    reached = (level.inverse[0] > 0).astype(level.centre.dtype)
    centre = _centres(level.centre, reached, _FACTOR)
    product, prolong, gather = (
        functools.partial(node_product, level),
        functools.partial(to_finer, level.centre, centre),
        functools.partial(from_finer, level.centre, centre),
    )
    return _galerkin(product, prolong, gather, centre)


@jax.jit
def _inverse_of(level: Level) -> jax.Array:
    """The inverse of a level's dense system, of eigenvalues that float32 can tell from 0."""
    shape = level.inverse.shape
    unit = jnp.eye(level.inverse.size, dtype=level.taps.dtype)
    rows = jax.vmap(lambda one: node_product(level, one.reshape(shape)).ravel())(unit)
    scale = jnp.sqrt(level.inverse.ravel())
    scaled = scale[:, None] * (rows + rows.T) / 2 * scale[None]
    values, vectors = jnp.linalg.eigh(scaled)
    half = scale[:, None] * vectors / jnp.sqrt(jnp.maximum(values, _LEAST))[None]
    return half @ half.T


def coarsen(system: System, done: Callable[[], Any] = lambda: None) -> Hierarchy:
    """All coarse levels of a system; `done` is called as each is computed."""
    levels = [jax.block_until_ready(_first_level(system))]
    done()
    while levels[-1].centre.shape[0] > _COARSEST:
        levels.append(jax.block_until_ready(_next_level(levels[-1])))
        done()
    return Hierarchy(levels, _inverse_of(levels[-1]))
