"""Compares the lesions of a patient's studies, each labelled as volumes.

    casgan label --volume --input=study1 --output=labels1
    casgan label --volume --input=study2 --output=labels2
    casgan compare --before=labels1 --after=labels2
    casgan compare --before=labels1,labels2 --after=labels3 --nodes=axilla --output=changes.csv

Lesions are the same where their names are, else by their places. Shown are, for each lesion of the
first study, its diameter in every study and the change, the change of its volume and the time in
which it doubles; and the change of the sum of diameters with its category by RECIST 1.1: CR, PR
(30% less than in the first study), PD (20% and 5 mm more than at the least, or new lesions), SD, or
NE where a lesion was not measured. A lesion that is no longer to be seen is named by --gone; lymph
nodes, whose short axes count, by --nodes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from casgan_jax.commands.entry import run_main
from casgan_jax.commands.path_flag import define_path, define_paths
from casgan_jax.errors import UserError
from casgan_jax.files import write_whole

if TYPE_CHECKING:  # imported where they are used, so that --help needs no JAX
    from casgan_jax.labelling.volumes.compared import Compared
    from casgan_jax.labelling.volumes.studies import Study

_BEFORE = define_paths("before", None, "Labelled study, or several in the order of their dates.")
_AFTER = define_path("after", None, "Labelled study that is compared with those.")
_NODES = flags.DEFINE_list("nodes", [], "Names of lesions that are lymph nodes.")
_GONE = flags.DEFINE_list("gone", [], "Names of lesions that are no longer there.")
_OUTPUT = define_path("output", None, "CSV file for the table; none by default.")
_COLUMNS = ("lesion", "diameters_mm", "change_%", "volumes_mm3", "volume_change_%", "doubling_days")
_MEANING = {
    "CR": "complete response",
    "PR": "partial response",
    "SD": "stable disease",
    "PD": "progressive disease",
    "NE": "not evaluable",
}


def run() -> None:
    """The command."""
    run_main(main)


def main(_: list[str]) -> None:
    for flag in (_BEFORE, _AFTER):
        if not flag.value:
            raise UserError(
                flag.name, found="none", expected="the output of a labelling", remedy="see `help`"
            )
    from casgan_jax.labelling.volumes.compared import compare
    from casgan_jax.labelling.volumes.studies import read_volumes

    folders = [*(_BEFORE.value or []), _AFTER.value or ""]
    studies = [read_volumes(Path(folder)) for folder in folders]
    found = compare(studies, nodes=_NODES.value, gone=_GONE.value)
    rows = _rows(found)
    print("\n".join(_lines([_COLUMNS, *rows])))
    print("\n".join(_told(studies, found)))
    if _OUTPUT.value:
        write_whole(Path(_OUTPUT.value), _as_csv(rows))


def _rows(found: Compared) -> list[tuple[str, ...]]:
    lesions = [
        (
            one.key,
            _numbers(one.diameters_mm, ".1f"),
            _percent(one.diameter_change),
            _numbers([each.volume_mm3 if each else None for each in one.seen], ".0f"),
            _percent(one.volume_change),
            "" if one.doubling_days is None else f"{one.doubling_days:.0f}",
        )
        for one in found.lesions
    ]
    first, *_, last = found.sums_mm
    change = None if first is None or last is None or not first else (last - first) / first
    total = ("sum", _numbers(found.sums_mm, ".1f"), _percent(change), "", "", "")
    return [*lesions, total]


def _told(studies: list[Study], found: Compared) -> list[str]:
    """The notes, and the category last."""
    notes = [f"{one.key}: {note}" for one in found.lesions for note in one.notes]
    notes += [f"{one}: not in a study before: new" for one in found.new]
    notes += [
        f"{one}: not measured in {studies[-1].folder}; `gone` says that it is no longer there"
        for one in found.missing
    ]
    notes += [f"{key}: failed in {one.folder}" for one in studies for key in one.failed]
    lines = [f"note: {note.replace('`gone`', '--gone')}" for note in notes]
    return [*lines, f"RECIST 1.1: {found.category} ({_MEANING[found.category]})"]


def _numbers(values: Sequence[float | None], form: str) -> str:
    return ", ".join("-" if value is None else format(value, form) for value in values)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:+.1f}"


def _lines(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _as_csv(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([_COLUMNS, *rows])
    return text.getvalue().encode()
