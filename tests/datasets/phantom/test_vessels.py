"""Vessel trees reach every seed and taper; the slice shows the share of a tube that lies in it."""

import numpy as np
import pytest

from datasets.phantom.tree import grow, twigs
from datasets.phantom.tubes import Canvas
from datasets.phantom.vessels import slice_share

COUNT = 300


@pytest.fixture(scope="module")
def branches():
    rng = np.random.default_rng(0)
    seeds = rng.uniform(-40, 40, (COUNT, 3))
    root, heading = np.array([-50.0, 0, 0]), np.array([1.0, 0, 0])
    return grow(rng, root, heading, seeds, np.full(COUNT, 0.5))


def test_tree_is_binary_and_ends_at_every_seed(branches):
    assert branches.last.sum() == COUNT
    assert len(branches.last) == 2 * COUNT - 1
    np.testing.assert_array_equal(branches.start[0], [-50, 0, 0])


def test_branches_start_where_their_parents_end_and_are_thinner(branches):
    for k in range(1, len(branches.last)):
        parent = np.flatnonzero((branches.stop == branches.start[k]).all(axis=1))
        assert len(parent) == 1 and not branches.last[parent[0]]
        assert branches.radius[k] < branches.radius[parent[0]]


def test_curves_join_the_ends(branches):
    path = branches.curves(9)
    np.testing.assert_allclose(path[:, 0], branches.start, atol=1e-9)
    np.testing.assert_allclose(path[:, -1], branches.stop, atol=1e-9)


def test_one_seed_is_one_branch():
    grown = grow(
        np.random.default_rng(0), np.zeros(3), np.eye(3)[0], np.ones((1, 3)), np.full(1, 0.5)
    )
    assert grown.last.tolist() == [True]


def test_twigs_are_thinner_than_what_they_leave(branches):
    side = twigs(np.random.default_rng(1), branches, 5.0)
    assert len(side.last) > 50 and side.last.all()
    assert side.radius.max() < branches.radius.max()


def share_of(start, stop, radius, thickness):
    path = np.linspace(start, stop, 5)[None]
    share, seen = slice_share(path, np.full((1, 5), radius), thickness)
    return share[0], seen[0]


def test_level_tube_fills_its_diameter():
    share, seen = share_of([0.0, 0, 0], [10, 0, 0], 0.5, 2.0)
    np.testing.assert_allclose(share, 0.5)
    np.testing.assert_allclose(seen, 0.5)


def test_upright_tube_fills_the_slice_and_keeps_its_width():
    share, seen = share_of([0.0, 0, -8], [0, 0, 8], 0.5, 2.0)
    assert share[2] == 1 and share[0] == 0
    assert seen[2] == 0.5


def test_tube_beside_the_slice_shows_as_far_as_it_reaches_in():
    share, seen = share_of([0.0, 0, 1.4], [10, 0, 1.4], 0.5, 2.0)
    np.testing.assert_allclose(share, 0.05)
    np.testing.assert_allclose(seen, 0.3)  # the 3-4-5 triangle
    share, seen = share_of([0.0, 0, 1.6], [10, 0, 1.6], 0.5, 2.0)
    assert not share.any() and not seen.any()


@pytest.mark.parametrize("radius", [0.1, 0.3, 0.5, 1.0, 1.7])
def test_canvas_draws_tubes_with_their_width_and_share(radius):
    canvas = Canvas(64, 0.25)
    path = np.stack([np.linspace(-40, 100, 3), np.linspace(24, 40, 3)], axis=1)
    canvas.add(path[None], np.full((1, 3), radius), np.full((1, 3), 0.6))
    plane = canvas.fractions()
    assert plane.max() < 0.61
    # Widths of wide tubes are rounded.
    across = plane.sum(axis=0).mean() * 0.25 * np.cos(np.arctan(16 / 140))
    assert across == pytest.approx(2 * radius * 0.6, rel=0.2)


def test_empty_canvas():
    assert not Canvas(8, 0.25).fractions().any()
