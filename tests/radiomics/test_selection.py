"""Which lesions table 5 is measured on."""

import numpy as np
import pytest

from casgan_jax.radiomics.selection import Rating, read_ratings, select_lidc, select_phantoms
from casgan_jax.records.splits import split_of
from datasets.base import prepare
from tests.faults import fault_of
from tests.radiomics.rated import SLICES, Rated

SPLITS = sorted({split_of(row[0]) for row in SLICES})
HEADER = "patient,nodule,n_readers,margin_mean,spiculation_mean\n"


@pytest.fixture(scope="module")
def rated(tmp_path_factory):
    root = tmp_path_factory.mktemp("rated")
    return prepare(Rated, root, workers=0, show_progress=False).path


@pytest.fixture
def ratings(tmp_path):
    """Writes {"P0,0": (spiculation, margin)}."""

    def write(**rated):
        path = tmp_path / "ratings.csv"
        lines = [f"{k[:2]},{k[3:]},4,{margin},{spic}\n" for k, (spic, margin) in rated.items()]
        path.write_text(HEADER + "".join(lines))
        return path

    return write


SMOOTH = {"P0_0": (1, 5), "P0_1": (1.25, 5), "P1_0": (1.5, 5), "P2_0": (1.5, 4.5), "P3_0": (2, 3)}
ROUGH = {"P5_0": (5, 4), "P6_0": (5, 2), "P7_0": (3, 1), "P8_0": (2.75, 1)}


def names(lesions, spiculated):
    return [one.lesion for one in lesions if one.spiculated is spiculated]


def select(data, ratings, **options):
    return select_lidc(data, ratings(**SMOOTH, **ROUGH), splits=SPLITS, **options)


def test_extremes_first_margin_between_equals_one_lesion_a_patient(rated, ratings):
    found = select(rated, ratings, per_class=3)
    assert names(found, True) == ["P6/nodule-0", "P5/nodule-0", "P7/nodule-0"]
    assert names(found, False) == ["P0/nodule-0", "P1/nodule-0", "P2/nodule-0"]


def test_a_second_lesion_of_a_patient_where_there_are_too_few(rated, ratings):
    ratings_of = {**SMOOTH, "P7_0": (4, 1), "P8_0": (3, 1)} | {"P5_0": (5, 4), "P6_0": (5, 2)}
    path = ratings(**{k: v for k, v in ratings_of.items() if k not in ("P2_0", "P3_0")})
    found = select_lidc(rated, path, splits=SPLITS, per_class=3)
    assert names(found, False) == ["P0/nodule-0", "P1/nodule-0", "P0/nodule-1"]


def test_the_slice_of_the_largest_consensus_and_its_planes(rated, ratings):
    lesion = select(rated, ratings, per_class=1)[0]
    assert lesion.key == "P0/nodule-0/slice-1"
    assert (lesion.patient, lesion.spiculated) == ("P0", False)
    assert lesion.consensus.dtype == bool
    assert lesion.image.shape == lesion.alpha.shape == lesion.consensus.shape == (32, 32)
    assert lesion.alpha[0, 0] == 0.25  # soft values stay soft
    np.testing.assert_array_equal(lesion.alpha == 1, lesion.consensus)
    assert lesion.image[lesion.consensus].mean() > 0 > lesion.image[~lesion.consensus].mean()
    assert lesion.spacing_mm == pytest.approx(0.7)


def test_equals_are_drawn_by_the_seed(rated, ratings):
    path = ratings(**{f"P{n}_0": (1, 5) for n in range(5)}, **ROUGH)
    draws = [
        names(select_lidc(rated, path, splits=SPLITS, per_class=2, seed=seed), False)
        for seed in (0, 0, 1, 2, 3)
    ]
    assert draws[0] == draws[1]
    assert len({tuple(draw) for draw in draws}) > 1


def test_matched_in_area(rated, ratings):
    # P5, P6 have radius 9 and 10; of the smooth ones P0 has 9, P1 to P3 have 4 to 6.
    path = ratings(**SMOOTH | {"P0_0": (2, 3)}, **ROUGH)
    free = select_lidc(rated, path, splits=SPLITS, per_class=2)
    matched = select_lidc(rated, path, splits=SPLITS, per_class=2, match_area=True)
    assert names(free, True) == names(matched, True)
    assert names(free, False) == ["P0/nodule-1", "P1/nodule-0"]
    assert names(matched, False) == ["P0/nodule-0", "P3/nodule-0"]
    groups = {one.lesion: one.group for one in matched if not one.spiculated}
    assert groups == {"P0/nodule-0": "P6", "P3/nodule-0": "P5"}
    assert all(one.group == one.patient for one in free)


def test_only_from_the_splits_that_are_named(rated, ratings):
    rough = [row[0] for row in SLICES if row[4] and split_of(row[0]) == "train"]
    everything = {f"P{n}_0": (1, 5) for n in range(5)} | {f"{name}_0": (5, 1) for name in rough}
    found = select_lidc(rated, ratings(**everything), splits=["train"], per_class=2)
    assert {split_of(one.patient) for one in found} == {"train"}


def test_too_few(rated, ratings):
    error = fault_of(select, rated, ratings, per_class=4)
    assert error.what == "per_class" and "3 spiculated" in error.found
    error = fault_of(select_lidc, rated, ratings(**ROUGH), splits=SPLITS, per_class=2)
    assert error.what == "per_class" and "0 smooth" in error.found


def test_phantoms_by_how_they_were_drawn(rated):
    found = select_phantoms(rated, per_class=3, splits=SPLITS)
    assert names(found, True) == ["P8/nodule-0", "P7/nodule-0", "P6/nodule-0"]
    # P3 has lobes, P9 less than 35 pixels.
    assert set(names(found, False)) <= {f"P{n}/nodule-0" for n in (0, 1, 2, 4)} | {"P0/nodule-1"}
    assert len({one.patient for one in found}) == 6


def test_ratings_are_means_by_lesion(ratings):
    found = read_ratings(ratings(P0_0=(1.25, 4.5), P0_12=(5, 1)))
    assert found == {"P0/nodule-0": Rating(1.25, 4.5), "P0/nodule-12": Rating(5.0, 1.0)}


@pytest.mark.parametrize("value", ["", "none", "0", "5.5", "nan"])
def test_refuses_ratings(ratings, value):
    error = fault_of(read_ratings, ratings(P0_0=(value, 3)))
    assert error.what.endswith("/ratings.csv:2") and "spiculation_mean" in error.found


def test_refuses_a_file_without_the_columns(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("patient,nodule\nP0,0\n")
    error = fault_of(read_ratings, path)
    assert (
        error.what.endswith("/other.csv")
        and "spiculation_mean" in error.expected
        and "margin_mean" in error.expected
    )
