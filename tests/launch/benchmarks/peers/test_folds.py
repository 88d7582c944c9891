"""Folds of patients: everybody is tested once, nobody is in two splits, records stay."""

import numpy as np
import pytest

from casgan_jax.records.identity import digest
from casgan_jax.records.prepared import load_split, read_metadata
from casgan_jax.records.splits import SPLITS
from launch.benchmarks.peers.folds import split_in_fold, write_fold
from tests.faults import fault_of

FOLDS = 4


def test_every_patient_is_tested_once():
    names = [f"patient-{index}" for index in range(500)]
    splits = {name: [split_in_fold(name, fold, FOLDS) for fold in range(FOLDS)] for name in names}
    assert all(of_one.count("test") == 1 for of_one in splits.values())
    first = [of_one[0] for of_one in splits.values()]
    shares = [first.count(split) / len(names) for split in SPLITS]
    assert shares == pytest.approx([0.675, 0.075, 0.25], abs=0.05)


def test_a_fold_is_a_data_set_of_the_same_records(discs, tmp_path):
    found = {}
    for fold in range(FOLDS):
        place = write_fold(discs, tmp_path / str(fold), fold, FOLDS)
        assert read_metadata(place) == read_metadata(discs)
        splits = {split: load_split(place, split) for split in SPLITS}
        patients = {split: {one["patient"] for one in some} for split, some in splits.items()}
        assert not patients["train"] & patients["test"]
        assert not patients["validation"] & (patients["test"] | patients["train"])
        assert sum(map(len, splits.values())) == 60
        found |= {one["key"]: one for one in splits["test"]}
    assert len(found) == 60
    for original in load_split(discs, "train"):
        for name, value in original.items():
            np.testing.assert_array_equal(found[original["key"]][name], value)


def test_a_fold_is_written_once_and_whole(discs, tmp_path):
    place = write_fold(discs, tmp_path, 0, FOLDS)
    before = digest(place)
    assert write_fold(discs, tmp_path, 0, FOLDS) == place and digest(place) == before
    assert [path.name for path in tmp_path.iterdir()] == [place.name]


def test_too_many_folds_are_told(discs, tmp_path):
    assert fault_of(lambda: write_fold(discs, tmp_path, 0, 5000)).what == "fold 1 of 5000"
