"""A level set held to a shape."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from casgan_jax.classical.level_set import shape_driven_level_set, signed_distance, smooth_step
from casgan_jax.metrics import dice
from tests.classical.patches import disc, noisy
from tests.faults import fault_of


def test_signed_distance_of_a_half_plane_and_a_disc():
    half = np.zeros((5, 6), bool)
    half[:, 3:] = True
    np.testing.assert_allclose(signed_distance(half), np.tile(np.arange(-2.5, 3), (5, 1)))
    rows, columns = np.mgrid[:33, :33] - 16.0
    expected = 10 - np.hypot(rows, columns)
    assert np.abs(signed_distance(disc(33, 10)) - expected).max() < 0.75


def test_the_smooth_step():
    np.testing.assert_allclose(
        smooth_step(np.array([-9.0, -1.5, 0.0, 1.5, 9.0])), [0, 0, 0.5, 1, 1], atol=1e-12
    )
    assert (np.diff(smooth_step(np.linspace(-1.5, 1.5, 50))) > 0).all()


def test_a_disc_stays():
    lesion = disc(48, 10)
    found = shape_driven_level_set(noisy(lesion), gaussian_filter(lesion.astype(float), 1))
    assert found.dtype == bool and dice(found, lesion) > 0.98


def wedged():
    """A disc of which the image lacks a wedge."""
    lesion = disc(48, 12)
    rows, columns = np.mgrid[:48, :48] - 23.5
    gap = lesion & (columns > 3) & (np.abs(rows) < 0.4 * columns)
    return lesion, gap, noisy(lesion & ~gap)


def test_the_shape_term_repairs_a_gap():
    lesion, gap, image = wedged()
    shape = 0.1 + 0.8 * gaussian_filter(lesion.astype(float), 1)
    options = {"region": 1.0, "length": 0.1, "iterations": 300}
    held = shape_driven_level_set(image, shape, shape=3, **options)
    free = shape_driven_level_set(image, shape, shape=0, **options)
    assert dice(held, lesion) > 0.97 and held[gap].mean() > 0.9
    assert free[gap].mean() < 0.3
    assert dice(free, lesion & ~gap) > 0.93


@pytest.mark.parametrize("radius", [8, 12])
def test_the_image_moves_an_unsure_outline(radius):
    lesion = disc(48, 10)
    probability = 0.25 + 0.5 * gaussian_filter(disc(48, radius).astype(float), 2)
    found = shape_driven_level_set(noisy(lesion), probability, region=1, shape=0.2)
    assert dice(probability >= 0.5, lesion) < 0.88
    assert dice(found, lesion) > 0.96


def outline_length(mask):
    return sum(np.count_nonzero(np.diff(mask, axis=axis)) for axis in (0, 1))


def test_length_smooths_the_outline():
    rng = np.random.default_rng(0)
    lesion = disc(48, 12)
    ragged = lesion ^ ((rng.uniform(size=lesion.shape) < 0.3) & disc(48, 14) & ~disc(48, 10))
    found = shape_driven_level_set(
        np.full(lesion.shape, 0.5), ragged.astype(float), region=0, length=1, shape=0, iterations=20
    )
    assert outline_length(found) < 0.4 * outline_length(ragged)
    assert dice(found, lesion) > 0.88  # and shrinks, as length does


def test_an_enlarged_patch_evolves_alike():
    lesion = disc(48, 10)
    image = noisy(lesion).astype(np.float32)
    probability = (0.25 + 0.5 * gaussian_filter(disc(48, 12).astype(float), 2)).astype(np.float32)
    options = {"region": 1.0, "shape": 0.2}
    native = shape_driven_level_set(image, probability, **options)
    fine = [cv2.resize(p, (96, 96), interpolation=cv2.INTER_LINEAR) for p in (image, probability)]
    found = shape_driven_level_set(*np.clip(fine, 0, 1), spacing=0.5, **options)
    again = found.reshape(48, 2, 48, 2).mean(axis=(1, 3)) >= 0.5
    assert dice(again, native) > 0.96


def test_without_a_curve_nothing_moves():
    image = noisy(disc(24, 5))
    assert not shape_driven_level_set(image, np.zeros((24, 24))).any()
    assert shape_driven_level_set(image, np.ones((24, 24))).all()


def test_the_threshold_is_where_the_curve_rests():
    probability = gaussian_filter(disc(48, 10).astype(float), 4)
    flat = np.full((48, 48), 0.5)
    for threshold in (0.3, 0.5, 0.7):
        found = shape_driven_level_set(
            flat, probability, threshold=threshold, region=0, length=0, shape=1
        )
        assert dice(found, probability >= threshold) > 0.97


def test_it_is_deterministic():
    lesion, _, image = wedged()
    first, second = (shape_driven_level_set(image, lesion.astype(float)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_weights_that_say_nothing():
    image = noisy(disc(24, 5))
    error = fault_of(
        shape_driven_level_set, image, image, region=0, length=0, shape=0, told_remedy=False
    )
    assert error.what == "region, length, shape"
    error = fault_of(shape_driven_level_set, image, image, region=-1, told_remedy=False)
    assert error.what == "region, length, shape" and "-1" in error.found
    assert fault_of(shape_driven_level_set, image, image, band=0).what == "band"
