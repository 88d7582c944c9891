"""The 93 features: against sums written out, what they depend on, and what is refused."""

import ast
import csv
import itertools
import logging
import sys

import numpy as np
import pytest

from casgan_jax.grid import PAPER_THRESHOLD
from casgan_jax.radiomics import features
from casgan_jax.radiomics.features import (
    CLASSES,
    EIGHT_BITS,
    HOUNSFIELD,
    Intensities,
    mask_features,
    soft_mask_features,
)
from tests.faults import fault_of
from tests.radiomics.regions import ct_like, needs_pyradiomics, soft_disc
from tests.shared_data import shared_data

IMAGE, MASK = ct_like(), soft_disc() >= 0.5


@needs_pyradiomics
def test_the_papers_93_features():
    found = mask_features(IMAGE, MASK, intensities=HOUNSFIELD)
    assert len(found) == 93
    for name, count in CLASSES.items():
        assert sum(key.startswith(f"{name}_") for key in found) == count
    assert not any("shape" in name for name in found)
    assert all(type(value) is float and np.isfinite(value) for value in found.values())


@needs_pyradiomics
def test_first_order_features_are_those_of_the_pixels_in_the_region():
    found = mask_features(IMAGE, MASK, intensities=HOUNSFIELD)
    values = IMAGE[MASK].astype(float)
    assert found["firstorder_Mean"] == pytest.approx(values.mean())
    assert found["firstorder_Variance"] == pytest.approx(values.var())
    assert found["firstorder_90Percentile"] == pytest.approx(np.percentile(values, 90))
    assert found["firstorder_Energy"] == pytest.approx(((values + 1000) ** 2).sum())
    _, counts = np.unique(np.floor(values / 25), return_counts=True)
    assert found["firstorder_Uniformity"] == pytest.approx(((counts / counts.sum()) ** 2).sum())


@needs_pyradiomics
def test_glcm_contrast_and_zones_written_out():
    levels = np.random.default_rng(3).integers(1, 5, (6, 7))
    mask = np.ones(levels.shape, bool)  # the whole image, which pyradiomics alone refuses
    found = mask_features(levels, mask, intensities=Intensities(bin_width=1.0))
    contrasts = []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        pairs = [
            (levels[y, x] - levels[y + down, x + right]) ** 2
            for y, x in itertools.product(range(6), range(7))
            if y + down < 6 and 0 <= x + right < 7
        ]
        contrasts.append(np.mean(pairs))
    assert found["glcm_Contrast"] == pytest.approx(np.mean(contrasts))
    assert found["glszm_ZonePercentage"] == pytest.approx(_zones(levels) / levels.size)


def _zones(levels):
    """Number of 8-connected zones of one level."""
    from scipy import ndimage

    return sum(ndimage.label(levels == level, np.ones((3, 3)))[1] for level in np.unique(levels))


@pytest.mark.slow
@needs_pyradiomics
@pytest.mark.parametrize("case", ["breast1", "brain1"])
@pytest.mark.parametrize("name", CLASSES)
def test_this_build_reproduces_the_values_that_pyradiomics_publishes(name, case):
    featureextractor = features._pyradiomics()
    with shared_data("radiomics", f"baseline_{name}.csv").open() as file:
        expected = {row["featureName"]: row[case] for row in csv.DictReader(file)}
    settings = ast.literal_eval(expected["diagnostics_Configuration_Settings"])
    extractor = featureextractor.RadiomicsFeatureExtractor(**settings | {"additionalInfo": False})
    extractor.disableAllFeatures()
    extractor.enableFeatureClassByName(name)
    files = (shared_data("radiomics", f"{case}_{kind}.nrrd") for kind in ("image", "label"))
    found = extractor.execute(*map(str, files))
    assert len(found) == CLASSES[name]
    for feature, value in found.items():
        assert float(value) == pytest.approx(float(expected[feature]), rel=1e-6), feature


@needs_pyradiomics
def test_only_the_region_counts_not_its_place():
    found = mask_features(IMAGE, MASK, intensities=HOUNSFIELD)
    changed = np.where(MASK, IMAGE, 3000)
    assert mask_features(changed, MASK, intensities=HOUNSFIELD) == found
    moved = [np.roll(plane, (5, -4), (0, 1)) for plane in (IMAGE, MASK)]
    assert mask_features(*moved, intensities=HOUNSFIELD) == found


@needs_pyradiomics
def test_eight_bits_do_not_depend_on_brightness_and_contrast():
    def textures(image):
        found = mask_features(image, MASK, intensities=EIGHT_BITS)
        return {name: v for name, v in found.items() if not name.startswith("firstorder")}

    image = np.random.default_rng(0).integers(0, 100, MASK.shape)
    assert textures(image) == textures(2 * image + 16)


@needs_pyradiomics
def test_the_spacing_changes_the_total_energy_alone():
    one = mask_features(IMAGE, MASK, intensities=HOUNSFIELD)
    half = mask_features(IMAGE, MASK, intensities=HOUNSFIELD, spacing_mm=0.5)
    assert half.pop("firstorder_TotalEnergy") == pytest.approx(
        one.pop("firstorder_TotalEnergy") / 4
    )
    assert half == one


@needs_pyradiomics
@pytest.mark.parametrize("threshold", [0.25, PAPER_THRESHOLD, 1.0])
def test_a_soft_mask_is_hardened_where_the_caller_says(threshold):
    soft = soft_mask_features(IMAGE, soft_disc(), threshold=threshold, intensities=HOUNSFIELD)
    assert soft == mask_features(IMAGE, soft_disc() >= threshold, intensities=HOUNSFIELD)


@needs_pyradiomics
def test_says_nothing(caplog, capfd):
    with caplog.at_level(logging.INFO):
        mask_features(IMAGE, MASK, intensities=EIGHT_BITS)
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


@needs_pyradiomics
def test_a_flat_region_has_finite_features():
    flat = np.full(MASK.shape, 7, np.uint8)
    found = mask_features(flat, MASK, intensities=EIGHT_BITS)
    assert found["firstorder_Entropy"] == pytest.approx(0, abs=1e-12)
    assert found["glcm_Contrast"] == 0


def _mask(*pixels):
    mask = np.zeros(IMAGE.shape, bool)
    mask[tuple(zip(*pixels, strict=True))] = True
    return mask


@pytest.mark.parametrize(
    ("image", "mask", "what"),
    [
        pytest.param(IMAGE, soft_disc(), "mask", id="float32"),
        pytest.param(IMAGE, MASK.astype(np.uint8), "mask", id="uint8"),
        pytest.param(IMAGE[1:], MASK, "mask", id="shape"),
        pytest.param(np.stack([IMAGE, IMAGE]), np.stack([MASK, MASK]), "mask", id="shape"),
        pytest.param(np.where(MASK, np.nan, 0.0), MASK, "image", id="not finite"),
        pytest.param(IMAGE, np.zeros_like(MASK), "mask", id="0 pixels"),
        pytest.param(IMAGE, _mask((3, 3), (3, 4), (3, 5)), "mask", id="1 rows"),
        pytest.param(IMAGE, _mask((3, 3), (4, 4)), "mask", id="2 pixels"),
        pytest.param(
            IMAGE, _mask((3, 3), (9, 9), (20, 3), (30, 30)), "mask", id="no two pixels that touch"
        ),
    ],
)
def test_refuses(image, mask, what):
    error = fault_of(mask_features, image, mask, intensities=HOUNSFIELD, told_remedy=False)
    assert error.what == what


@pytest.mark.parametrize(
    ("alpha", "threshold", "what"),
    [
        ((255 * soft_disc()).astype(np.uint8), 0.5, "alpha"),
        (255 * soft_disc(), 0.5, "alpha"),
        (soft_disc() * np.nan, 0.5, "alpha"),
        (soft_disc(), 0.0, "threshold"),
        (0.6 * soft_disc(), 0.75, "soft mask at the threshold 0.75: mask"),
    ],
)
def test_refuses_soft(alpha, threshold, what):
    error = fault_of(soft_mask_features, IMAGE, alpha, threshold=threshold, intensities=HOUNSFIELD)
    assert error.what == what


def test_one_way_of_binning():
    with pytest.raises(ValueError, match="expected one of them"):
        Intensities(bin_width=25.0, bin_count=32)
    with pytest.raises(ValueError, match="expected one of them"):
        Intensities()


def test_without_pyradiomics_the_commands_that_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "radiomics", None)
    features._extractor.cache_clear()
    error = fault_of(mask_features, IMAGE, MASK, intensities=HOUNSFIELD)
    assert error.what == "pyradiomics"
    if sys.version_info < (3, 12):
        assert "pip install --no-build-isolation pyradiomics==3.0.1" in str(error)
    else:
        assert "Python 3.11 only" in str(error)
