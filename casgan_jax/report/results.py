"""What an experiment found: rows of systems on data sets, as its report draws them.

    results = read_as(Results, folder / "results.json", remedy="run the experiment again")
    results.tables[0].rows[0].values["dice"].mean

`casgan_jax.experiments.results` makes them, and results.json has them: the fields here are the
names there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from casgan_jax.evaluation.summary import Agreement


@dataclass(frozen=True)
class Heading:
    """A column of figures.

    Attributes:
      key: by which rows have its values.
      name: as in a table's head.
      digits: after the point.
      higher_is_better: whether the largest is the best.
    """

    key: str
    name: str
    digits: int
    higher_is_better: bool


@dataclass(frozen=True)
class Value:
    """A figure of a row.

    Attributes:
      mean: over lesions.
      low, high: its 95% interval; None for one patient.
      seeds: each seed's mean.
    """

    mean: float
    low: float | None
    high: float | None
    seeds: tuple[float, ...]


@dataclass(frozen=True)
class Comparison:
    """A row minus another one, on the same lesions.

    Attributes:
      row: name of the other one.
      difference: of the means.
      low, high: its 95% interval; None for one patient.
      p: of no difference, two-sided; None where it cannot be told.
    """

    row: str
    difference: float
    low: float | None
    high: float | None
    p: float | None


@dataclass(frozen=True)
class DiceByThreshold:
    """Mean Dice against the label at each threshold."""

    thresholds: tuple[float, ...]
    dice: tuple[float, ...]


@dataclass(frozen=True)
class DiceByStep:
    """Dice on validation after each of some steps of training."""

    steps: tuple[int, ...]
    dice: tuple[float, ...]


@dataclass(frozen=True)
class RowResult:
    """A system on a data set. A row that failed or was not run has nothing but its place.

    Attributes:
      name: of the system.
      group: "baseline" or "casgan".
      status: "done", "failed" or "not run".
      reason: a line of a failure; of a row that is done, how its network collapsed, or "".
      command: that makes the row.
      values: by key of the heading.
      paper: what the paper reports, by key of the heading.
      against: the row that it is compared with, by key of the heading.
      seconds: that it took.
      images_per_second: of training; None for what is not trained.
      inference_images_per_second: of what is not trained; None for what is.
      parameters: of the network.
      initial_weights: "random", or what the network's encoder started from.
      curves, training: Dice by threshold and by step.
      worst: picture of the worst cases, relative to the report's folder.
      agreement: of readers and network with each other.
    """

    name: str
    group: str
    status: str
    reason: str
    command: str
    values: Mapping[str, Value]
    paper: Mapping[str, float]
    against: Mapping[str, Comparison]
    seconds: float | None
    images_per_second: float | None
    inference_images_per_second: float | None
    parameters: int | None
    initial_weights: str | None
    curves: DiceByThreshold | None
    training: DiceByStep | None
    worst: str | None
    agreement: Agreement | None

    @property
    def has_collapsed(self) -> bool:
        """Whether it was measured, and its network predicts nothing of use."""
        return self.status == "done" and bool(self.reason)


@dataclass(frozen=True)
class TableResult:
    """The rows on one data set.

    Attributes:
      data_set: its name.
      note: what it stands for, and how many readers its lesions have; "" for none.
      lesions, patients: that were measured.
      rows: in the experiment's order.
    """

    data_set: str
    note: str
    lesions: int
    patients: int
    rows: tuple[RowResult, ...]


@dataclass(frozen=True)
class Picture:
    """A picture of an experiment; `file` is relative to the report's folder."""

    title: str
    file: str


@dataclass(frozen=True)
class Results:
    """All that an experiment found.

    Attributes:
      experiment: its name.
      variant: "" or "quick".
      title: one line.
      date: of the last row.
      command: that runs it.
      machine: that it ran on.
      notes: lines to be read before the tables.
      agreement: the paper's Dice of readers, consensus and network, (6, 6); empty for none.
      pictures: of its cases.
      columns: that a row has a value of; the first is what rows are ranked by.
      tables: one a data set.
    """

    experiment: str
    variant: str
    title: str
    date: str
    command: str
    machine: str
    notes: tuple[str, ...]
    agreement: tuple[tuple[float, ...], ...]
    pictures: tuple[Picture, ...]
    columns: tuple[Heading, ...]
    tables: tuple[TableResult, ...]
