"""The report of an experiment: tables beside the paper's, curves and the worst cases on one page.

    write_report(results, Path("out"))

What `results` are is in `casgan_jax.report.results`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from casgan_jax.errors import UserError, counted, one_line
from casgan_jax.files import make_folder, write_whole
from casgan_jax.grid import PAPER_THRESHOLD
from casgan_jax.json_form import to_json
from casgan_jax.report.experiment_tables import (
    COLLAPSED,
    agreement_table,
    difference_table,
    failed_table,
    initial_weights_line,
    legend,
    measured_table,
    overview_table,
    seeds_table,
    unrun_table,
)
from casgan_jax.report.line_plot import Line, legend_key, line_plot, line_style
from casgan_jax.report.page import as_base64, as_jpeg, picture_address, render
from casgan_jax.report.results import Results, RowResult, TableResult
from casgan_jax.report.tables import Table, markdown_text
from casgan_jax.report.words import Words
from casgan_jax.workdir.layout import REPORT, REPORT_PAGE, RESULTS

_AGAINST = (
    "Each row minus the one that its cell names, on the same lesions. It beats that one where the "
    "95% interval of the difference is all on the better side of 0 and p is below 0.05."
)

_FAILED = "Rows that failed, and why. The same command runs them again."
_REPORTED = "Rows that were not run, as the paper reports them."
_COLLAPSED = (
    "A row that is marked as collapsed has learnt nothing: it is the best in nothing, whatever its "
    "figures."
)
_AGREEMENT = (
    "Mean Dice of readers, their 50% consensus and the network with each other, over slices that "
    "four readers outlined."
)


def write_report(results: Results, folder: Path) -> None:
    """Writes report.html, report.md and results.json; each is complete or not there.

    report.html is one file that needs no other. The same results give the same files.

    Args:
      results: of the experiment.
      folder: made if it is not there; files of these names are replaced.

    Raises:
      UserError: a number is not finite, a picture cannot be read, or a file cannot be written.
    """
    values = to_json(results)
    _check_finite(values, "results")
    written = {
        RESULTS: json.dumps(values, indent=1, allow_nan=False) + "\n",
        REPORT: _markdown(results),
        REPORT_PAGE: _page(results, folder),
    }
    make_folder(folder, field="folder of the report")
    for name, text in written.items():
        write_whole(folder / name, text.encode())


def _check_finite(value: Any, field: str) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise UserError(
            field,
            found=f"{value}",
            expected="a finite number, or null for none",
            remedy="leave it out of the means or mark its row as failed",
        )
    if isinstance(value, Mapping):
        for name, part in value.items():
            _check_finite(part, f"{field}.{name}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            _check_finite(part, f"{field}[{index}]")


class _Shown(NamedTuple):
    """A table, what is to be known of it, and whether it is folded away on the page."""

    about: str
    table: Table
    folded: str = ""  # what is shown of it then


def _tables(results: Results, table: TableResult) -> Iterator[_Shown]:
    """Those that there are for a data set."""
    columns, rows = results.columns, table.rows
    collapsed = _COLLAPSED if any(row.has_collapsed for row in rows) else ""
    about = " ".join(filter(None, (legend(rows), collapsed, initial_weights_line(rows))))
    if measured := measured_table(columns, rows):
        yield _Shown(about, measured)
    if failed := failed_table(columns, rows):
        yield _Shown(_FAILED, failed)
    if unrun := unrun_table(columns, rows):
        names = ", ".join(line[0].text for line in unrun.rows)
        folded = f"Not run, {len(unrun.rows)} of {len(rows)} rows: {names}"
        reported = any(row.paper for row in rows if row.status == "not run")
        yield _Shown(_REPORTED if reported else "Rows that were not run.", unrun, folded)
    for about, make in (
        (_AGAINST, difference_table),
        ("Each seed on its own.", seeds_table),
    ):
        if found := make(columns, rows):
            yield _Shown(about, found)
    for row in rows:
        if results.agreement and row.agreement:
            yield _Shown(_AGREEMENT, agreement_table(row.name, row.agreement, results.agreement))


def _overview(results: Results) -> _Shown | None:
    """The first figure on all data sets, where there are several."""
    if len(results.tables) < 2 or not results.columns:
        return None
    column = results.columns[0]
    return _Shown(f"{column.name} on every data set.", overview_table(column, results.tables))


def _extent(table: TableResult) -> str:
    return f"{counted(table.lesions, 'lesion')} of {counted(table.patients, 'patient')}"


def _markdown(results: Results) -> str:
    parts = [
        f"# {markdown_text(results.title)}",
        f"{markdown_text(_origin(results))}:",
        f"    {results.command}",
    ]
    if results.notes:
        parts.append("\n".join(f"- {markdown_text(note)}" for note in results.notes))
    if overview := _overview(results):
        parts += [f"{markdown_text(overview.about)}", overview.table.as_markdown()]
    for picture in results.pictures:
        parts += [f"![{markdown_text(picture.title)}]({picture.file})"]
    for table in results.tables:
        about = f"{table.note}; {_extent(table)}" if table.note else _extent(table)
        parts += [f"## {markdown_text(table.data_set)}", f"{markdown_text(about)}."]
        for shown in _tables(results, table):
            parts += [markdown_text(shown.about), shown.table.as_markdown()]
        commands = [f"    {row.command}" for row in table.rows if row.command]
        parts += ["The commands of the rows:", "\n".join(commands)] if commands else []
    return "\n\n".join(parts) + "\n"


def _origin(results: Results) -> str:
    name = ":".join(part for part in (results.experiment, results.variant) if part)
    return f"{name}, {results.date}, {results.machine}"


def _page(results: Results, folder: Path) -> str:
    return render(
        "experiment.html",
        words=Words(),
        title=results.title,
        origin=_origin(results),
        command=results.command,
        notes=results.notes,
        overview=_overview(results),
        pictures=[(one.title, _image(folder / one.file)) for one in results.pictures],
        sections=[_section(results, table, folder) for table in results.tables],
    )


def _section(results: Results, table: TableResult, folder: Path) -> dict[str, Any]:
    """What the page shows of a data set."""
    return {
        "name": table.data_set,
        "about": f"{table.note}; {_extent(table)}" if table.note else _extent(table),
        "tables": list(_tables(results, table)),
        "plots": _plots(table.rows),
        "commands": [(row.name, row.command) for row in table.rows if row.command],
        "worst": [(row.name, _image(folder / row.worst)) for row in table.rows if row.worst],
    }


class _Plots(NamedTuple):
    """Dice by threshold and during training, as SVG; keys: (line, name) of what both show."""

    drawings: list[Markup]
    keys: list[tuple[Markup, str]]


def _plots(rows: Sequence[RowResult]) -> _Plots:
    styled = [(row, line_style(i, strong=row.group == "casgan")) for i, row in enumerate(rows)]
    by_threshold = [
        Line(row.curves.thresholds, row.curves.dice, style) for row, style in styled if row.curves
    ]
    by_step = [
        Line(row.training.steps, row.training.dice, style) for row, style in styled if row.training
    ]
    drawings = []
    if by_threshold:
        at_128 = (PAPER_THRESHOLD, "128/255")
        drawings.append(line_plot(by_threshold, x="threshold", y="mean Dice", marked=at_128))
    if by_step:
        drawings.append(line_plot(by_step, x="training step", y="validation Dice"))
    shown = [(row, style) for row, style in styled if row.curves or row.training]
    return _Plots(drawings, [(legend_key(style), _named(row)) for row, style in shown])


def _named(row: RowResult) -> str:
    return f"{row.name} ({COLLAPSED})" if row.has_collapsed else row.name


def _image(path: Path) -> str:
    """The address of a picture that is in the page."""
    try:
        coded = as_base64(as_jpeg(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise UserError(
            path,
            found=f"that it cannot be read ({one_line(error)})",
            expected="a picture of the experiment",
            remedy="evaluate the row again",
        ) from error
    return picture_address(coded)
