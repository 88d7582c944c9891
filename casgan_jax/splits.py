"""Patients to splits: which third of the world a patient belongs to, for ever and everywhere.

The split is a function of the patient's name alone, so that slices of one patient never meet in two
splits, whatever the data set, the order of its files or the number of patients found.

    >>> split_of("LIDC-IDRI-0001")
    'train'
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from casgan_jax.errors import UserError

SPLITS = ("train", "validation", "test")

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
    if not patient:
        raise UserError("patient: found an empty name, expected one name for each patient")
    digest = hashlib.sha256(patient.encode("utf-8")).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < _TRAIN_SHARE:
        return "train"
    if position < _TRAIN_SHARE + _VALIDATION_SHARE:
        return "validation"
    return "test"


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
                f"patient {patient}: found in the splits {first!r} and {split!r}, expected "
                "one split for each patient; split by patient, for example with "
                "casgan_jax.splits.split_of"
            )
