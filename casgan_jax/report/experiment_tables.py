"""The tables of an experiment's report.

For one data set: what each row measured beside what the paper reports; which rows failed or were
not run; how rows compare with others on the same lesions; and each seed's value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from casgan_jax.evaluation.summary import Agreement
from casgan_jax.report.results import Comparison, Heading, RowResult, TableResult, Value
from casgan_jax.report.tables import MISSING, Cell, Column, Table

COLLAPSED = "collapsed"
_SIGNIFICANT = 0.05
_STAY = "\N{NO-BREAK SPACE}"  # what it stands between stays on one line
_SYSTEM = Column("system")


def legend(rows: Sequence[RowResult]) -> str:
    """What the signs of a table of rows mean, of those that it has."""
    compares = any(row.group == "baseline" and row.status == "done" for row in rows)
    told = (
        "Bold: the best measured here.",
        "\N{DAGGER}: the best baseline." * compares,
        "Brackets: 95% interval. Arrows: which way is better.",
        "Paper: as the paper reports it, on its own data." * any(row.paper for row in rows),
    )
    return " ".join(filter(None, told))


def measured_table(columns: Sequence[Heading], rows: Sequence[RowResult]) -> Table | None:
    """What each row measured beside what the paper reports, its speed and its size.

    Columns that no row has anything for are left out; None where no row was measured.
    """
    done = [row for row in rows if row.status == "done"]
    if not done:
        return None
    costs = [cost for cost in _COSTS if any(cost.of(row) is not None for row in done)]
    heads = [_SYSTEM, *map(_figure_column, columns), *(Column(cost.name) for cost in costs)]
    baselines = [row for row in done if row.group == "baseline"]
    bests = [(_best(column, done), _best(column, baselines)) for column in columns]
    lines = []
    for row in done:
        figures = [_value(column, row, *best) for column, best in zip(columns, bests, strict=True)]
        lines.append([_name(row), *figures, *(cost.cell(row) for cost in costs)])
    return Table(heads, lines)


def failed_table(columns: Sequence[Heading], rows: Sequence[RowResult]) -> Table | None:
    """Why rows have no figures, beside what the paper reports of them; None where none failed."""
    failed = [row for row in rows if row.status == "failed"]
    if not failed:
        return None
    in_paper = _in_paper(columns, failed)
    lines = [
        [_name(row), Cell(row.reason or MISSING, kind="failed"), *_of_paper(in_paper, row)]
        for row in failed
    ]
    return Table([_SYSTEM, Column("failed"), *map(_paper_column, in_paper)], lines)


def unrun_table(columns: Sequence[Heading], rows: Sequence[RowResult]) -> Table | None:
    """What the paper reports of the rows that were not run; None where there is none."""
    unrun = [row for row in rows if row.status == "not run"]
    if not unrun:
        return None
    in_paper = _in_paper(columns, unrun)
    lines = [[_name(row), *_of_paper(in_paper, row)] for row in unrun]
    return Table([Column("not run"), *map(_paper_column, in_paper)], lines)


def initial_weights_line(rows: Sequence[RowResult]) -> str:
    """What the networks that were measured started from; empty where there was none."""
    found = {row.name: row.initial_weights for row in rows if row.initial_weights}
    others = [f"{name} {weights}" for name, weights in found.items() if weights != "random"]
    if not others:
        return "All networks started from random weights." if found else ""
    rest = "; all others random" if len(others) < len(found) else ""
    return f"Initial weights of encoders: {'; '.join(others)}{rest}."


def difference_table(columns: Sequence[Heading], rows: Sequence[RowResult]) -> Table | None:
    """Whether each row beats the one that it is compared with; None where none is compared."""
    compared = [row for row in rows if row.against]
    if not compared:
        return None
    heads = [_SYSTEM, *(Column(one.name, one.higher_is_better) for one in columns)]
    lines = [[_name(row), *(_against(column, row) for column in columns)] for row in compared]
    return Table(heads, lines)


def seeds_table(columns: Sequence[Heading], rows: Sequence[RowResult]) -> Table | None:
    """Each seed's value; None where no row has several seeds."""
    several = [row for row in rows if any(len(value.seeds) > 1 for value in row.values.values())]
    if not several:
        return None
    lines = [
        [_name(row), *(_seeds(column, row.values.get(column.key)) for column in columns)]
        for row in several
    ]
    return Table([_SYSTEM, *(Column(one.name, one.higher_is_better) for one in columns)], lines)


def overview_table(column: Heading, tables: Sequence[TableResult]) -> Table:
    """One figure of every row on every data set, side by side; without rows that were run on
    none."""
    names = list(dict.fromkeys(row.name for table in tables for row in table.rows))
    lines = []
    for name in names:
        found = [row for table in tables for row in table.rows if row.name == name]
        if all(row.status == "not run" for row in found):
            continue
        cells = [
            _value(column, row, _best(column, table.rows), None)
            if row.status == "done"
            else Cell(row.status, kind="failed" if row.status == "failed" else "unrun")
            for row, table in zip(found, tables, strict=True)
        ]
        lines.append([Cell(name, kind=found[0].group), *cells])
    heads = [Column(table.data_set, column.higher_is_better) for table in tables]
    return Table([_SYSTEM, *heads], lines)


def agreement_table(name: str, found: Agreement, paper: Sequence[Sequence[float]]) -> Table:
    """Dice of readers, consensus and a row's network with each other, beside the paper's."""
    lines = []
    for mask, values, theirs in zip(found.names, found.dice, paper, strict=True):
        cells = [
            Cell(f"{value:.3f}", (f"paper {other:.3f}",), value=value)
            for value, other in zip(values, theirs, strict=True)
        ]
        lines.append([Cell(mask), *cells])
    others = [Cell(f"{value:.3f}", value=value) for value in found.others]
    rest = [Cell(MISSING)] * (len(found.names) - len(others))
    lines.append([Cell("majority of the other three"), *others, *rest])
    return Table([Column(f"{name}, Dice"), *(Column(one, True) for one in found.names)], lines)


def _name(row: RowResult) -> Cell:
    """The row's name, and that its network predicts nothing."""
    notes = (f"{COLLAPSED}: {row.reason}",) if row.has_collapsed else ()
    return Cell(row.name, notes, kind=row.group)


def _figure_column(column: Heading) -> Column:
    arrow = "\N{UPWARDS ARROW}" if column.higher_is_better else "\N{DOWNWARDS ARROW}"
    return Column(f"{column.name} {arrow}", column.higher_is_better)


def _paper_column(column: Heading) -> Column:
    return Column(f"{column.name}, paper", column.higher_is_better)


def _in_paper(columns: Sequence[Heading], rows: Sequence[RowResult]) -> list[Heading]:
    return [column for column in columns if any(column.key in row.paper for row in rows)]


def _of_paper(columns: Sequence[Heading], row: RowResult) -> list[Cell]:
    found = [(column, row.paper.get(column.key)) for column in columns]
    return [
        Cell(MISSING) if value is None else Cell(f"{value:.{column.digits}f}", value=value)
        for column, value in found
    ]


def _best(column: Heading, rows: Sequence[RowResult]) -> float | None:
    """Of the rows that were measured; one that predicts nothing is the best in nothing."""
    kept = [row for row in rows if row.status == "done" and not row.has_collapsed]
    means = [row.values[column.key].mean for row in kept if column.key in row.values]
    return (max if column.higher_is_better else min)(means, default=None)


def _value(
    column: Heading, row: RowResult, best: float | None, best_baseline: float | None
) -> Cell:
    paper = row.paper.get(column.key)
    beside = () if paper is None else (f"paper {paper:.{column.digits}f}",)
    value = row.values.get(column.key)
    if value is None:
        return Cell(MISSING, beside)
    counts = not row.has_collapsed
    is_best_baseline = counts and row.group == "baseline" and value.mean == best_baseline
    return Cell(
        f"{value.mean:.{column.digits}f}" + "\N{DAGGER}" * is_best_baseline,
        tuple(filter(None, (_interval(value, f".{column.digits}f"), *beside))),
        best=counts and value.mean == best,
        kind="" if counts else COLLAPSED,
        value=value.mean,
    )


def _seeds(column: Heading, value: Value | None) -> Cell:
    seeds = value.seeds if value else ()
    told = ", ".join(f"{seed:.{column.digits}f}" for seed in seeds)
    return Cell(told or MISSING, value=value.mean if value else None)


def _interval(value: Value | Comparison, form: str) -> str:
    """In brackets; nothing where there is none, as of one patient."""
    if value.low is None:
        return ""
    return f"[{value.low:{form}},{_STAY}{value.high:{form}}]"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f}{_STAY}s"
    if seconds < 7200:
        return f"{seconds / 60:.1f}{_STAY}min"
    return f"{seconds / 3600:.1f}{_STAY}h"


def _count(number: float) -> str:
    return f"{number / 1e6:.2f}{_STAY}M" if number >= 1e6 else f"{number:,}"


class _Cost(NamedTuple):
    """What a row cost; None where it is not known."""

    name: str
    of: Callable[[RowResult], float | None]
    told: Callable[[float], str]

    def cell(self, row: RowResult) -> Cell:
        value = self.of(row)
        return Cell(MISSING) if value is None else Cell(self.told(value), value=value)


_COSTS = (
    _Cost("time", lambda row: row.seconds, _duration),
    _Cost("images/s, training", lambda row: row.images_per_second, "{:.1f}".format),
    # Of what is not trained.
    _Cost("images/s, inference", lambda row: row.inference_images_per_second, "{:.1f}".format),
    _Cost("parameters", lambda row: row.parameters, _count),
)


def _against(column: Heading, row: RowResult) -> Cell:
    """In words, what interval and p of the paired difference say together.

    A difference of which no digit is shown is none. Of few patients the interval is too narrow:
    there the test, which is exact, does not agree.
    """
    found = row.against.get(column.key)
    if found is None:
        return Cell(MISSING)
    form = f"+.{column.digits}f"
    low, high = found.low, found.high
    sure = found.p is not None and found.p < _SIGNIFICANT
    better, worse = (sure and low is not None and low > 0), (sure and high is not None and high < 0)
    if not column.higher_is_better:
        better, worse = worse, better
    ends = (found.difference, low or 0.0, high or 0.0)
    if all(round(end, column.digits) == 0 for end in ends):
        better = worse = False
    verb = "beats" if better else "is worse than" if worse else "does not beat"
    difference = f"{found.difference:{form}}{_STAY}{_interval(found, form)}".rstrip()
    note = f"{difference}{_probability(found.p)}"
    return Cell(f"{verb} {found.row}:", (note,), best=better, value=found.difference)


def _probability(p: float | None) -> str:
    if p is None:
        return ""
    return f", p{_STAY}<{_STAY}0.001" if p < 0.001 else f", p{_STAY}={_STAY}{p:.3f}"
