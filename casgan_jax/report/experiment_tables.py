"""The tables of an experiment's report, as HTML and as Markdown from the same cells.

For one data set: what each row measured beside what the paper reports; how rows compare with
others on the same lesions; and each seed's value.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from casgan_jax.evaluation.summary import Agreement
from casgan_jax.report.page import as_text
from casgan_jax.report.results import Comparison, Heading, RowResult, TableResult, Value

LEGEND = (
    "Bold: the best measured here. \N{DAGGER}: the best baseline. Brackets: 95% interval. "
    "Arrows: which way is better. Paper: as the paper reports it, on its own data."
)
_SYSTEM = "system"
_SIGNIFICANT = 0.05
_MISSING = "\N{EN DASH}"
_STAY = "\N{NO-BREAK SPACE}"  # what it stands between stays on one line


@dataclass(frozen=True)
class Cell:
    """Plain text, escaped where it is shown.

    Attributes:
      text: what it says.
      note: smaller text after it.
      best: whether the text is shown in bold.
      kind: class of the cell in HTML.
    """

    text: str
    note: str = ""
    best: bool = False
    kind: str = ""

    def as_html(self) -> str:
        text = as_text(self.text)
        text = f"<b>{text}</b>" if self.best else text
        note = f"<small>{as_text(self.note)}</small>" if self.note else ""
        kind = f' class="{self.kind}"' if self.kind else ""
        return f"<td{kind}>{text}{note}</td>"

    def as_markdown(self) -> str:
        text = markdown_text(self.text)
        text = f"**{text}**" if self.best else text
        return f"{text} {markdown_text(self.note)}".rstrip()


@dataclass(frozen=True)
class Table:
    """Names of columns, and rows of as many cells; the first cell names its row."""

    names: Sequence[str]
    rows: Sequence[Sequence[Cell]]

    def as_html(self) -> str:
        names = "".join(f'<th scope="col">{as_text(name)}</th>' for name in self.names)
        rows = "\n".join(f"<tr>{''.join(cell.as_html() for cell in row)}</tr>" for row in self.rows)
        return (
            f'<div class="wide" tabindex="0"><table>\n<thead><tr>{names}</tr></thead>\n'
            f"<tbody>\n{rows}\n</tbody></table></div>"
        )

    def as_markdown(self) -> str:
        names = [markdown_text(name) for name in self.names]
        rows = [[cell.as_markdown() for cell in row] for row in self.rows]
        lines = [names, ["---"] * len(names), *rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def markdown_text(text: object) -> str:
    """GitHub Markdown that shows text as it is, on one line."""
    line = html.escape(" ".join(str(text).split()), quote=False)
    return re.sub(r"([\\`*_{}\[\]|#~])", r"\\\1", line)


def measured_table(columns: Sequence[Heading], rows: Sequence[RowResult]) -> Table:
    """What each row measured beside what the paper reports, its speed and its size.

    Columns that no row has anything for are left out.
    """
    in_paper = {c.key for c in columns if any(c.key in row.paper for row in rows)}
    names = [_SYSTEM]
    for column in columns:
        arrow = "\N{UPWARDS ARROW}" if column.higher_is_better else "\N{DOWNWARDS ARROW}"
        names.append(f"{column.name} {arrow}")
        names += [f"{column.name}, paper"] if column.key in in_paper else []
    costs = [cost for cost in _COSTS if any(cost.of(row) is not None for row in rows)]
    names += [cost.name for cost in costs]
    baselines = [row for row in rows if row.group == "baseline"]
    best = {column.key: _best(column, rows) for column in columns}
    best_baseline = {column.key: _best(column, baselines) for column in columns}
    lines = []
    for row in rows:
        line = [Cell(row.name, kind=row.group)]
        for index, column in enumerate(columns):
            key = column.key
            line.append(
                _failure(row, with_reason=index == 0)
                if row.status != "done"
                else _value(column, row, best[key], best_baseline[key])
            )
            line += [_number(row.paper.get(key), column)] if key in in_paper else []
        lines.append(line + [Cell(cost.of(row) or _MISSING) for cost in costs])
    return Table(names, lines)


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
    names = [_SYSTEM, *(column.name for column in columns)]
    lines = [
        [Cell(row.name, kind=row.group), *(_against(column, row) for column in columns)]
        for row in compared
    ]
    return Table(names, lines)


def seeds_table(columns: Sequence[Heading], rows: Sequence[RowResult]) -> Table | None:
    """Each seed's value; None where no row has several seeds."""
    several = [row for row in rows if any(len(value.seeds) > 1 for value in row.values.values())]
    if not several:
        return None
    names = [_SYSTEM, *(column.name for column in columns)]
    lines = []
    for row in several:
        cells = [_seeds(column, row.values.get(column.key)) for column in columns]
        lines.append([Cell(row.name, kind=row.group), *cells])
    return Table(names, lines)


def overview_table(column: Heading, tables: Sequence[TableResult]) -> Table:
    """One figure of every row on every data set, side by side."""
    names = list(dict.fromkeys(row.name for table in tables for row in table.rows))
    lines = []
    for name in names:
        found = [row for table in tables for row in table.rows if row.name == name]
        cells = [
            _value(column, row, _best(column, table.rows), None)
            if row.status == "done"
            else _failure(row, with_reason=False)
            for row, table in zip(found, tables, strict=True)
        ]
        lines.append([Cell(name, kind=found[0].group), *cells])
    return Table([_SYSTEM, *(table.data_set for table in tables)], lines)


def agreement_table(name: str, found: Agreement, paper: Sequence[Sequence[float]]) -> Table:
    """Dice of readers, consensus and a row's network with each other, beside the paper's."""
    lines = []
    for mask, values, theirs in zip(found.names, found.dice, paper, strict=True):
        cells = [
            Cell(f"{value:.3f}", f"paper {other:.3f}")
            for value, other in zip(values, theirs, strict=True)
        ]
        lines.append([Cell(mask), *cells])
    others = [Cell(f"{value:.3f}") for value in found.others]
    rest = [Cell(_MISSING)] * (len(found.names) - len(others))
    lines.append([Cell("majority of the other three"), *others, *rest])
    return Table([f"{name}, Dice", *found.names], lines)


def _best(column: Heading, rows: Sequence[RowResult]) -> float | None:
    found = [row.values.get(column.key) for row in rows if row.status == "done"]
    means = [value.mean for value in found if value]
    return (max if column.higher_is_better else min)(means, default=None)


def _value(
    column: Heading, row: RowResult, best: float | None, best_baseline: float | None
) -> Cell:
    value = row.values.get(column.key)
    if value is None:
        return Cell(_MISSING)
    is_best_baseline = row.group == "baseline" and value.mean == best_baseline
    text = f"{value.mean:.{column.digits}f}" + "\N{DAGGER}" * is_best_baseline
    return Cell(text, _interval(value, f".{column.digits}f"), best=value.mean == best)


def _failure(row: RowResult, *, with_reason: bool) -> Cell:
    reason = f": {row.reason}" if with_reason and row.reason else ""
    return Cell(row.status + reason, kind="failed" if row.status == "failed" else "unrun")


def _number(value: float | None, column: Heading) -> Cell:
    return Cell(_MISSING if value is None else f"{value:.{column.digits}f}", kind="paper")


def _seeds(column: Heading, value: Value | None) -> Cell:
    seeds = value.seeds if value else ()
    return Cell(", ".join(f"{seed:.{column.digits}f}" for seed in seeds) or _MISSING)


def _interval(value: Value | Comparison, form: str) -> str:
    """In brackets; nothing where there is none, as of one patient."""
    if value.low is None:
        return ""
    return f"[{value.low:{form}},{_STAY}{value.high:{form}}]"


def _duration(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    if seconds < 120:
        return f"{seconds:.0f}{_STAY}s"
    if seconds < 7200:
        return f"{seconds / 60:.1f}{_STAY}min"
    return f"{seconds / 3600:.1f}{_STAY}h"


def _speed(images_per_second: float | None) -> str | None:
    return None if images_per_second is None else f"{images_per_second:.1f}"


def _count(number: int | None) -> str | None:
    if number is None:
        return None
    return f"{number / 1e6:.2f}{_STAY}M" if number >= 1e6 else f"{number:,}"


class _Cost(NamedTuple):
    """What a row cost, in words; None where it is not known."""

    name: str
    of: Callable[[RowResult], str | None]


_COSTS = (
    _Cost("time", lambda row: _duration(row.seconds)),
    _Cost("images/s, training", lambda row: _speed(row.images_per_second)),
    # Of what is not trained.
    _Cost("images/s, inference", lambda row: _speed(row.inference_images_per_second)),
    _Cost("parameters", lambda row: _count(row.parameters)),
)


def _against(column: Heading, row: RowResult) -> Cell:
    """In words, what interval and p of the paired difference say together.

    Of few patients the interval is too narrow: there the test, which is exact, does not agree.
    """
    found = row.against.get(column.key)
    if found is None:
        return Cell(_MISSING)
    form = f"+.{column.digits}f"
    low, high = found.low, found.high
    sure = found.p is not None and found.p < _SIGNIFICANT
    better, worse = (sure and low is not None and low > 0), (sure and high is not None and high < 0)
    if not column.higher_is_better:
        better, worse = worse, better
    verb = "beats" if better else "is worse than" if worse else "does not beat"
    difference = f"{found.difference:{form}}{_STAY}{_interval(found, form)}".rstrip()
    note = f"{difference}{_probability(found.p)}"
    return Cell(f"{verb} {found.row}:", note, best=better)


def _probability(p: float | None) -> str:
    if p is None:
        return ""
    return f", p{_STAY}<{_STAY}0.001" if p < 0.001 else f", p{_STAY}={_STAY}{p:.3f}"
