"""What became of a data set's tasks: records and skips counted, patients kept apart, sources
summed."""

from __future__ import annotations

import collections
import csv
import dataclasses
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from casgan_jax.errors import UserError
from casgan_jax.records.splits import SPLITS, check_disjoint
from datasets.checksums import listing

SOURCES_FILE = "sources.sha256"  # in a data set's folder


@dataclasses.dataclass(frozen=True)
class Skip:
    """Why a task gives no record.

    Attributes:
      reason: a few words that count together, e.g. "empty intersection".
      detail: what was found in this case, with the file's name where there is one.
    """

    reason: str
    detail: str = ""


class Outcome(NamedTuple):
    """What became of one task, without the record; JSON can hold it.

    Attributes:
      split: of the task.
      key: of the task.
      patient: of the record; None if the task was skipped.
      reason: of the skip; "" if there is a record.
      detail: of the skip.
      checksums: {path: SHA-256} of the task's source files.
    """

    split: str
    key: str
    patient: str | None
    reason: str
    detail: str
    checksums: dict[str, str]


class Skipped(NamedTuple):
    """One task that gave no record, as listed in `skipped.csv`."""

    split: str
    key: str
    reason: str
    detail: str


class Outcomes:
    """What is known of a build's tasks so far."""

    def __init__(self) -> None:
        self._skipped: list[Skipped] = []
        self._splits_of: dict[str, set[str]] = collections.defaultdict(set)  # patient -> splits
        self._checksums: dict[str, str] = {}

    def add(self, outcome: Outcome) -> None:
        """Counts one more task.

        Raises:
          UserError: its patient is in another split, too.
        """
        self.add_sources(outcome.checksums)
        if outcome.patient is None:
            self._skipped.append(
                Skipped(outcome.split, outcome.key, outcome.reason, outcome.detail)
            )
            return
        splits = self._splits_of[outcome.patient]
        splits.add(outcome.split)
        check_disjoint((split, outcome.patient) for split in sorted(splits))

    def add_sources(self, checksums: dict[str, str]) -> None:
        """Keeps {path: SHA-256} of source files."""
        self._checksums.update(checksums)

    def forget(self, split: str) -> None:
        """Counts the tasks of a split no more."""
        self._skipped = [entry for entry in self._skipped if entry.split != split]
        for splits in self._splits_of.values():
            splits.discard(split)

    def summary(self) -> dict[str, Any]:
        """Counts for the metadata: {"skipped": {split: {reason: n}}, "patients": {split: n}}."""
        reasons: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        for entry in self._skipped:
            reasons[entry.split][entry.reason] += 1
        return {
            "skipped": {s: dict(sorted(reasons[s].items())) for s in SPLITS if s in reasons},
            "patients": {s: sum(s in found for found in self._splits_of.values()) for s in SPLITS},
        }

    def write_skipped(self, path: Path) -> None:
        """Writes one line for each task that was skipped, as CSV."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(Skipped._fields)
            writer.writerows(sorted(self._skipped))

    def write_sources(self, folder: Path, manual_dir: Path) -> dict[str, Any]:
        """Lists the source files' checksums in `folder`, if there are any.

        Returns:
          {"sources": how many files, and one sum of all}, or {}; for the metadata.
        """
        if not self._checksums:
            return {}
        listed = listing(self._checksums, manual_dir).encode()
        (folder / SOURCES_FILE).write_bytes(listed)
        digest = hashlib.sha256(listed).hexdigest()
        return {"sources": {"files": len(self._checksums), "sha256": digest}}

    def nothing_made(self, name: str, n_tasks: int) -> UserError:
        """That the data set of a name has no record, and why."""
        if not n_tasks:
            return UserError(
                name,
                found="nothing to make a record of",
                expected="images",
                remedy="check the source folder",
            )
        (reason, count), *_ = collections.Counter(s.reason for s in self._skipped).most_common(1)
        first = self._skipped[0]
        return UserError(
            name,
            found=f"no use for any of {n_tasks}, most often ({count}) because of: {reason}",
            expected="at least one of use",
            remedy=f"the first one: {first.key}: {first.detail or first.reason}",
        )
