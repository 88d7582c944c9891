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

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from casgan_jax.progress import Progress
from casgan_jax.soft_mask.coarse_levels import (
    Hierarchy,
    Level,
    coarsen,
    from_finer,
    from_pixels,
    node_product,
    to_finer,
    to_pixels,
)
from casgan_jax.soft_mask.matting_system import System, pixel_product, prepare

# The scaled Laplacian's eigenvalues are at most 9/4, the most that one window can have (two of its
# pixels alone differ from the others); below 8/9 the pixels' step contracts whatever the image.
_PIXEL_STEP = 0.8
# Steps of a Chebyshev polynomial on [0.1, 1]; rows scaled by their absolute sums end at 1.
_NODE_STEPS = tuple(float(1 / (0.55 + 0.45 * np.cos(np.pi * (k + 0.5) / 3))) for k in range(3))


class State(NamedTuple):
    """Where the conjugate gradients are; `energy` is about the error's, e^T A e."""

    alpha: jax.Array
    residual: jax.Array
    direction: jax.Array
    energy: jax.Array


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
    left = from_finer(*centres, _left(right, node_product(level, nodes)))
    nodes = _corrected(nodes, to_finer(*centres, _node_cycle(coarser, inverted, left)))
    for step in _NODE_STEPS:
        nodes = _moved(nodes, step, level.inverse, _left(right, node_product(level, nodes)))
    return nodes


def cycle(system: System, hierarchy: Hierarchy, right: jax.Array) -> jax.Array:
    """The preconditioner times (H, H): one cycle through all levels, symmetric and positive."""
    levels, inverted = hierarchy
    centre = levels[0].centre
    alpha = _moved(np.zeros(right.shape, np.float32), _PIXEL_STEP, system.inverse, right)
    left = from_pixels(system, centre, _left(right, pixel_product(system, alpha)))
    alpha = _corrected(alpha, to_pixels(system, centre, _node_cycle(levels, inverted, left)))
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
    what takes longer than a second tells on standard error how far it is.

    Returns:
      (H, H) alpha in [0, 1], steps taken, and the square root of what is left of the error's energy
      e^T A e, as the preconditioner estimates it: at most `tolerance` when it is solved.
    """
    unknown = int(np.count_nonzero(trimap == 128))
    what = f"matting of {unknown:,} pixels"
    with Progress(what, total=None, unit="step", passing=True) as progress:
        system = prepare(image, trimap, inside, prior, prior_weight, epsilon)
        hierarchy = coarsen(system, lambda: progress.update(0))
        state = begin(system, hierarchy)
        steps = 0
        while (energy := float(state.energy)) > tolerance**2 and steps < max_iterations:
            state = advance(system, hierarchy, state)
            steps += 1
            progress.update()
    alpha = np.asarray(jnp.clip(system.begin + state.alpha, 0, 1))
    return alpha, steps, float(np.sqrt(energy)) if energy >= 0 else float("nan")
