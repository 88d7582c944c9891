"""The lesions of one study, read from the table that its labelling wrote."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from casgan_jax.annotations import cells
from casgan_jax.errors import Step, UserError
from casgan_jax.files import Row, read_rows
from casgan_jax.labelling.volumes.files import TABLE

_NEEDED = ("key", "status", "volume_mm3", "long_mm", "short_mm")


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Measured:
    """A lesion in one study.

    Attributes:
      key: its name.
      patient: of DICOM images; "" where it is not known.
      date: of the study; None: not known.
      volume_mm3, long_mm, short_mm: its volume, longest diameter, and the one across that.
      centre: (3,) mm, LPS; None: not known.
    """

    key: str
    patient: str
    date: datetime.date | None
    volume_mm3: float
    long_mm: float
    short_mm: float
    centre: np.ndarray | None


class Study(NamedTuple):
    """The lesions of one study.

    Attributes:
      folder: of its labels.
      lesions: that were labelled.
      failed: names of those that were not.
    """

    folder: Path
    lesions: tuple[Measured, ...]
    failed: tuple[str, ...]


def read_volumes(folder: Path) -> Study:
    """The lesions of a folder that `casgan label --volume` wrote.

    Raises:
      UserError: no such table, or a line of it that cannot be used.
    """
    path = folder / TABLE
    step = Step("label", {"volume": "true", "input": "STUDY", "output": str(folder)})
    if not path.is_file():
        raise UserError(
            folder,
            found=f"no {TABLE}",
            expected="the output of a labelling of volumes",
            remedy="make it",
            step=step,
        )
    lesions, failed = [], []
    for line, row in read_rows(path, _NEEDED, remedy="label the study again"):
        if row["status"] != "labelled":
            failed.append(row["key"])
            continue
        try:
            lesions.append(_measured(row))
        except UserError as error:
            raise error.within(f"{path}:{line}") from error
    return Study(folder, tuple(lesions), tuple(failed))


def _measured(row: Row) -> Measured:
    def number(column: str) -> float:
        found = cells.numbers(row[column])
        if len(found) != 1 or found[0] < 0:
            raise UserError(
                column,
                found=cells.shown(row[column]),
                expected="a number of at least 0",
                remedy="label the study again",
            )
        return found[0]

    centre = cells.numbers(row.get("centre_mm", ""))
    return Measured(
        key=row["key"],
        patient=row.get("patient", "") if row.get("series") else "",
        date=_date("study_date", row.get("study_date", "")),
        volume_mm3=number("volume_mm3"),
        long_mm=number("long_mm"),
        short_mm=number("short_mm"),
        centre=np.array(centre) if len(centre) == 3 else None,
    )


def _date(column: str, text: str) -> datetime.date | None:
    """A date from YYYYMMDD or YYYY-MM-DD; None from an empty cell.

    Raises:
      UserError: anything else.
    """
    if not text.strip():
        return None
    try:
        return datetime.date.fromisoformat(text.strip())
    except ValueError:
        raise UserError(
            column,
            found=cells.shown(text),
            expected="a date like 20260131",
            remedy="correct it or leave it empty",
        ) from None
