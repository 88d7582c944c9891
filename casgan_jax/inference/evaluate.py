"""Measures the system of a workdir on a split of a prepared data set, and leaves the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from casgan_jax.evaluation.data_set import evaluate
from casgan_jax.files import make_folder
from casgan_jax.inference.load import load_system
from casgan_jax.inference.measured_data import measured_data
from casgan_jax.records.prepared import load_split, measured_split, read_metadata
from casgan_jax.report.evaluation import headline_lines, write_evaluation
from casgan_jax.workdir.config import TRAINED, read_config


def evaluate_workdir(
    workdir: str | Path,
    split: str,
    *,
    data_dir: str | Path | None = None,
    output: str | Path | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Evaluates a workdir's cascade, writes the report and returns what metrics.json holds.

    Args:
      workdir: of a finished training.
      split: "train", "validation" or "test".
      data_dir: prepared data set; by default the one of the training, or for its test split the
        one that the config names.
      output: folder to write to; WORKDIR/evaluation/SPLIT by default.
      **options: of `casgan_jax.evaluation.data_set.evaluate`.

    Returns:
      What metrics.json holds; `notes` are lines that the figures are not to be read without.

    Raises:
      UserError: no training there, no such data or split, or data that do not fit the cascade.
    """
    cascade = load_system(workdir)
    data = measured_data(cascade.config, workdir, split, data_dir)
    folder = make_folder(Path(output or Path(workdir) / "evaluation" / split), field="output")
    records, metadata = load_split(data.directory, split), read_metadata(data.directory)
    evaluation = evaluate(cascade, records, metadata, **options)
    facts = {
        "workdir": str(workdir),
        "data_dir": data.directory,
        "data": data.digest,
        "split": split,
        "notes": data.notes,
        "patch": cascade.patch,
        "scale": cascade.scale,
    }
    return write_evaluation(evaluation, folder, facts=facts)


def measure_in_the_end(workdir: str | Path, **options: Any) -> list[str]:
    """Evaluates a workdir as its run ends, and tells the result.

    It is measured on the test split; on validation, which is said, where there is no test split.

    Args:
      workdir: of a finished run.
      **options: of `casgan_jax.evaluation.data_set.evaluate`.

    Returns:
      Lines: notes, the headline's figures, and where the pictures are.

    Raises:
      UserError: see `evaluate_workdir`.
    """
    data = read_config(workdir, names=(*TRAINED, "classical")).data
    split = measured_split(data.test_dir or data.dir)
    summary = evaluate_workdir(workdir, split, **options)
    why = "" if split == "test" else f", as {data.dir} has no test split"
    return [
        *(f"note: {note}" for note in summary["notes"]),
        f"{split} split{why}:",
        *(f"  {line}" for line in headline_lines(summary)),
        f"worst cases: {Path(workdir) / 'evaluation' / split / 'worst.png'}",
    ]
