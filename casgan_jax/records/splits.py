"""Patients to splits: which third of the world a patient belongs to, for ever and everywhere.

The split is a function of the patient's name alone, so that slices of one patient never meet in two
splits, whatever the data set, the order of its files or the number of patients found.

    >>> split_of("LIDC-IDRI-0001")
    'train'
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from casgan_jax.errors import UserError

SPLITS = ("train", "validation", "test")

MANY_LESIONS = 20  # of validation: fewer make a rough choice of the threshold

_TRAIN_SHARE = 0.70
_VALIDATION_SHARE = 0.10  # the rest, 20%, is the test split


def split_of(patient: str) -> str:
    """Split of a patient: 70% train, 10% validation, 20% test, by the SHA-256 of its name.

    Args:
      patient: the patient's name as the data set spells it, e.g. "LIDC-IDRI-0001".

    Returns:
      "train", "validation" or "test".

    Raises:
      UserError: the name is empty.
    """
    position = position_of(patient)
    if position < _TRAIN_SHARE:
        return "train"
    if position < _TRAIN_SHARE + _VALIDATION_SHARE:
        return "validation"
    return "test"


def position_of(patient: str) -> float:
    """Where a patient lies in [0, 1), by the SHA-256 of its name: train first, test last.

    Raises:
      UserError: the name is empty.
    """
    if not patient:
        raise UserError(
            "patient",
            found="an empty name",
            expected="one name for each patient",
        )
    digest = hashlib.sha256(patient.encode("utf-8")).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def split_by_counts(records: Mapping[str, int], *, test: int, validation: int) -> dict[str, str]:
    """Splits patients so that the splits have given numbers of records, or few more.

    Patients go to the test split, then to validation, from the end of `position_of`, so that the
    test patients of `split_of` come first.

    Args:
      records: how many records each patient has.
      test, validation: records wanted; all others are for training.

    Returns:
      The split of each patient.
    """
    splits, filled = {}, 0
    for patient in sorted(records, key=position_of, reverse=True):
        if filled < test:
            splits[patient] = "test"
        elif filled < test + validation:
            splits[patient] = "validation"
        else:
            splits[patient] = "train"
        filled += records[patient]
    return splits


def check_disjoint(members: Iterable[tuple[str, str]]) -> None:
    """Checks that no patient is in two splits.

    Args:
      members: (split, patient) of every record.

    Raises:
      UserError: a patient was found in two splits.
    """
    found: dict[str, str] = {}
    for split, patient in members:
        first = found.setdefault(patient, split)
        if first != split:
            raise UserError(
                f"patient {patient}",
                found=f"in the splits {first!r} and {split!r}",
                expected="one split for each patient",
                remedy="split by patient, for example with casgan_jax.records.splits.split_of",
            )
