"""Accepted lesions as `casgan label` writes them, and a table of every decision.

    exported = export(place, Path("labels/anna"), BatchOptions())

The folder has what `casgan_jax.labelling.batch` leaves of the accepted lesions, and what
`casgan_jax.labelling.volumes.batch` does of those that have a volume, and nothing of those that are
accepted no more; decisions.csv has a line for every lesion that the reader touched.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from casgan_jax.annotate.workplace import Workplace
from casgan_jax.annotations import Annotations
from casgan_jax.errors import UserError
from casgan_jax.files import make_folder, write_whole
from casgan_jax.images.volume_files import FORMATS
from casgan_jax.labelling import objects
from casgan_jax.labelling.batch import Batch, BatchOptions, forget_others, label_batch
from casgan_jax.labelling.volumes.batch import (
    VolumeBatch,
    VolumeBatchOptions,
    forget_other_volumes,
    label_volume_lesions,
)
from casgan_jax.labelling.volumes.labelled import VolumeOptions
from casgan_jax.labelling.volumes.lesion import VolumeLesion

DECISIONS = "decisions.csv"
_COLUMNS = ("key", "image", "reader", "state", "strokes", "comment")
_FORMAT = "nifti"  # of volumes, where those that are asked for are of slices alone


class Exported(NamedTuple):
    """What was written.

    Attributes:
      labels: of the accepted lesions.
      volumes: of those that have one; None: none has.
    """

    labels: Batch
    volumes: VolumeBatch | None

    @property
    def failed(self) -> list[str]:
        """A line for each label or volume that cannot be made."""
        rows = [*self.labels.rows, *(self.volumes.rows if self.volumes else ())]
        return [f"{row['key']}: {row['reason']}" for row in rows if row["status"] == "failed"]

    @property
    def written(self) -> int:
        """Number of lesions that were labelled on their slice."""
        return sum(row["status"] == "labelled" for row in self.labels.rows)


def export(
    place: Workplace, folder: Path, options: BatchOptions, *, workers: int | None = 0
) -> Exported:
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
    volumes = [key for key in accepted if place.state(key).volume]
    forget_others(folder, accepted)
    forget_other_volumes(folder, volumes)
    if not accepted:
        raise UserError("export", found="no accepted lesion", expected="one at least")
    found = [one for key in accepted if (one := place.annotation(key)) is not None]
    labels = label_batch(
        Annotations(tuple(found), ()), folder, options, workers=workers, progress=False
    )
    return Exported(labels, _write_volumes(place, volumes, folder, options) if volumes else None)


def _write_volumes(
    place: Workplace, keys: Sequence[str], folder: Path, options: BatchOptions
) -> VolumeBatch:
    label = VolumeOptions(window=options.label.window, threshold=options.label.threshold)
    of_volumes = [one for one in options.formats if one in FORMATS or one in objects.FORMATS]
    return label_volume_lesions(
        [_volume_lesion(place, key) for key in keys],
        folder,
        VolumeBatchOptions(label=label, formats=tuple(of_volumes) or (_FORMAT,)),
        progress=False,
    )


def _volume_lesion(place: Workplace, key: str) -> VolumeLesion:
    try:
        return place.volume_lesion(key)
    except UserError as error:  # its row tells
        return VolumeLesion(key, ((0, place.item(key).picture.annotation),), fault=error)


def _write_decisions(place: Workplace, path: Path) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for key, item in place.items.items():
        state = place.state(key)
        if state.last:
            name, strokes = item.picture.name, state.stroke_count
            writer.writerow([key, name, place.reader, state.name, strokes, state.comment])
    write_whole(path, text.getvalue().encode())
