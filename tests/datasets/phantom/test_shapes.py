"""Lesion shapes: the share of every pixel is what a brute-force count says."""

import numpy as np
import pytest

from datasets.phantom import scanner, shapes
from datasets.phantom.axes import recist_axes
from datasets.phantom.phantom import compose

SIDE, SCALE = 32, 4
CENTRE = (15.3, 16.8)


def distance(samples):
    """Distance from CENTRE, native pixels, of samples x samples points a pixel of the 4x grid."""
    fine = SIDE * SCALE * samples
    axis = (np.arange(fine) + 0.5) / (SCALE * samples) - 0.5  # the image covers [-0.5, SIDE - 0.5]
    return np.hypot(axis[None] - CENTRE[0], axis[:, None] - CENTRE[1])


def block_mean(plane, size):
    side = plane.shape[0] // size
    return plane.reshape(side, size, side, size).mean((1, 3))


def test_disc_before_blur():
    radius = 5.2
    fraction = shapes.area_fraction(shapes.ellipse(radius, radius), CENTRE, SIDE, SCALE)
    truth = block_mean((distance(16) < radius).astype(float), 16)
    assert fraction.dtype == np.float32
    assert np.abs(fraction - truth).max() <= 0.15  # 16 samples a pixel
    assert np.abs(fraction - truth).mean() < 1e-3
    assert fraction.sum() / SCALE**2 == pytest.approx(np.pi * radius**2, rel=1e-3)


def test_more_samples_are_closer():
    radius = 5.2
    truth = block_mean((distance(16) < radius).astype(float), 16)
    fraction = shapes.area_fraction(
        shapes.ellipse(radius, radius), CENTRE, SIDE, SCALE, supersample=16
    )
    assert np.abs(fraction - truth).max() < 0.01


def test_disc_seen_through_the_blur():
    radius, psf = 5.2, 0.7
    fraction = shapes.area_fraction(shapes.ellipse(radius, radius), CENTRE, SIDE, SCALE)
    alpha = scanner.blur(fraction, SCALE * psf)
    # Brute force: the blur of the disc sampled 4 times as finely.
    fine = scanner.blur((distance(4) < radius).astype(np.float32), 4 * SCALE * psf)
    np.testing.assert_allclose(alpha, block_mean(fine, 4), atol=6e-3)
    assert alpha.min() >= 0 and alpha.max() <= 1 + 1e-6
    # What a native pixel holds of the lesion is the mean of its block.
    np.testing.assert_allclose(scanner.pixels(alpha, SCALE), block_mean(alpha, SCALE), atol=1e-6)
    assert alpha.sum() == pytest.approx(fraction.sum(), rel=1e-4)


def test_blurred_disc_in_its_middle():
    # A Gaussian's share within radius R of its centre: 1 - exp(-R^2 / 2 sigma^2).
    radius, psf = 1.5, 1.1
    middle = (15.5 + 0.125, 15.5 + 0.125)  # the centre of a pixel of the 4x grid
    fraction = shapes.area_fraction(shapes.ellipse(radius, radius), middle, SIDE, SCALE)
    alpha = scanner.blur(fraction, SCALE * psf)
    assert alpha.max() == pytest.approx(1 - np.exp(-(radius**2) / (2 * psf**2)), abs=4e-3)


def test_equation_1_without_texture():
    fraction = shapes.area_fraction(shapes.ellipse(6, 3), CENTRE, SIDE, SCALE)
    lesion, lung, psf = 40.0, -860.0, 2.4
    scene = compose(fraction, np.full_like(fraction, lesion), np.full_like(fraction, lung))
    alpha = scanner.blur(fraction, psf)
    mixed = alpha * lesion + (1 - alpha) * lung
    np.testing.assert_allclose(scanner.blur(scene, psf), mixed, atol=1e-2)
    native = scanner.pixels(alpha, SCALE)
    np.testing.assert_allclose(
        scanner.pixels(scanner.blur(scene, psf), SCALE),
        native * lesion + (1 - native) * lung,
        atol=1e-2,
    )


def test_share_of_a_ball_in_a_thick_slice():
    radius, thickness, offset = 5.0, 3.0, 3.0
    cross_section = np.sqrt(radius**2 - offset**2)
    disc = shapes.ellipse(cross_section, cross_section)
    ball = shapes.Outline(disc.radii, height=radius, depth=offset / radius)
    share = shapes.area_fraction(ball, CENTRE, SIDE, SCALE, supersample=2, thickness=thickness)
    bottom, top = offset - thickness / 2, offset + thickness / 2
    volume = np.pi * (radius**2 * thickness - (top**3 - bottom**3) / 3)
    assert share.sum() / SCALE**2 == pytest.approx(volume / thickness, rel=0.02)
    assert ((share > 0.02) & (share < 0.98)).mean() * SIDE**2 / (np.pi * radius**2) > 0.1


def test_ball_larger_than_its_cross_section_is_not_cut_off():
    """The slice's lower face sees more of the ball than its middle does."""
    ball = shapes.Outline(shapes.ellipse(3, 3).radii, height=5.0, depth=0.6)
    share = shapes.area_fraction(ball, (15.5, 15.5), SIDE, SCALE, thickness=4.0)
    wide = shapes.area_fraction(ball, (15.5, 15.5), SIDE, SCALE, thickness=0.0)
    assert (share > 0).sum() > (wide > 0).sum()
    rows, columns = np.nonzero(share)
    reach = np.hypot(rows - 63.5, columns - 63.5).max() / SCALE
    assert reach == pytest.approx(3 / np.sqrt(1 - 0.6**2) * np.sqrt(1 - 0.2**2), abs=0.3)


def test_spicules_reach_as_far_as_they_say():
    outline = shapes.random_outline(
        np.random.default_rng(3), np.pi * 25, spiculation=1.0, irregularity=0.0
    )
    body = shapes.Outline(outline.radii)
    with_spicules = shapes.area_fraction(outline, (15.5, 15.5), SIDE, SCALE)
    assert with_spicules.sum() > shapes.area_fraction(body, (15.5, 15.5), SIDE, SCALE).sum() * 1.02
    rows, columns = np.nonzero(with_spicules > 0)
    reach = np.hypot(rows - 63.5, columns - 63.5).max() / SCALE
    assert 0.8 * outline.reach < reach <= outline.reach + 0.3


@pytest.mark.parametrize("lobulation", [0.0, 1.0])
def test_random_outline_has_the_area_asked_for(lobulation):
    outline = shapes.random_outline(
        np.random.default_rng(1), 80.0, elongation=1.4, lobulation=lobulation
    )
    fraction = shapes.area_fraction(outline, (15.5, 15.5), SIDE, SCALE)
    assert fraction.sum() / SCALE**2 == pytest.approx(80.0, rel=0.01)


def test_outline_outside_the_crop_is_empty():
    assert not shapes.area_fraction(shapes.ellipse(3, 3), (60, 60), SIDE, SCALE).any()


@pytest.mark.parametrize("tilt", [0.0, 0.6])
def test_recist_axes_of_an_ellipse(tilt):
    long, short = 9.0, 4.0
    angle = shapes._angles() - tilt
    radii = 1 / np.hypot(np.cos(angle) / long, np.sin(angle) / short)
    mask = shapes.area_fraction(shapes.Outline(radii), CENTRE, SIDE, SCALE) >= 0.5
    axes = recist_axes(mask, SCALE).reshape(4, 2)
    assert axes.dtype == np.float32
    assert np.linalg.norm(axes[1] - axes[0]) == pytest.approx(2 * long, abs=0.4)
    assert np.linalg.norm(axes[3] - axes[2]) == pytest.approx(2 * short, abs=0.4)
    assert abs(np.dot(axes[1] - axes[0], axes[3] - axes[2])) < 1e-2
    np.testing.assert_allclose(axes[:2].mean(0), CENTRE, atol=0.3)


def test_recist_axes_of_one_pixel():
    mask = np.zeros((16, 16), bool)
    mask[8, 4] = True
    axes = recist_axes(mask, 4).reshape(4, 2)
    assert np.isfinite(axes).all()
    np.testing.assert_allclose(axes.mean(0), [(4 - 1.5) / 4, (8 - 1.5) / 4], atol=0.2)
