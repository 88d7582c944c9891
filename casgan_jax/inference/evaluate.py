"""Measures the system of a workdir on a split of a prepared data set, and leaves the report."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from casgan_jax.errors import UserError
from casgan_jax.evaluation.data_set import evaluate
from casgan_jax.evaluation.files import write_measurements
from casgan_jax.evaluation.marks import Show, by_axes, by_click
from casgan_jax.evaluation.summary import Subject, Summary
from casgan_jax.files import make_folder
from casgan_jax.inference.load import load_system
from casgan_jax.inference.measured_data import MeasuredData, measured_data
from casgan_jax.pretrained import folder_of
from casgan_jax.records.prepared import load_split, measured_split, read_metadata
from casgan_jax.report.evaluation import write_evaluation
from casgan_jax.workdir.layout import METRICS, WORST, evaluation_folder


@dataclass(frozen=True)
class Measured:
    """A measured system.

    Attributes:
      subject: what was measured, and on what.
      summary: what it came to.
      folder: of the report and its pictures.
    """

    subject: Subject
    summary: Summary
    folder: Path

    @property
    def worst_cases(self) -> Path:
        """The picture of the worst cases."""
        return self.folder / WORST

    @property
    def metrics(self) -> Path:
        """The file of all figures."""
        return self.folder / METRICS


ReadRecords = Callable[[Any], tuple[Sequence[dict[str, Any]], dict[str, Any]]]

MARKS = ("click", "axes")  # what a system that sees marks can be shown


def evaluate_workdir(
    workdir: str | Path,
    split: str | None = None,
    *,
    data_dir: str | Path | None = None,
    output: str | Path | None = None,
    read: ReadRecords | None = None,
    marks: str = "click",
    noise: float = 0.0,
    batch_size: int = 64,
    worst: int = 12,
    progress: bool = True,
) -> Measured:
    """Evaluates a workdir's system and writes the report.

    Args:
      workdir: of a finished run.
      split: "train", "validation" or "test"; None for "test", or "validation" where the data set
        has no test split.
      data_dir: prepared data set; by default the one of the training, or for its test split the
        one that the config names.
      output: folder to write to; that of `casgan_jax.workdir.layout` by default.
      read: gives records and their metadata for the system, in place of a prepared data set; then
        `split` and `data_dir` are their names alone.
      marks: what a system that sees marks is shown, one of MARKS.
      noise: standard deviation of the axes' coordinates in native pixels.
      batch_size, worst, progress: of `casgan_jax.evaluation.data_set.evaluate`.

    Raises:
      UserError: no run there, no such data or split, data that do not fit the system, or marks that
        it does not see.
    """
    system = load_system(workdir)
    show = _show(system.mark_kinds, marks, noise)
    if split is None:
        own = system.config.data
        split = measured_split(data_dir or own.test_dir or own.dir)
    own_folder = evaluation_folder(Path(workdir), split, marks=marks, noise=noise)
    folder = make_folder(Path(output or own_folder), field="output")
    if read is None:
        data = measured_data(system.config, folder_of(workdir), split, data_dir)
        records, metadata = load_split(data.directory, split), read_metadata(data.directory)
    else:
        data = MeasuredData(str(data_dir), "", [])
        records, metadata = read(system)
    evaluation = evaluate(
        system,
        records,
        metadata,
        show=show,
        batch_size=batch_size,
        worst=worst,
        progress=progress,
    )
    subject = Subject(
        workdir=str(workdir),
        data_dir=data.directory,
        split=split,
        patch=system.patch,
        scale=system.scale,
        data=data.digest,
        notes=tuple(data.notes),
        marks=marks if system.mark_kinds else None,
        noise=noise if system.mark_kinds else None,
    )
    summary = write_measurements(evaluation, subject, folder)
    write_evaluation(summary, evaluation.worst, folder)
    return Measured(subject, summary, folder)


def _show(kinds: tuple[str, ...], marks: str, noise: float) -> Show:
    """What a system that sees some kinds of marks is shown."""
    if marks not in MARKS:
        raise UserError("marks", found=f"{marks!r}", expected=f"one of {', '.join(MARKS)}")
    if marks == "axes" and "axes" not in kinds:
        raise UserError(
            "marks",
            found="axes for a system that was trained without",
            expected="one that sees them, such as `config=softgan:marked` trains",
            remedy="use `marks=click`",
        )
    if marks == "click" and noise:
        raise UserError(
            "noise",
            found=f"{noise:g} for a click, which is the data set's own",
            expected="it of axes alone",
            remedy="use `marks=axes`",
        )
    return functools.partial(by_axes, noise=noise) if marks == "axes" else by_click
