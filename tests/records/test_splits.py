"""Patients to splits."""

import collections

import pytest

from casgan_jax.records.splits import SPLITS, check_disjoint, position_of, split_by_counts, split_of
from tests.faults import fault_of


def test_split_of_never_changes():
    # Prepared data sets and trained cascades depend on these.
    numbers = (1, 2, 3, 4, 5, 15)
    expected = ["train", "test", "train", "test", "validation", "validation"]
    assert [split_of(f"LIDC-IDRI-{number:04d}") for number in numbers] == expected


def test_shares_are_70_10_20():
    count = collections.Counter(split_of(f"patient {i}") for i in range(20_000))
    assert set(count) == set(SPLITS)
    assert count["train"] / 20_000 == pytest.approx(0.7, abs=0.01)
    assert count["validation"] / 20_000 == pytest.approx(0.1, abs=0.01)
    assert count["test"] / 20_000 == pytest.approx(0.2, abs=0.01)


def test_empty_name_is_refused():
    assert fault_of(split_of, "", told_remedy=False).what == "patient"


def test_splits_of_given_sizes_keep_patients_whole():
    records = {f"patient {i}": 1 + i % 3 for i in range(300)}
    splits = split_by_counts(records, test=200, validation=50)
    assert splits == split_by_counts(dict(reversed(records.items())), test=200, validation=50)
    count = collections.Counter()
    for patient, split in splits.items():
        count[split] += records[patient]
    assert sum(count.values()) == 600
    assert 200 <= count["test"] < 203
    assert 250 <= count["test"] + count["validation"] < 253
    # The test patients of 20% are among those of a third.
    assert all(splits[p] == "test" for p in records if position_of(p) > 0.8)


def test_disjoint_splits_pass():
    check_disjoint([("train", "a"), ("test", "b"), ("train", "a")])


def test_patient_in_two_splits_is_refused():
    error = fault_of(check_disjoint, [("train", "a"), ("test", "b"), ("test", "a")])
    assert error.what == "patient a" and "train" in error.found and "test" in error.found
