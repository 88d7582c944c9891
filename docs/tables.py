"""Writes the tables of the pages again, of what programs measured, the files of docs/measured.

    python docs/tables.py           # rewrites the pages whose tables have changed
    python docs/tables.py --check   # names them, and fails
    python docs/tables.py --keep=experiments/table3-quick/results.json   # into docs/measured first

A table stands between two comments, of which the first says what it is made of:

    <!-- table {"of": "isbi.jsonl", "rows": {"fold": null}, "columns": {"system": "", ...}} -->
    <!-- end -->

`of` is a file of docs/measured: the `results.json` of an experiment, or the lines that a benchmark
printed, as .jsonl. `rows` are chosen: lines by their values, null where the name is not there; an
experiment's by its data set, {"data_set": "phantom/quick"}. Their columns are `system`, keys of the
experiment's columns, KEY_paper, KEY_difference (from the row `against`), `minutes`,
`images_per_second` and `parameters`. `columns` are names of values with their headings. "turned":
true makes columns of the rows.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from casgan_jax.files import write_whole
from casgan_jax.json_form import read_as, to_json
from casgan_jax.report.results import Comparison, Results, RowResult

DOCS = Path(__file__).parent
_BLOCK = re.compile(r"<!-- table (\{.*?\}) -->\n.*?<!-- end -->", re.DOTALL)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--keep", type=Path, metavar="RESULTS_JSON", help="keep its figures")
    given = parser.parse_args()
    if given.keep:
        keep(given.keep)
    changed = {page: text for page in pages() if (text := written(page)) != page.read_text()}
    for page, text in changed.items():
        print(page.name)
        if not given.check:
            write_whole(page, text.encode())
    return 1 if changed and given.check else 0


def keep(path: Path) -> None:
    """Keeps the figures of an experiment, without paths of the machine that it ran on."""
    results = read_as(Results, path, remedy="run the experiment")
    name = ":".join(filter(None, (results.experiment, results.variant)))
    tables = tuple(
        dataclasses.replace(table, rows=tuple(_figures(row) for row in table.rows))
        for table in results.tables
    )
    command = f"python -m launch.experiment --config={name}"
    kept = dataclasses.replace(results, command=command, pictures=(), tables=tables)
    text = json.dumps(to_json(kept), indent=1) + "\n"
    write_whole(DOCS / "measured" / f"{name.replace(':', '_')}.json", text.encode())


def _figures(row: RowResult) -> RowResult:
    return dataclasses.replace(row, command="", worst=None, curves=None, training=None)


def pages() -> list[Path]:
    """The pages of the documentation."""
    return sorted(DOCS.glob("*.md"))


def written(page: Path) -> str:
    """The text of a page with its tables as they should be."""
    return _BLOCK.sub(_block, page.read_text())


def _block(found: re.Match[str]) -> str:
    asked = json.loads(found[1])
    columns = asked["columns"]
    rows = [[row.get(name, "") for name in columns] for row in _rows(asked["of"], asked["rows"])]
    rows = [row for row in rows if any(row[1:])]  # of one that is not compared, say, nothing
    if not rows:
        raise ValueError(f"{asked['of']}: found no row of {asked['rows']}")
    lines = [list(columns.values()), *rows]
    if asked.get("turned"):
        lines = [list(line) for line in zip(*lines, strict=True)]
    head, *rest = ["| " + " | ".join(map(str, line)) + " |" for line in lines]
    table = "\n".join([head, "|---" * len(lines[0]) + "|", *rest])
    return f"<!-- table {found[1]} -->\n\n{table}\n\n<!-- end -->"


def _rows(name: str, chosen: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The chosen rows of a file of docs/measured, each with its values as they are shown."""
    path = DOCS / "measured" / name
    if path.suffix == ".jsonl":
        found = [json.loads(line) for line in path.read_text().splitlines()]
        rows = [row for row in found if all(row.get(k) == v for k, v in chosen.items())]
        return [{name: _rounded(value) for name, value in row.items()} for row in rows]
    results = read_as(Results, path, remedy="copy it again")
    digits = {heading.key: heading.digits for heading in results.columns}
    return [
        _shown(row, digits)
        for table in results.tables
        if table.data_set == chosen["data_set"]
        for row in table.rows
        if row.status == "done"
    ]


def _rounded(value: Any) -> Any:
    """A figure, and its interval, to three digits after the point."""
    if not isinstance(value, str | float):
        return value
    return re.sub(r"\d+\.\d{4,}", lambda figure: f"{float(figure[0]):.3f}", str(value))


def _shown(row: RowResult, digits: Mapping[str, int]) -> dict[str, Any]:
    shown: dict[str, Any] = {"system": row.name}
    for key, value in row.values.items():
        places = digits[key]
        shown[key] = f"{value.mean:.{places}f}"
        if value.low is not None:
            shown[key] += f" [{value.low:.{places}f}, {value.high:.{places}f}]"
    for key, paper in row.paper.items():
        shown[f"{key}_paper"] = f"{paper:.{digits[key]}f}"
    for key, found in row.against.items():
        shown["against"] = found.row
        shown[f"{key}_difference"] = _difference(found, digits[key])
    if row.seconds is not None:
        shown["minutes"] = f"{row.seconds / 60:.1f}"
    if row.images_per_second is not None:
        shown["images_per_second"] = f"{row.images_per_second:.0f}"
    if row.parameters is not None:
        shown["parameters"] = f"{row.parameters / 1e6:.2f} M"
    return shown


def _difference(found: Comparison, places: int) -> str:
    told = f"{found.difference:+.{places}f}"
    if found.low is not None:
        told += f" [{found.low:+.{places}f}, {found.high:+.{places}f}]"
    if found.p is None:
        return told
    return told + (", p < 0.001" if found.p < 0.001 else f", p = {found.p:.3f}")


if __name__ == "__main__":
    sys.exit(main())
