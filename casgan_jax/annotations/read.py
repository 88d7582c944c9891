"""Reading a table of lesions, whichever of the known ones it is.

    found = read_annotations("lesions.csv")
    found.annotations[0].image
    [failure.reason for failure in found.failures]

Known are DeepLesion's `DL_info.csv`, as it is published (`casgan_jax.annotations.deeplesion`), and
the project's own columns (`casgan_jax.annotations.table`).
"""

from __future__ import annotations

from pathlib import Path

from casgan_jax.annotations import cells, deeplesion, table
from casgan_jax.annotations.annotation import Annotations
from casgan_jax.errors import UserError
from casgan_jax.files import read_table


def read_annotations(path: Path | str) -> Annotations:
    """The lesions of a table; lines that cannot be used are told beside them.

    Nothing but the table is read: whether the images are there is found out when they are.

    Args:
      path: of a CSV file, UTF-8, commas, semicolons or tabs between the cells.

    Raises:
      UserError: no such file, no CSV, no line, missing columns (named), or DeepLesion's table
        without its images beside it.
    """
    path = Path(path)
    separator, rows = read_table(path, (), remedy="give a CSV table of lesions")
    if not rows:
        raise UserError(
            path,
            found="no line below the column names",
            expected="one a lesion",
        )
    columns = [name for name in rows[0][1] if name is not None]
    strange = [name for name in columns if not name.isprintable()]
    if strange:
        raise UserError(
            path,
            found=f"the column name {cells.shown(strange[0])}",
            expected="names on one line",
            remedy="correct the first line",
        )
    if deeplesion.is_table(columns):
        return deeplesion.read_lesions(path).annotations
    rows = [(line, table.plain_row(row, separator)) for line, row in rows]
    table.check_columns(path, [name for name in rows[0][1] if name is not None])
    return table.parse_rows(path, rows)
