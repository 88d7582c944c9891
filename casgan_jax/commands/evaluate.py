"""Measures a trained cascade on a split of a prepared data set.

    casgan evaluate --workdir=runs/softgan --split=test
    casgan evaluate --workdir=runs/softgan --data_dir=data/lidc
    casgan evaluate --workdir=runs/marked --marks=axes --noise=0.5

Prints tables (means over lesions, 95% intervals by resampling patients) and, as the last line, the
numbers as JSON. WORKDIR/evaluation/SPLIT gets metrics.json, table.md, lesions.csv (a line for each
lesion), curves.json (Dice by threshold, calibration), worst.png (the worst cases) and
worst_errors.png (the same without the images: what is missed, what is added); shown axes, SPLIT
becomes SPLIT-axes-0.5px.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from absl import flags

from casgan_jax.commands.entry import keep_compilations, run_main
from casgan_jax.commands.path_flag import define_path
from casgan_jax.errors import UserError

_WORKDIR = define_path("workdir", None, "Folder of a training.")
_SPLIT = flags.DEFINE_string("split", "test", "Split to measure: train, validation or test.")
_DATA_DIR = define_path(
    "data_dir", None, "Prepared data set; the one that the training's config names by default."
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


def main(_: list[str]) -> None:
    if not _WORKDIR.value:
        raise UserError(
            "workdir",
            found="none",
            expected="the folder of a training",
            remedy="see `help`",
        )

    keep_compilations()
    from casgan_jax.inference.evaluate import evaluate_workdir, report_folder
    from casgan_jax.report.evaluation import markdown_table

    shown: dict[str, Any] = {"marks": _MARKS.value, "noise": _NOISE.value}
    folder = Path(_OUTPUT.value or report_folder(_WORKDIR.value, _SPLIT.value, **shown))
    summary = evaluate_workdir(
        _WORKDIR.value,
        _SPLIT.value,
        data_dir=_DATA_DIR.value,
        output=folder,
        **shown,
        batch_size=_BATCH_SIZE.value,
        worst=_WORST.value,
        progress=_PROGRESS.value,
    )
    print(f"{markdown_table(summary)}\n\nworst cases: {folder / 'worst.png'}")
    print(json.dumps(summary, allow_nan=False))
