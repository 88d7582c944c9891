"""The multilevel solver against a direct float64 solve, and its preconditioner."""

import signal

import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.progress import Progress
from casgan_jax.soft_mask import multilevel
from casgan_jax.soft_mask.closed_form import DEFAULT_EPSILON, closed_form_matting
from casgan_jax.soft_mask.coarse_levels import coarsen
from casgan_jax.soft_mask.matting_system import prepare
from tests.soft_mask.test_closed_form import TOLERANCE, direct_solution, images, ring

pytestmark = pytest.mark.slow


def crop(image, trimap):
    """Arguments of `solve_large` up to the prior."""
    return image, trimap, np.ones(image.shape, bool), np.full(image.shape, 0.5, np.float32)


def solved(image, trimap, tolerance=1e-4):
    return multilevel.solve_large(*crop(image, trimap), 0.0, DEFAULT_EPSILON, tolerance, 200)


def ring_of(size):
    return ring(size, size // 10, 0.45 * size)


@pytest.mark.parametrize("name", images())
def test_agrees_with_direct_solve(name):
    image = images(96)[name].astype(np.float32)
    alpha, steps, left = solved(image, ring_of(96))
    assert left < 1e-4 and steps < 60
    error = np.abs(alpha - direct_solution(image, ring_of(96))).max()
    assert error < TOLERANCE / 4, error


def test_a_prior_counts_as_in_the_small_solver():
    image, trimap = images(48)["noisy"].astype(np.float32), ring(48, 5, 20)
    prior = np.where(trimap == 255, 1, 0.3).astype(np.float32)
    inside = np.ones(image.shape, bool)
    alpha, _, _ = multilevel.solve_large(
        image, trimap, inside, prior, 0.1, DEFAULT_EPSILON, 1e-4, 200
    )
    expected = direct_solution(image, trimap, prior=prior, prior_weight=0.1)
    np.testing.assert_allclose(alpha, expected, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["random", "noisy", "noise-free", "flat"])
def test_steps_hardly_grow_with_the_region(name):
    """Those with the diagonal alone double with the side."""
    steps = [
        solved(images(size)[name].astype(np.float32), ring_of(size))[1] for size in (64, 128, 256)
    ]
    assert steps[2] <= 1.5 * steps[0] + 2 and steps[2] <= 30, steps


@pytest.mark.parametrize("name", ["random", "two levels", "waves", "flat"])
def test_preconditioner_is_symmetric_and_positive(name):
    image, trimap = images(48)[name].astype(np.float32), ring(48, 3, 21)
    system = prepare(*crop(image, trimap), 0.0, DEFAULT_EPSILON)
    hierarchy = coarsen(system)
    rng = np.random.default_rng(0)
    for _ in range(5):
        first, second = (
            system.free * jnp.asarray(rng.standard_normal(image.shape), jnp.float32) for _ in "ab"
        )
        one, other = (multilevel.cycle(system, hierarchy, each) for each in (first, second))
        forth, back = float(jnp.vdot(second, one)), float(jnp.vdot(first, other))
        size = float(jnp.sqrt(jnp.vdot(first, one) * jnp.vdot(second, other)))
        assert jnp.vdot(first, one) > 0 and size > 0
        assert abs(forth - back) < 1e-3 * size


def test_large_crops_are_solved_by_levels(monkeypatch):
    called = []

    def solve(image, *rest):
        called.append(image.shape)
        return image, 1, 0.0

    monkeypatch.setattr("casgan_jax.soft_mask.closed_form.solve_large", solve)
    for size in (40, 500):
        trimap = ring(size, size // 10, 0.45 * size)
        closed_form_matting([np.full((size, size), 0.5, np.float32)], [trimap])
    assert called == [(512, 512)]


def test_it_can_be_interrupted(monkeypatch):
    steps = []

    class Interrupting(Progress):
        def update(self, count=1):
            steps.append(count)
            if sum(steps) == 3:
                signal.raise_signal(signal.SIGINT)
            super().update(count)

    monkeypatch.setattr("casgan_jax.soft_mask.multilevel.Progress", Interrupting)
    image, trimap = images(96)["waves"].astype(np.float32), ring_of(96)
    # Where the suite was started in the background of a shell, Ctrl-C is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            solved(image, trimap, tolerance=0.0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert sum(steps) == 3
    monkeypatch.undo()
    assert solved(image, trimap)[1] < 200  # nothing is left of it
