"""The minimum cut against all masks of a small plane."""

import itertools

import numpy as np
import pytest

from casgan_jax.classical.min_cut import OFFSETS, contrast_links, minimum_cut, pairs

MASKS = np.array(list(itertools.product([False, True], repeat=9))).reshape(-1, 3, 3)


def energy(mask, preference, links):
    """Lesion costs -preference, background nothing: differences are all that matters."""
    total = -preference[mask].sum()
    for (rows, columns), link in zip(OFFSETS, links, strict=True):
        for row, column in itertools.product(range(3), range(3)):
            other = (row + rows, column + columns)
            if 0 <= other[0] < 3 and 0 <= other[1] < 3:
                parted = mask[row, column] != mask[other]
                total += parted * link[row, min(column, other[1])]
    return total


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_the_cut_is_the_best_of_all_512_masks(seed):
    rng = np.random.default_rng(seed)
    preference = rng.normal(0, 1, (3, 3))
    links = contrast_links(rng.uniform(0, 1, (3, 3)), 0.4)
    if seed % 2:
        preference[0, 0], preference[2, 1] = 1e3, -1e3
    best = min(MASKS, key=lambda mask: energy(mask, preference, links))
    np.testing.assert_array_equal(minimum_cut(preference, links), best)


def test_some_of_those_cuts_are_not_a_threshold_of_the_preference():
    def cut_and_threshold(seed):
        rng = np.random.default_rng(seed)
        preference = rng.normal(0, 1, (3, 3))
        links = contrast_links(rng.uniform(0, 1, (3, 3)), 0.4)
        return minimum_cut(preference, links), preference > 0

    assert any((np.not_equal(*cut_and_threshold(seed))).any() for seed in range(0, 20, 2))


def test_links_by_hand():
    image = np.array([[0.2, 0.2, 0.5], [0.2, 0.4, 0.5]])
    right, down, down_right, down_left = contrast_links(image, 0.1)
    np.testing.assert_allclose(right[0], [1.0, np.exp(-4.5)])
    np.testing.assert_allclose(down, [[1.0, np.exp(-2.0), 1.0]])
    np.testing.assert_allclose(down_right, np.exp([[-2.0, -4.5]]) / np.sqrt(2))
    np.testing.assert_allclose(down_left, np.exp([[0.0, -0.5]]) / np.sqrt(2))


def test_each_pair_of_eight_neighbours_once():
    pixels = np.arange(12).reshape(3, 4)
    found = [
        frozenset(pair)
        for offset in OFFSETS
        for pair in zip(*(end.ravel() for end in pairs(pixels, offset)), strict=True)
    ]
    places = list(itertools.product(range(3), range(4)))
    near = [
        frozenset((4 * a + b, 4 * c + d))
        for (a, b), (c, d) in itertools.combinations(places, 2)
        if max(abs(a - c), abs(b - d)) == 1
    ]
    assert len(found) == len(set(found)) and set(found) == set(near)


def test_given_labels_are_kept_and_ties_are_background():
    links = contrast_links(np.zeros((5, 5)), 0.1)
    assert not minimum_cut(np.zeros((5, 5)), links).any()
    preference = np.full((5, 5), -np.inf)
    preference[2, 2] = np.inf
    assert np.argwhere(minimum_cut(preference, links)).tolist() == [[2, 2]]
    assert minimum_cut(np.full((5, 5), np.inf), links).all()


def test_a_plane_of_one_row():
    links = contrast_links(np.array([[0.1, 0.1, 0.9, 0.9]]), 0.1)
    cut = minimum_cut(np.array([[3.0, 0, 0, -3.0]]), links)
    assert cut.tolist() == [[True, True, False, False]]
