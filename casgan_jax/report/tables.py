"""Tables of plain text: as Markdown, and for the template `tables.html` from the same cells.

table = Table([Column("system"), Column("Dice", largest_first=True)], [[Cell("U-Net"), ...]])
table.as_markdown()
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MISSING = "\N{EN DASH}"  # the text of a cell that has nothing


@dataclass(frozen=True)
class Cell:
    """Plain text, escaped where it is shown.

    Attributes:
      text: what it says.
      notes: smaller texts after it.
      best: whether the text is shown in bold.
      kind: class of the cell in HTML.
      value: that its column is sorted by; None: its text.
    """

    text: str
    notes: tuple[str, ...] = ()
    best: bool = False
    kind: str = ""
    value: float | None = None

    @property
    def is_missing(self) -> bool:
        """Whether it has nothing that its column could be sorted by."""
        return self.text == MISSING

    def as_markdown(self) -> str:
        text = markdown_text(self.text)
        text = f"**{text}**" if self.best else text
        return " ".join([text, *map(markdown_text, self.notes)])


@dataclass(frozen=True)
class Column:
    """The head of a column.

    Attributes:
      name: as it is shown.
      largest_first: whether the largest value comes first when it is first sorted by.
    """

    name: str
    largest_first: bool = False


@dataclass(frozen=True)
class Table:
    """Columns, and rows of as many cells; the first cell names its row."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]

    def as_markdown(self) -> str:
        names = [markdown_text(column.name) for column in self.columns]
        rows = [[cell.as_markdown() for cell in row] for row in self.rows]
        lines = [names, ["---"] * len(names), *rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def markdown_text(text: object) -> str:
    """GitHub Markdown that shows text as it is, on one line."""
    line = html.escape(" ".join(str(text).split()), quote=False)
    return re.sub(r"([\\`*_{}\[\]|#~])", r"\\\1", line)


def failures_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Lesions that failed, with their reasons, of rows with "key" and "reason"."""
    return Table(
        [Column("lesion"), Column("reason")],
        [(Cell(row["key"]), Cell(row["reason"])) for row in rows],
    )
