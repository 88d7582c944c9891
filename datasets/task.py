"""One record that a builder is to make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from datasets.outcomes import Outcome

Record = dict[str, Any]


class Task(NamedTuple):
    """One record to make.

    Attributes:
      split: "train", "validation" or "test".
      key: name of the record, unique in the data set.
      arguments: what `make_record` needs, picklable.
      sources: source files that the record is made from; their checksums go to the data set.
    """

    split: str
    key: str
    arguments: Any
    sources: tuple[Path, ...] = ()


Make = Callable[[Task], tuple[Record | None, Outcome]]  # a record and what became of its task
