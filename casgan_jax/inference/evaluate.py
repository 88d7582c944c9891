"""Measures the system of a workdir on a split of a prepared data set, and leaves the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from casgan_jax.evaluation.data_set import evaluate
from casgan_jax.files import make_folder
from casgan_jax.inference.load import load_system
from casgan_jax.records.prepared import load_split, read_metadata
from casgan_jax.report.evaluation import headline_lines, write_evaluation

ReadRecords = Callable[[Any], tuple[Sequence[dict[str, Any]], dict[str, Any]]]


def evaluate_workdir(
    workdir: str | Path,
    split: str,
    *,
    data_dir: str | Path | None = None,
    output: str | Path | None = None,
    read: ReadRecords | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Evaluates a workdir's cascade, writes the report and returns what metrics.json holds.

    Args:
      workdir: of a finished training.
      split: "train", "validation" or "test".
      data_dir: prepared data set; by default the one of the training, or for its test split the
        one that the config names.
      output: folder to write to; WORKDIR/evaluation/SPLIT by default.
      read: gives records and their metadata for the system, in place of a prepared data set; then
        `split` and `data_dir` are their names alone.
      **options: of `casgan_jax.evaluation.data_set.evaluate`.

    Raises:
      UserError: no training there, no such data or split, or data that do not fit the cascade.
    """
    cascade = load_system(workdir)
    named = cascade.config.data.test_dir if split == "test" else ""
    data_dir = data_dir or named or cascade.config.data.dir
    folder = make_folder(Path(output or Path(workdir) / "evaluation" / split), field="output")
    if read is None:
        records, metadata = load_split(data_dir, split), read_metadata(data_dir)
    else:
        records, metadata = read(cascade)
    evaluation = evaluate(cascade, records, metadata, **options)
    facts = {
        "workdir": str(workdir),
        "data_dir": str(data_dir),
        "split": split,
        "patch": cascade.patch,
        "scale": cascade.scale,
    }
    return write_evaluation(evaluation, folder, facts=facts)


def measure_test_split(workdir: str | Path, **options: Any) -> list[str]:
    """Evaluates a workdir on the test split and tells the result, as a run ends.

    Args:
      workdir: of a finished run.
      **options: of `casgan_jax.evaluation.data_set.evaluate`.

    Returns:
      Lines: the headline's figures, and where the pictures are.

    Raises:
      UserError: see `evaluate_workdir`.
    """
    summary = evaluate_workdir(workdir, "test", **options)
    return [
        "test split:",
        *(f"  {line}" for line in headline_lines(summary)),
        f"worst cases: {Path(workdir) / 'evaluation' / 'test' / 'worst.png'}",
    ]
