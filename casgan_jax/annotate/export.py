"""Accepted lesions as `casgan label` writes them, and a table of every decision.

    batch = export(place, Path("labels/anna"), BatchOptions())

The folder has what `casgan_jax.labelling.batch` leaves of the accepted lesions, and nothing of
those that are accepted no more; decisions.csv has a line for every lesion that the reader touched.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

from casgan_jax.annotate.workplace import Workplace
from casgan_jax.annotations import Annotations
from casgan_jax.errors import UserError
from casgan_jax.files import make_folder, write_whole
from casgan_jax.labelling.batch import Batch, BatchOptions, forget_others, label_batch

DECISIONS = "decisions.csv"
_COLUMNS = ("key", "image", "reader", "state", "strokes", "comment")


def export(
    place: Workplace, folder: Path, options: BatchOptions, *, workers: int | None = 0
) -> Batch:
    """Writes the accepted lesions of a reader.

    Args:
      place: the reader's work.
      folder: to write to; made if it is not there.
      options: of the files.
      workers: see `label_batch`.

    Raises:
      UserError: nothing is accepted, or the folder cannot be written to.
    """
    make_folder(folder, field="output")
    _write_decisions(place, folder / DECISIONS)
    accepted = [key for key in place.items if place.state(key).decision == "accepted"]
    forget_others(folder, accepted)
    if not accepted:
        raise UserError("export", found="no accepted lesion", expected="one at least")
    found = [one for key in accepted if (one := place.annotation(key)) is not None]
    return label_batch(
        Annotations(tuple(found), ()), folder, options, workers=workers, progress=False
    )


def _write_decisions(place: Workplace, path: Path) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for key, item in place.items.items():
        state = place.state(key)
        if state.last:
            name, strokes = item.picture.name, len(state.strokes)
            writer.writerow([key, name, place.reader, state.name, strokes, state.comment])
    write_whole(path, text.getvalue().encode())
