"""The feature sets that are compared, on one lesion."""

import numpy as np
import pytest

from casgan_jax.radiomics.feature_sets import FEATURE_SETS, feature_table
from casgan_jax.radiomics.features import HOUNSFIELD
from casgan_jax.radiomics.selection import SelectedLesion
from tests.faults import fault_of
from tests.radiomics.regions import ct_like, needs_pyradiomics, soft_disc


def lesion(alpha):
    consensus = soft_disc() > 0.6
    return SelectedLesion("P0/0/3", "P0/0", "P0", True, ct_like(), alpha, consensus, 0.7, "P0")


@needs_pyradiomics
def test_numbers_of_features():
    sizes = {
        name: feature_table([lesion(soft_disc())], name, HOUNSFIELD).shape for name in FEATURE_SETS
    }
    assert sizes == {
        "binary": (1, 93),
        "soft_128": (1, 93),
        "soft_any": (1, 93),
        "soft_thresholds": (1, 186),
        "soft_weighted": (1, 93),
        "area": (1, 1),
    }


@needs_pyradiomics
def test_all_soft_sets_of_a_binary_mask_are_those_of_the_binary_mask():
    one = lesion((soft_disc() > 0.6).astype(np.float32))
    binary = FEATURE_SETS["binary"](one, HOUNSFIELD)
    for name in ("soft_128", "soft_any", "soft_weighted"):
        found = FEATURE_SETS[name](one, HOUNSFIELD)
        assert list(found) == list(binary)
        assert found == pytest.approx(binary, rel=1e-9), name


@needs_pyradiomics
def test_a_lower_threshold_sees_more():
    soft = lesion(soft_disc())
    count = {
        name: FEATURE_SETS[name](soft, HOUNSFIELD)["glrlm_RunLengthNonUniformity"]
        for name in ("soft_128", "soft_any")
    }
    assert count["soft_any"] > count["soft_128"]


def test_an_error_names_the_lesion():
    error = fault_of(feature_table, [lesion(0.4 * soft_disc())], "soft_128", HOUNSFIELD)
    assert error.what == "P0/0/3, soft_128: soft mask at the threshold 0.502: mask"
