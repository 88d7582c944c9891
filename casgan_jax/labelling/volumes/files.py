"""What a labelled volume leaves in a folder, and its line in volumes.csv.

| file | content |
|---|---|
| volumes/soft_masks/KEY.nii.gz | soft mask, float32, on the grid of the series; or .nrrd, .mha |
| volumes/sheets/KEY.png | its slices and those beside it, marks in blue, outlines in orange |

Indices of slices are those of the series or file, from 0, in the order of their places.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.files import make_folder
from casgan_jax.images import write_png, write_volume
from casgan_jax.images.volume_files import FORMATS
from casgan_jax.labelling.files import OBJECTS
from casgan_jax.labelling.volumes.labelled import LabelledVolume
from casgan_jax.labelling.volumes.lesion import VolumeLesion
from casgan_jax.labelling.volumes.sheet import draw_sheet

FOLDER = "volumes"
TABLE = "volumes.csv"
KINDS = {"soft_mask": f"{FOLDER}/soft_masks", "sheet": f"{FOLDER}/sheets"}
COLUMNS = (
    "key",
    "patient",
    "study_date",  # YYYYMMDD, of DICOM
    "image",  # folder of the series, or file
    "series",  # UID, of DICOM
    "status",  # labelled or failed
    "reason",  # of a failure
    "volume_mm3",  # the sum of the soft mask
    "hard_volume_mm3",  # of the voxels at the threshold
    "volume_difference_mm3",  # the first less the second
    "sphere_mm",  # diameter of the sphere of volume_mm3
    "surface_mm2",
    "long_mm",  # longest diameter in any slice, and the one across it
    "short_mm",
    "long_slice",
    "axes",  # x1,y1,...,x4,y4 of them, in pixels
    "given_long_mm",  # longest of the axes that were given
    "given_short_mm",
    "given_slice",
    "marked_slices",
    "corrected_slices",  # that strokes are on, or that the lesion is said not to be in
    "first_slice",
    "last_slice",
    "ended_below",  # what ended the lesion there
    "ended_above",
    "mean",  # of the values, weighted by the soft mask
    "p5",
    "p50",
    "p95",
    "unit",
    "centre_mm",  # x,y,z, LPS
    "spacing_mm",  # slice,row,column
    "window",  # low,high
    "threshold",
    "note",
    *KINDS,  # files, relative to the folder; of several formats the first
    *OBJECTS,
)

Row = dict[str, Any]  # str or float, by the column


def make_folders(folder: Path) -> None:
    """Makes the folders that `write_lesion_volume` writes to.

    Raises:
      UserError: one cannot be made.
    """
    for name in KINDS.values():
        make_folder(folder / name, field="output")


def remove_empty_folders(folder: Path) -> None:
    """Removes those of them that no file was written to, as there was none of the kind."""
    for name in KINDS.values():
        with contextlib.suppress(OSError):  # one that has files stays
            (folder / name).rmdir()


def write_lesion_volume(
    label: LabelledVolume, folder: Path, formats: Collection[str]
) -> dict[str, list[str]]:
    """Writes the files of a lesion.

    Args:
      label: the lesion.
      folder: that has the folders made by `make_folders`.
      formats: those that are none of `FORMATS` do not matter.

    Returns:
      {kind: paths relative to the folder}.

    Raises:
      UserError: a file cannot be written.
    """
    masks = [_name("soft_mask", label.key, FORMATS[one]) for one in formats if one in FORMATS]
    if masks:
        whole = np.zeros((label.run.count, *label.alpha.shape[1:]), np.float32)
        whole[label.first : label.first + len(label.alpha)] = label.alpha
        for name in masks:
            write_volume(folder / name, whole, label.spacing_mm[1:], label.run.geometry)
    drawn = _name("sheet", label.key, ".png")
    write_png(folder / drawn, draw_sheet(label))
    return {"soft_mask": masks, "sheet": [drawn]}


def remove_lesion_volume(folder: Path, key: str) -> None:
    """Removes the files that a lesion of that key left, in whatever format."""
    for kind in KINDS:
        for suffix in (*FORMATS.values(), ".png"):
            (folder / _name(kind, key, suffix)).unlink(missing_ok=True)


def volume_row(
    lesion: VolumeLesion, label: LabelledVolume, files: Mapping[str, Sequence[str]]
) -> Row:
    """The line of a labelled lesion, {column: value}; columns that say nothing are left out."""
    measures, start = label.measures, label.run.first
    longest = measures.diameters
    row = {
        **origin(lesion),
        "status": "labelled",
        "volume_mm3": measures.volume_mm3,
        "hard_volume_mm3": measures.hard_volume_mm3,
        "volume_difference_mm3": measures.volume_mm3 - measures.hard_volume_mm3,
        "sphere_mm": measures.sphere_mm,
        "surface_mm2": measures.surface_mm2,
        "long_mm": longest.long_mm,
        "short_mm": longest.short_mm,
        "long_slice": start + label.first + longest.slice,
        "axes": _numbers(longest.axes),
        "marked_slices": ",".join(str(start + index) for index in label.marked),
        "first_slice": start + label.first,
        "last_slice": start + label.first + len(label.alpha) - 1,
        "ended_below": label.ended[0],
        "ended_above": label.ended[1],
        "mean": measures.mean,
        **dict(zip(("p5", "p50", "p95"), measures.percentiles, strict=True)),
        "unit": label.unit,
        "centre_mm": _numbers(label.centre_mm),
        "spacing_mm": _numbers(label.spacing_mm),
        "window": _numbers(label.window),
        "threshold": label.threshold,
        **{kind: names[0] for kind, names in files.items() if names},
    }
    if (given := label.given) is not None:
        row |= {"given_slice": start + given.slice, "given_long_mm": given.long_mm}
        if lesion.first.axes is None or len(lesion.first.axes.ends) == 4:
            row["given_short_mm"] = given.short_mm  # else the long axis alone was measured
    corrected = {index for index, one in lesion.marks if one.strokes}
    if corrected := corrected | {one.slice for one in lesion.corrections}:
        row["corrected_slices"] = ",".join(map(str, sorted(corrected)))
    if label.notes:
        row["note"] = "; ".join(label.notes)
    return row


def failed_volume_row(lesion: VolumeLesion, reason: str) -> Row:
    """The line of a lesion that could not be labelled."""
    return {**origin(lesion), "status": "failed", "reason": reason}


def origin(lesion: VolumeLesion) -> Row:
    """The columns that tell which lesion it is."""
    first, slices = lesion.first, lesion.slices
    row = {
        "key": lesion.key,
        "patient": first.patient,
        "image": str((slices.path if slices else first.image).absolute()),
    }
    if slices is not None and slices.uid:
        row["series"] = slices.uid
    if slices is not None and slices.date:
        row["study_date"] = slices.date
    return row


def _name(kind: str, key: str, suffix: str) -> str:
    return f"{KINDS[kind]}/{key}{suffix}"


def _numbers(values: Sequence[float] | np.ndarray) -> str:
    return ",".join(f"{value:.6g}" for value in values)
