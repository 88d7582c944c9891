"""The report of an experiment: tables beside the paper's, curves and the worst cases on one page.

    write_report(results, Path("out"))

What `results` are is in `casgan_jax.report.results`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from casgan_jax.errors import UserError, one_line
from casgan_jax.files import make_folder, write_whole
from casgan_jax.grid import PAPER_THRESHOLD
from casgan_jax.json_form import to_json
from casgan_jax.report.experiment_tables import (
    LEGEND,
    Table,
    agreement_table,
    difference_table,
    initial_weights_line,
    markdown_text,
    measured_table,
    overview_table,
    seeds_table,
)
from casgan_jax.report.line_plot import Line, legend_key, line_plot, line_style
from casgan_jax.report.page import as_base64, as_jpeg, as_text, picture_address, read_template
from casgan_jax.report.results import Picture, Results, RowResult, TableResult
from casgan_jax.workdir.layout import REPORT, REPORT_PAGE, RESULTS

_AGAINST = (
    "Each row minus the one that its cell names, on the same lesions. It beats that one where the "
    "95% interval of the difference is all on the better side of 0 and p is below 0.05."
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


def _tables(results: Results, table: TableResult) -> Iterator[tuple[str, Table]]:
    """(what is to be known of it, the table) of each that there is for a data set."""
    weights = initial_weights_line(table.rows)
    made = (
        (f"{LEGEND} {weights}".rstrip(), measured_table),
        (_AGAINST, difference_table),
        ("Each seed on its own.", seeds_table),
    )
    for about, make in made:
        if found := make(results.columns, table.rows):
            yield about, found
    for row in table.rows:
        if results.agreement and row.agreement:
            yield _AGREEMENT, agreement_table(row.name, row.agreement, results.agreement)


def _overview(results: Results) -> tuple[str, Table] | None:
    """The first figure on all data sets, where there are several."""
    if len(results.tables) < 2 or not results.columns:
        return None
    column = results.columns[0]
    return f"{column.name} on every data set.", overview_table(column, results.tables)


def _extent(table: TableResult) -> str:
    return f"{table.lesions} lesions of {table.patients} patients"


def _markdown(results: Results) -> str:
    parts = [
        f"# {markdown_text(results.title)}",
        f"{markdown_text(_origin(results))}:",
        f"    {results.command}",
    ]
    if results.notes:
        parts.append("\n".join(f"- {markdown_text(note)}" for note in results.notes))
    if overview := _overview(results):
        parts += [f"{markdown_text(overview[0])}", overview[1].as_markdown()]
    for picture in results.pictures:
        parts += [f"![{markdown_text(picture.title)}]({picture.file})"]
    for table in results.tables:
        about = f"{table.note}; {_extent(table)}" if table.note else _extent(table)
        parts += [f"## {markdown_text(table.data_set)}", f"{markdown_text(about)}."]
        for caption, found in _tables(results, table):
            parts += [markdown_text(caption), found.as_markdown()]
        commands = [f"    {row.command}" for row in table.rows if row.command]
        parts += ["The commands of the rows:", "\n".join(commands)] if commands else []
    return "\n\n".join(parts) + "\n"


def _origin(results: Results) -> str:
    name = ":".join(part for part in (results.experiment, results.variant) if part)
    return f"{name}, {results.date}, {results.machine}"


def _page(results: Results, folder: Path) -> str:
    return _TEMPLATE.substitute(
        title=as_text(results.title),
        origin=as_text(_origin(results)),
        command=as_text(results.command),
        overview=_as_html(*overview) if (overview := _overview(results)) else "",
        notes="\n".join(f"<li>{as_text(note)}</li>" for note in results.notes),
        pictures="\n".join(_picture(picture, folder) for picture in results.pictures),
        sections="\n".join(_section(results, table, folder) for table in results.tables),
    )


def _section(results: Results, table: TableResult, folder: Path) -> str:
    tables = "\n".join(_as_html(about, found) for about, found in _tables(results, table))
    note = f"{as_text(table.note)}<br>" if table.note else ""
    return (
        f"<section>\n<h2>{as_text(table.data_set)}</h2>\n<p>{note}{_extent(table)}</p>\n"
        f"{tables}\n{_plots(table.rows)}\n{_commands(table.rows)}\n"
        f"{_worst_cases(table.rows, folder)}\n</section>"
    )


def _as_html(about: str, table: Table) -> str:
    return f"<p>{as_text(about)}</p>\n{table.as_html()}"


def _plots(rows: Sequence[RowResult]) -> str:
    """Dice by threshold and during training, with one legend; nothing where no row has any."""
    styled = [(row, line_style(i, strong=row.group == "casgan")) for i, row in enumerate(rows)]
    by_threshold = [
        Line(row.curves.thresholds, row.curves.dice, style) for row, style in styled if row.curves
    ]
    by_step = [
        Line(row.training.steps, row.training.dice, style) for row, style in styled if row.training
    ]
    at_128 = (PAPER_THRESHOLD, "128/255")
    plots = [
        _plot(by_threshold, x="threshold", y="mean Dice", marked=at_128),
        _plot(by_step, x="training step", y="validation Dice"),
    ]
    if not any(plots):
        return ""
    keys = "".join(
        f"<li>{legend_key(style)} {as_text(row.name)}</li>"
        for row, style in styled
        if row.curves or row.training
    )
    return f'<div class="plots">{"".join(plots)}</div>\n<ul class="legend">{keys}</ul>'


def _plot(lines: Sequence[Line], *, x: str, y: str, marked: tuple[float, str] | None = None) -> str:
    return f"<figure>{line_plot(lines, x=x, y=y, marked=marked)}</figure>" if lines else ""


def _commands(rows: Sequence[RowResult]) -> str:
    commands = "".join(
        f"<dt>{as_text(row.name)}</dt><dd><code>{as_text(row.command)}</code></dd>"
        for row in rows
        if row.command
    )
    return (
        f"<details><summary>Commands of the rows</summary><dl>{commands}</dl></details>"
        if commands
        else ""
    )


def _worst_cases(rows: Sequence[RowResult], folder: Path) -> str:
    return "\n".join(
        f"<details><summary>Worst cases: {as_text(row.name)}</summary>"
        f"{_image(folder / row.worst, 'worst cases of ' + row.name)}</details>"
        for row in rows
        if row.worst
    )


def _picture(picture: Picture, folder: Path) -> str:
    title = picture.title
    image = _image(folder / picture.file, title)
    return f"<section>\n<h2>{as_text(title)}</h2>\n{image}</section>"


def _image(path: Path, alternative: str) -> str:
    try:
        coded = as_base64(as_jpeg(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise UserError(
            path,
            found=f"that it cannot be read ({one_line(error)})",
            expected="a picture of the experiment",
            remedy="evaluate the row again",
        ) from error
    address = picture_address(coded, kind="jpeg")
    return (
        f'<div class="wide" tabindex="0"><img src="{address}" alt="{as_text(alternative)}"></div>'
    )


_TEMPLATE = read_template(__package__, "experiment.html")
