"""Measures the system of a workdir on a split of a prepared data set, and leaves the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from casgan_jax.evaluation.data_set import evaluate
from casgan_jax.evaluation.files import write_measurements
from casgan_jax.evaluation.summary import Subject, Summary
from casgan_jax.files import make_folder
from casgan_jax.inference.load import load_system
from casgan_jax.inference.measured_data import MeasuredData, measured_data
from casgan_jax.records.prepared import load_split, measured_split, read_metadata
from casgan_jax.report.evaluation import write_evaluation
from casgan_jax.workdir.layout import WORST, evaluation_folder


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


ReadRecords = Callable[[Any], tuple[Sequence[dict[str, Any]], dict[str, Any]]]


def evaluate_workdir(
    workdir: str | Path,
    split: str | None = None,
    *,
    data_dir: str | Path | None = None,
    output: str | Path | None = None,
    read: ReadRecords | None = None,
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
      output: folder to write to; WORKDIR/evaluation/SPLIT by default.
      read: gives records and their metadata for the system, in place of a prepared data set; then
        `split` and `data_dir` are their names alone.
      batch_size, worst, progress: of `casgan_jax.evaluation.data_set.evaluate`.

    Raises:
      UserError: no run there, no such data or split, or data that do not fit the system.
    """
    system = load_system(workdir)
    if split is None:
        own = system.config.data
        split = measured_split(data_dir or own.test_dir or own.dir)
    folder = make_folder(Path(output or evaluation_folder(Path(workdir), split)), field="output")
    if read is None:
        data = measured_data(system.config, workdir, split, data_dir)
        records, metadata = load_split(data.directory, split), read_metadata(data.directory)
    else:
        data = MeasuredData(str(data_dir), "", [])
        records, metadata = read(system)
    evaluation = evaluate(
        system, records, metadata, batch_size=batch_size, worst=worst, progress=progress
    )
    subject = Subject(
        workdir=str(workdir),
        data_dir=data.directory,
        split=split,
        patch=system.patch,
        scale=system.scale,
        data=data.digest,
        notes=tuple(data.notes),
    )
    summary = write_measurements(evaluation, subject, folder)
    write_evaluation(summary, evaluation.worst, folder)
    return Measured(subject, summary, folder)
