"""Measures a trained cascade on a split of a prepared data set, or on lesions of one's own.

    casgan evaluate --workdir=runs/softgan --split=test
    casgan evaluate --workdir=runs/softgan --data_dir=data/lidc
    casgan evaluate --workdir=runs/softgan --lesions=lesions.csv
    casgan evaluate --workdir=runs/softgan --lesions=study
    casgan evaluate --workdir=runs/marked --marks=axes --noise=0.5

Prints tables (means over lesions, 95% intervals by resampling patients); first, notes where
patients were trained on or the data set is no longer that of the training. WORKDIR/evaluation/SPLIT
gets metrics.json (all figures, for programs), table.md, lesions.csv (a line for each lesion),
curves.json (Dice by threshold, calibration), worst.png (the worst cases) and worst_errors.png (the
same without the images: what is missed, what is added); shown axes, SPLIT becomes
SPLIT-axes-0.5px.

--lesions is a table or a study folder as `label` reads it: every lesion is labelled by its marks,
and predicted from the middle of them, or with --marks=axes from its axes; the report goes to
WORKDIR/evaluation/lesions.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from absl import flags

from casgan_jax.commands.entry import keep_compilations, run_main, with_flags
from casgan_jax.commands.marked_records import read_marked, records_of
from casgan_jax.commands.path_flag import define_path
from casgan_jax.errors import UserError

_WORKDIR = define_path("workdir", None, "Folder of a training.")
_SPLIT = flags.DEFINE_string("split", "test", "Split to measure: train, validation or test.")
_DATA_DIR = define_path(
    "data_dir", None, "Prepared data set; the one that the training's config names by default."
)
_LESIONS = define_path(
    "lesions", None, "Table of lesions, or study folder, in place of a data set."
)
_OUTPUT = define_path("output", None, "Folder for the report; WORKDIR/evaluation/SPLIT by default.")
_MARKS = flags.DEFINE_string(
    "marks", "click", "What a system that sees marks is shown: click, or axes of the consensus."
)
_NOISE = flags.DEFINE_float(
    "noise", 0.0, "Deviation of the axes' coordinates in pixels, as a hand's.", lower_bound=0.0
)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 64, "Patches predicted at once.", lower_bound=1)
_WORST = flags.DEFINE_integer("worst", 12, "Worst cases in the picture.", lower_bound=1)
_PROGRESS = flags.DEFINE_bool("progress", True, "Show a progress bar.")


def run() -> None:
    """The command."""
    run_main(main)


def main(_: list[str]) -> int:
    if not _WORKDIR.value:
        raise UserError(
            "workdir",
            found="none",
            expected="the folder of a training",
            remedy="see `help`",
        )

    keep_compilations()
    from casgan_jax.inference.evaluate import evaluate_workdir
    from casgan_jax.report.evaluation import markdown_table

    split, read, failures = _SPLIT.value, None, []
    if _LESIONS.value:
        if _DATA_DIR.value:
            raise UserError(
                "lesions", found="beside `data_dir`", expected="one of them", remedy="drop one"
            )
        annotations = read_marked(Path(_LESIONS.value))
        split = "lesions"

        def read(system: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
            found = records_of(annotations, system)
            failures.extend(found.failures)
            for line in found.failures:
                print(f"error: {with_flags(line)}", file=sys.stderr)
            return found.records, found.metadata

    measured = evaluate_workdir(
        _WORKDIR.value,
        split,
        data_dir=_LESIONS.value or _DATA_DIR.value,
        output=_OUTPUT.value,
        read=read,
        marks=_MARKS.value,
        noise=_NOISE.value,
        batch_size=_BATCH_SIZE.value,
        worst=_WORST.value,
        progress=_PROGRESS.value,
    )
    for note in measured.subject.notes:
        print(f"note: {note}")
    print(f"{markdown_table(measured.summary)}\n")
    print(f"all figures: {measured.metrics}\nworst cases: {measured.worst_cases}")
    return 1 if failures else 0
