"""What an experiment is: systems (rows) that are trained and measured on data sets (tables).

experiment = load_experiment("table1:quick")
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import launch.experiments
from casgan_jax.comparison import Figure, LesionMeans
from casgan_jax.errors import UserError
from launch import catalogue
from launch.config_flag import config_names

DATA_DIR = "DATA_DIR"  # in a data set's fields


@dataclasses.dataclass(frozen=True)
class Column:
    """One figure of every row.

    Attributes:
      key: unique in its experiment; what `read` is asked for.
      name: as in the table's head.
      paper: what the paper calls it; "" where it has no such column.
      higher_is_better: whether the largest is the best.
      digits: after the point.
      read: (folders of the evaluations of a row's seeds, key) -> the figure, None where they have
        none; by default a mean of that column of their lesions.csv.
    """

    key: str
    name: str
    paper: str = ""
    higher_is_better: bool = True
    digits: int = 3
    read: Callable[[Sequence[Path], str], Figure | None] = LesionMeans.read


@dataclasses.dataclass(frozen=True)
class Row:
    """One system.

    Attributes:
      name: unique in its experiment.
      config: NAME[:VARIANT] of `launch.configs`.
      group: "baseline" or "casgan": what the paper proposes.
      fields: {dotted field of the config: text of the value}.
      uses: {field: name of the row whose workdir is its value}, like "sr", "prior" or "teacher".
      paper: {"DATA_SET COLUMN": value} in the paper's table, by `DataSet.paper` and `Column.paper`,
        or {COLUMN: value} for data sets that the paper does not tell apart.
      shown: false for a part that others use.
      against: name of the row that it is compared with; "" for the best baseline where the group
        is "casgan", and for none where it is not.
    """

    name: str
    config: str
    group: str = "baseline"
    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)
    uses: Mapping[str, str] = dataclasses.field(default_factory=dict)
    paper: Mapping[str, float] = dataclasses.field(default_factory=dict)
    shown: bool = True
    against: str = ""


@dataclasses.dataclass(frozen=True)
class DataSet:
    """One table.

    Attributes:
      directory: of the prepared data set below --data_dir.
      build: the command that prepares it.
      note: what it stands for.
      paper: what the paper calls it, where its table has several.
      fields: (dotted field of the config, text of the value) of every row on it, where the config
        has it; DATA_DIR in the text stands for --data_dir.
      part: what is taken of it, where several tables are of one directory.
    """

    directory: str
    build: str
    note: str = ""
    paper: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    part: str = ""

    @property
    def name(self) -> str:
        """Unique in its experiment."""
        return f"{self.directory}, {self.part}" if self.part else self.directory


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Rows x data sets x seeds.

    Attributes:
      name: "table1".
      variant: "" or "quick".
      title: one line.
      columns: the first is what rows are ranked by.
      fields: {dotted field: text} of every row's config, where the config has it.
    """

    name: str
    variant: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    data_sets: tuple[DataSet, ...]
    seeds: tuple[int, ...] = (0,)
    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def with_configs(self, names: list[str] | None) -> Experiment:
        """The experiment with a row for each name that is none of its rows but a config's.

        So that a network of one's own, a model file and a config, is compared without any other
        change: `--rows='U-Net;my_network'`.
        """
        rows = {row.name for row in self.rows}
        added = [name for name in names or () if name not in rows and name in config_names()]
        variant = f":{self.variant}" if self.variant else ""
        extra = tuple(Row(name, name + variant) for name in dict.fromkeys(added))
        return dataclasses.replace(self, rows=self.rows + extra)

    def chosen(self, names: list[str] | None) -> tuple[Row, ...]:
        """The rows of these names, with those that they use before them; None: all.

        Raises:
          UserError: there is no such row.
        """
        rows = {row.name: row for row in self.rows}
        shown = [row.name for row in self.rows if row.shown]
        wanted: dict[str, Row] = {}

        def want(name: str) -> None:
            if name not in rows:
                near = difflib.get_close_matches(name, shown, n=1, cutoff=0.0)
                raise UserError(
                    f"--rows: found {name!r}, expected some of {'; '.join(shown)}, or names of "
                    f"configs; did you mean {near[0]!r}?"
                )
            for used in rows[name].uses.values():
                want(used)
            wanted.setdefault(name, rows[name])

        for name in shown if names is None else names:
            want(name)
        return tuple(wanted.values())


def experiment_names() -> list[str]:
    """Every module of `launch.experiments`."""
    return catalogue.names(launch.experiments)


def experiment_help() -> str:
    """One line an experiment and variant."""
    return catalogue.help_text(launch.experiments)


def load_experiment(spec: str) -> Experiment:
    """The experiment NAME[:VARIANT].

    Raises:
      UserError: there is none; the line has the nearest name.
    """
    module, variant = catalogue.find(launch.experiments, spec)
    return module.get_experiment(variant)
