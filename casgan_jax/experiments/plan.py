"""What an experiment is: systems (rows) that are trained and measured on data sets (tables).

experiment = load_experiment("table1:quick")
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType

import numpy as np

from casgan_jax.configs.schema import catalogue
from casgan_jax.configs.schema.load import config_names, load_config
from casgan_jax.configs.schema.tree import flat_settings
from casgan_jax.errors import Step, UserError
from casgan_jax.evaluation.compared import ComparedCase
from casgan_jax.evaluation.comparison import Figure, LesionMeans

EACH_TASK = ("data.dir", "seed")  # fields that differ from task to task

ALL = "all"  # rows

DATA_DIR = "DATA_DIR"  # in a data set's fields and commands

Draw = Callable[[Sequence[ComparedCase]], np.ndarray]  # (H, W, 3) uint8


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
      compared: whether rows are compared in it; not in one that tells of the data set.
    """

    key: str
    name: str
    paper: str = ""
    higher_is_better: bool = True
    digits: int = 3
    read: Callable[[Sequence[Path], str], Figure | None] = LesionMeans.read
    compared: bool = True


@dataclasses.dataclass(frozen=True)
class Row:
    """One system.

    Attributes:
      name: unique in its experiment.
      config: NAME[:VARIANT] of `casgan_jax.configs`.
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
      directory: of the prepared data set below the folder of all.
      build: the commands that prepare it, one for each of `directories`; DATA_DIR in an option
        stands for the folder of all.
      note: what it stands for.
      paper: what the paper calls it, where its table has several.
      fields: (dotted field of the config, text of the value) of every row on it, where the config
        has it; DATA_DIR in the text stands for the folder of all.
      test: directory of the data set whose test split is measured; "": the same one.
      part: what is taken of it, where several tables are of one directory.
      besides: what else it needs, as words; DATA_DIR stands for the folder of all.
    """

    directory: str
    build: tuple[Step, ...] = dataclasses.field(hash=False)
    note: str = ""
    paper: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    test: str = ""
    part: str = ""
    besides: str = ""

    @property
    def name(self) -> str:
        """Unique in its experiment."""
        tested = self.test and f"tested on {self.test}"
        return ", ".join(filter(None, (self.directory, self.part, tested)))

    @property
    def directories(self) -> tuple[str, ...]:
        """All that must be prepared."""
        return tuple(filter(None, (self.directory, self.test)))

    def missing(self, data_dir: Path) -> dict[str, Step]:
        """{directory: the command that prepares it} of those that are not there."""
        steps = zip(self.directories, self.build, strict=True)
        return {
            name: Step(step.command, {key: _in(data_dir, x) for key, x in step.options.items()})
            for name, step in steps
            if not (data_dir / name).is_dir()
        }

    def told_besides(self, data_dir: Path) -> str:
        """What else it needs, as words."""
        return _in(data_dir, self.besides)


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Rows x data sets x seeds.

    Attributes:
      name: "table1".
      variant: "" or "quick".
      title: one line.
      columns: the first is what rows are ranked by.
      fields: {dotted field: text} of every row's config, where the config has it.
      agreement: the paper's Dice of four readers, their consensus and its system with each other,
        (6, 6); the report has each row's where it is given.
      rows_of: name of the experiment whose rows, of the same variant, these are; "": its own.
      draw: cases -> picture of each shown row, or None.
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
    agreement: tuple[tuple[float, ...], ...] = ()
    rows_of: str = ""
    draw: Draw | None = None

    @property
    def folder(self) -> str:
        """Name of the folder of its rows."""
        return "-".join(filter(None, (self.rows_of or self.name, self.variant)))

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

    def with_fields(
        self, overrides: Sequence[tuple[str, str]], names: list[str] | None
    ) -> Experiment:
        """The experiment with fields of every row replaced whose config has them, and a note of it.

        Args:
          overrides: (dotted field, text of the value) pairs.
          names: of the rows that are to be run, as in `chosen`.

        Raises:
          UserError: no row has such a field, a value is of another type, or the field is what tells
            rows apart.
        """
        rows = self.chosen(names)
        known = {row.name: set(flat_settings(load_config(row.config, []))) for row in rows}
        for field, text in overrides:
            having = [row for row in rows if field in known[row.name]]
            if not having:
                valid = sorted(set().union(*known.values()))
                raise catalogue.unknown(
                    "config.", field, valid, "they are those of the rows' configs"
                )
            own = [row.name for row in rows if field in row.fields or field in row.uses]
            if own or field in EACH_TASK:
                raise UserError(
                    f"config.{field}",
                    found=f"{text!r}",
                    expected=(
                        "a field that the experiment does not set itself for "
                        f"{'; '.join(own) or 'each row'}"
                    ),
                    remedy="leave it out",
                )
            for row in having:
                load_config(row.config, [(field, text)])
        data_sets = tuple(
            # Its own fields come first: the last of a name counts.
            dataclasses.replace(one, fields=(*one.fields, *overrides))
            for one in self.data_sets
        )
        told = ", ".join(f"{field}={text}" for field, text in overrides)
        note = (f"Set on the command line, whatever is said above: {told}.",) if told else ()
        return dataclasses.replace(self, data_sets=data_sets, notes=self.notes + note)

    def chosen(self, names: list[str] | None) -> tuple[Row, ...]:
        """The rows of these names, with those that they use before them; `ALL` or None: all.

        Raises:
          UserError: there is no such row.
        """
        rows = {row.name: row for row in self.rows}
        shown = [row.name for row in self.rows if row.shown]
        wanted: dict[str, Row] = {}

        def want(name: str) -> None:
            if name not in rows:
                raise UserError(
                    "rows",
                    found=f"{name!r}",
                    expected=f"{ALL}, or some of {'; '.join(shown)}, or names of configs",
                    remedy=_meant(name, shown),
                )
            for used in rows[name].uses.values():
                want(used)
            wanted.setdefault(name, rows[name])

        for name in [ALL] if names is None else names:
            for one in shown if name == ALL else [name]:
                want(one)
        return tuple(wanted.values())


def _meant(name: str, shown: list[str]) -> str:
    """What somebody may have meant who named a row that there is not; "": nobody knows."""
    config, _, variant = name.partition(":")
    if variant and config in config_names():
        return f"name it {config!r}: a row is trained in the table's variant"
    near = difflib.get_close_matches(name, shown, n=1, cutoff=0.4)
    return f"did you mean {near[0]!r}?" if near else ""


def prepares(data_set: str, source: str = "") -> Step:
    """The command that prepares a data set in the folder of all.

    Args:
      data_set: NAME[/CONFIG] of a builder.
      source: folder of the files that it is made of; "" for one that needs none.
    """
    options = {"dataset": data_set, "data_dir": DATA_DIR}
    return Step("build", options | ({"manual_dir": source} if source else {}))


def load_experiment(package: ModuleType, spec: str) -> Experiment:
    """The experiment NAME[:VARIANT], a module of a package such as `launch.experiments`.

    Raises:
      UserError: there is none; the line has the nearest name.
    """
    module, variant = catalogue.find(package, spec)
    experiment: Experiment = module.get_experiment(variant)
    return experiment


def _in(data_dir: Path, text: str) -> str:
    return text.replace(DATA_DIR, str(data_dir))
