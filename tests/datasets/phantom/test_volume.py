"""Made lesions in space: what is known of their volume, whatever the slices."""

import numpy as np
import pytest

from datasets.phantom import volume
from datasets.phantom.volume import KINDS, make_volume_phantom


@pytest.mark.slow
@pytest.mark.parametrize("index", range(len(KINDS)))
def test_soft_volume_is_the_true_one_in_slices_of_any_thickness(index):
    thin, thick = (make_volume_phantom(0, index, mm) for mm in (1.25, 5.0))
    for made in (thin, thick):
        assert made.kind == KINDS[index]
        assert made.image.shape == made.true_alpha.shape and made.image.dtype == np.int16
        soft = made.true_alpha.sum() * np.prod(made.spacing_mm)
        assert soft == pytest.approx(made.volume_mm3, rel=0.01)
        assert made.true_alpha[[0, -1]].max() == 0  # it ends within the slices
    assert thin.volume_mm3 == pytest.approx(thick.volume_mm3, rel=0.03)


def test_an_ellipsoid_has_its_formula_s_volume(monkeypatch):
    scene = volume._Scene(np.array([[0, 0, 0, 5.0, 4.0, 3.0]]), np.eye(3))
    monkeypatch.setattr(volume, "_random_scene", lambda *_: scene)
    made = make_volume_phantom(0, 0, 2.5)
    assert made.volume_mm3 == pytest.approx(4 / 3 * np.pi * 5 * 4 * 3, rel=0.01)


def test_the_image_shows_alpha_and_the_same_numbers_make_the_same():
    made, again = (make_volume_phantom(0, 4, 2.5) for _ in range(2))
    np.testing.assert_array_equal(made.image, again.image)
    lesion, lung = made.image[made.true_alpha > 0.99], made.image[made.true_alpha < 0.01]
    assert lesion.mean() > -50 and lung.mean() < -800
