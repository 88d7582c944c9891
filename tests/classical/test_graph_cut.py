"""Graph cut of a lesion from a click."""

import cv2
import numpy as np
import pytest

from casgan_jax.classical.graph_cut import click_seeds, graph_cut
from casgan_jax.metrics import dice
from tests.classical.patches import disc, noisy
from tests.faults import fault_of

MIDDLE = (23.5, 23.5)


def cut(image, mark=MIDDLE, **options):
    return graph_cut(image, *click_seeds(image.shape, mark), **options)


def test_seeds_of_a_click():
    lesion, background = click_seeds((10, 12), (4.0, 3.0), radius=1.0)
    found = {tuple(place) for place in np.argwhere(lesion)}
    assert found == {(3, 4), (2, 4), (4, 4), (3, 3), (3, 5)}
    assert background.sum() == 2 * 12 + 2 * 8 and not background[1:-1, 1:-1].any()


def test_seeds_never_meet_and_are_never_empty():
    lesion, background = click_seeds((10, 10), (0.0, 5.0), radius=2.0)
    assert lesion[5, 0] and not (lesion & background).any()
    assert click_seeds((10, 10), (4.5, 4.5), radius=0.1)[0].sum() == 4


@pytest.mark.parametrize("inside, outside", [(0.7, 0.3), (0.3, 0.7), (0.5, 0.3)])
def test_two_regions_in_noise(inside, outside):
    lesion = disc(48, 10)
    found = cut(noisy(lesion, inside=inside, outside=outside))
    assert found.dtype == bool
    assert dice(found, lesion) > 0.98


def test_seeds_win_over_intensities():
    image = noisy(disc(48, 10))
    lesion, background = click_seeds(image.shape, MIDDLE)
    lesion[4, 20:28] = True  # dark
    background[20:24, 28] = True  # bright
    found = graph_cut(image, lesion, background)
    assert found[lesion].all() and not found[background].any()


def test_what_looks_alike_elsewhere_is_not_the_lesion():
    lesion, other = disc(48, 7), disc(48, 4, (38, 38))
    found = cut(noisy(lesion | other))
    assert dice(found, lesion) > 0.97 and not found[other].any()


def test_an_enlarged_patch_is_cut_alike():
    image = noisy(disc(48, 10)).astype(np.float32)
    fine = cv2.resize(image, (192, 192), interpolation=cv2.INTER_LINEAR)
    seeds = click_seeds(fine.shape, (95.5, 95.5), radius=8.0)
    found = graph_cut(np.clip(fine, 0, 1), *seeds, spacing=0.25)
    native = found.reshape(48, 4, 48, 4).mean(axis=(1, 3)) >= 0.5
    assert dice(native, cut(image)) > 0.97


def test_it_is_deterministic_and_leaves_its_input_alone():
    image = noisy(disc(48, 10))
    seeds = click_seeds(image.shape, MIDDLE)
    before = image.copy(), seeds[0].copy(), seeds[1].copy()
    np.testing.assert_array_equal(graph_cut(image, *seeds), graph_cut(image, *seeds))
    for now, then in zip((image, *seeds), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_what_cannot_be_cut():
    image = noisy(disc(16, 4))
    lesion, background = click_seeds(image.shape, (7.5, 7.5))
    error = fault_of(click_seeds, (16, 16), (16.0, 3.0))
    assert error.what == "mark" and "16.0" in error.found
    error = fault_of(graph_cut, image, np.zeros_like(lesion), background)
    assert error.what == "lesion" and "0 pixels" in error.found
    assert fault_of(graph_cut, image, lesion, background.astype(float)).what == "background"
    assert fault_of(graph_cut, image, lesion, background | lesion).what == "lesion, background"
    assert fault_of(graph_cut, image, lesion, background[1:]).what == "background"
    assert fault_of(graph_cut, 255 * image, lesion, background).what == "image"
    assert fault_of(graph_cut, image[None], lesion, background).what == "image"
    assert fault_of(graph_cut, image, lesion, background, spacing=0).what == "spacing"
    assert fault_of(graph_cut, image, lesion, background, sigma=0).what == "sigma"
