"""Features weighted by alpha or over thresholds: on binary masks they are pyradiomics'."""

import numpy as np
import pytest

from casgan_jax.radiomics.features import (
    EIGHT_BITS,
    HOUNSFIELD,
    mask_features,
    soft_mask_features,
)
from casgan_jax.radiomics.soft_features import (
    THRESHOLDS,
    threshold_features,
    weighted_first_order,
    weighted_quantiles,
)
from tests.faults import fault_of
from tests.radiomics.regions import ct_like, needs_pyradiomics, soft_disc


@needs_pyradiomics
@pytest.mark.parametrize("intensities", [HOUNSFIELD, EIGHT_BITS])
@pytest.mark.parametrize("seed", [0, 1])
def test_weighted_by_a_binary_mask_are_pyradiomics(intensities, seed):
    image, mask = ct_like(seed), soft_disc() >= 0.3
    expected = mask_features(image, mask, intensities=intensities, spacing_mm=0.7)
    found = weighted_first_order(
        image, mask.astype(np.float32), intensities=intensities, spacing_mm=0.7
    )
    assert set(found) == {name for name in expected if name.startswith("firstorder_")}
    for name, value in found.items():
        assert value == pytest.approx(expected[name], rel=1e-9), name


@needs_pyradiomics
def test_weighted_by_a_binary_mask_on_a_flat_image():
    image, mask = np.full((40, 40), 9, np.uint8), soft_disc() >= 0.3
    expected = mask_features(image, mask, intensities=EIGHT_BITS)
    found = weighted_first_order(image, mask.astype(np.float32), intensities=EIGHT_BITS)
    for name, value in found.items():
        assert value == pytest.approx(expected[name], abs=1e-9), name


def test_only_the_energy_knows_how_large_equal_weights_are():
    image = ct_like()
    full = (soft_disc() >= 0.5).astype(np.float64)
    one = weighted_first_order(image, full, intensities=HOUNSFIELD)
    half = weighted_first_order(image, 0.5 * full, intensities=HOUNSFIELD)
    for name in ("firstorder_Energy", "firstorder_TotalEnergy"):
        assert half.pop(name) == pytest.approx(one.pop(name) / 2)
    assert half == pytest.approx(one)


def test_a_weight_of_one_half_is_half_a_pixel():
    image = np.array([[0.0, 100.0], [100.0, 500.0]])
    alpha = np.array([[1.0, 0.5], [0.5, 0.0]])
    found = weighted_first_order(image, alpha, intensities=HOUNSFIELD)
    assert found["firstorder_Mean"] == pytest.approx(50)
    assert found["firstorder_Variance"] == pytest.approx(2500)
    assert found["firstorder_Maximum"] == 100
    assert found["firstorder_Entropy"] == pytest.approx(1)


def test_quantiles_of_equal_weights_are_numpys():
    values = np.random.default_rng(0).normal(size=37)
    shares = (0, 0.1, 0.25, 0.5, 0.83, 1)
    for weight in (1.0, 0.3):
        found = weighted_quantiles(values, np.full(37, weight), shares)
        np.testing.assert_allclose(found, np.quantile(values, shares))


def test_quantiles_move_towards_the_weight():
    values = np.arange(5.0)
    light, heavy = (
        weighted_quantiles(values, np.array([1, 1, 1, 1, last]), (0.5,))[0] for last in (0.1, 3.0)
    )
    assert light < 2 < heavy


@needs_pyradiomics
def test_mean_and_spread_over_thresholds():
    image, alpha = ct_like(), soft_disc()
    found = threshold_features(image, alpha, intensities=HOUNSFIELD)
    assert len(found) == 186
    each = [
        soft_mask_features(image, alpha, threshold=t, intensities=HOUNSFIELD) for t in THRESHOLDS
    ]
    values = [one["ngtdm_Coarseness"] for one in each]
    assert len(set(values)) == 3
    assert found["ngtdm_Coarseness_mean"] == pytest.approx(np.mean(values))
    assert found["ngtdm_Coarseness_spread"] == pytest.approx(np.std(values))


@needs_pyradiomics
def test_a_binary_mask_has_no_spread():
    image, mask = ct_like(), soft_disc() >= 0.5
    found = threshold_features(image, mask.astype(np.float32), intensities=HOUNSFIELD)
    expected = mask_features(image, mask, intensities=HOUNSFIELD)
    for name, value in expected.items():
        assert found[f"{name}_mean"] == pytest.approx(value)
        assert found[f"{name}_spread"] == pytest.approx(0, abs=1e-9 * max(1, abs(value)))


@pytest.mark.parametrize(
    ("image", "alpha", "what"),
    [
        (ct_like(), 0 * soft_disc(), "alpha"),
        (ct_like()[1:], soft_disc(), "alpha"),
        (ct_like() * np.nan, soft_disc(), "image"),
        (ct_like(), 2 * soft_disc(), "alpha"),
    ],
)
def test_refuses(image, alpha, what):
    error = fault_of(weighted_first_order, image, alpha, intensities=HOUNSFIELD, told_remedy=False)
    assert error.what == what
