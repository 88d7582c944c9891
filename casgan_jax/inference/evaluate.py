"""Measures the system of a workdir on a split of a prepared data set, and leaves the report."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from casgan_jax.errors import UserError
from casgan_jax.evaluation.data_set import evaluate
from casgan_jax.evaluation.marks import Show, by_axes, by_click
from casgan_jax.files import make_folder
from casgan_jax.inference.load import load_system
from casgan_jax.records.prepared import load_split, read_metadata
from casgan_jax.report.evaluation import headline_lines, write_evaluation

MARKS = ("click", "axes")


def evaluate_workdir(
    workdir: str | Path,
    split: str,
    *,
    data_dir: str | Path | None = None,
    output: str | Path | None = None,
    marks: str = "click",
    noise: float = 0.0,
    **options: Any,
) -> dict[str, Any]:
    """Evaluates a workdir's cascade, writes the report and returns what metrics.json holds.

    Args:
      workdir: of a finished training.
      split: "train", "validation" or "test".
      data_dir: prepared data set; by default the one of the training, or for its test split the
        one that the config names.
      output: folder to write to; that of `report_folder` by default.
      marks: what a system that sees marks is shown, one of MARKS.
      noise: standard deviation of the axes' coordinates in native pixels.
      **options: of `casgan_jax.evaluation.data_set.evaluate`.

    Raises:
      UserError: no training there, no such data or split, data that do not fit the cascade, or
        marks that it does not see.
    """
    cascade = load_system(workdir)
    show = _show(cascade.mark_kinds, marks, noise)
    named = cascade.config.data.test_dir if split == "test" else ""
    data_dir = data_dir or named or cascade.config.data.dir
    folder = output or report_folder(workdir, split, marks=marks, noise=noise)
    folder = make_folder(Path(folder), field="output")
    records, metadata = load_split(data_dir, split), read_metadata(data_dir)
    evaluation = evaluate(cascade, records, metadata, show=show, **options)
    facts = {
        "workdir": str(workdir),
        "data_dir": str(data_dir),
        "split": split,
        "patch": cascade.patch,
        "scale": cascade.scale,
        **({"marks": marks, "noise": noise} if show else {}),
    }
    return write_evaluation(evaluation, folder, facts=facts)


def report_folder(
    workdir: str | Path, split: str, *, marks: str = "click", noise: float = 0.0
) -> Path:
    """Where an evaluation is written: WORKDIR/evaluation/SPLIT, or SPLIT-axes-0.5px."""
    name = split if marks == "click" else f"{split}-{marks}-{noise:g}px"
    return Path(workdir) / "evaluation" / name


def _show(kinds: tuple[str, ...], marks: str, noise: float) -> Show | None:
    """What a system that sees some kinds of marks is shown; None for one that sees none."""
    if marks not in MARKS:
        raise UserError("marks", found=f"{marks!r}", expected=f"one of {', '.join(MARKS)}")
    if marks == "axes" and "axes" not in kinds:
        raise UserError(
            "marks",
            found="axes for a system that was trained without",
            expected="one that sees them, such as `config=softgan:marked` trains",
            remedy="use `marks=click`",
        )
    if not kinds:
        return None
    return functools.partial(by_axes, noise=noise) if marks == "axes" else by_click


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
