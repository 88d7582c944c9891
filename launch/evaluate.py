"""Measures a trained cascade on a split of a prepared data set.

    python -m launch.evaluate --workdir=runs/softgan --split=test
    python -m launch.evaluate --workdir=runs/softgan --data_dir=data/lidc

Prints tables (means over lesions, 95% intervals by resampling patients) and, as the last line, the
numbers as JSON. WORKDIR/evaluation/SPLIT gets metrics.json, table.md, lesions.csv (a line for each
lesion), curves.json (Dice by threshold, calibration) and worst.png (the worst cases).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from absl import flags, logging

from casgan_jax.errors import UserError
from launch.common import run_main


def evaluate_workdir(
    workdir: str | Path,
    split: str,
    *,
    data_dir: str | Path | None = None,
    output: str | Path | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Evaluates a workdir's cascade, writes and prints the report; returns what metrics.json holds.

    Args:
      workdir: of a finished training.
      split: "train", "validation" or "test".
      data_dir: prepared data set; the one of the training by default.
      output: folder to write to; WORKDIR/evaluation/SPLIT by default.
      **options: of `casgan_jax.evaluation.evaluate`.

    Raises:
      UserError: no training there, no such data or split, or data that do not fit the cascade.
    """
    from casgan_jax.cascade import load_cascade
    from casgan_jax.data import load_split, read_metadata
    from casgan_jax.evaluation import evaluate
    from casgan_jax.report.evaluation import markdown_table, write_evaluation

    cascade = load_cascade(workdir)
    data_dir = data_dir or cascade.config.data.dir
    folder = Path(output or Path(workdir) / "evaluation" / split)
    records, metadata = load_split(data_dir, split), read_metadata(data_dir)
    evaluation = evaluate(cascade, records, metadata, **options)
    facts = {
        "workdir": str(workdir),
        "data_dir": str(data_dir),
        "split": split,
        "patch": cascade.patch,
        "scale": cascade.scale,
    }
    summary = write_evaluation(evaluation, folder, facts=facts)
    print(f"{markdown_table(summary)}\n\nworst cases: {folder / 'worst.png'}")
    print(json.dumps(summary, allow_nan=False), flush=True)
    return summary


def _define_flags() -> None:
    """Only where this module is the program: other launchers call its functions."""
    flags.DEFINE_string("workdir", None, "Folder of a training.")
    flags.DEFINE_string("split", "test", "Split to measure: train, validation or test.")
    flags.DEFINE_string("data_dir", None, "Prepared data set; the one of the training by default.")
    flags.DEFINE_string(
        "output", None, "Folder for the report; WORKDIR/evaluation/SPLIT by default."
    )
    flags.DEFINE_integer("batch_size", 64, "Patches predicted at once.", lower_bound=1)
    flags.DEFINE_integer("worst", 12, "Worst cases in the picture.", lower_bound=1)
    flags.DEFINE_bool("progress", True, "Show a progress bar.")


def main(_: list[str]) -> None:
    logging.set_verbosity(logging.WARNING)
    values = flags.FLAGS
    if not values.workdir:
        raise UserError("--workdir: found none, expected the folder of a training; see --help")
    evaluate_workdir(
        values.workdir,
        values.split,
        data_dir=values.data_dir,
        output=values.output,
        batch_size=values.batch_size,
        worst=values.worst,
        progress=values.progress,
    )


if __name__ == "__main__":
    _define_flags()
    run_main(main)
