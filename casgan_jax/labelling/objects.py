"""Labelled lesions as the objects of a PACS, one set for each series of images.

A series' objects lie in dicom/SERIES, SERIES being its UID, beside made_of.json, which is written
last and says of which labels they were made: of the same ones they are not made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from casgan_jax.dicom import objects
from casgan_jax.dicom.finding import Finding, Placed, place_finding
from casgan_jax.errors import UserError
from casgan_jax.files import make_folder, read_json, write_whole
from casgan_jax.labelling.crops import crop_of, crop_record
from casgan_jax.labelling.files import OBJECTS, Row
from casgan_jax.labelling.label import LesionLabel
from casgan_jax.labelling.lesion import Lesion

FORMATS = objects.KINDS_OF_FORMATS

_MADE_OF = "made_of.json"
_COLUMNS = {
    "soft": "soft_segmentation",
    "binary": "binary_segmentation",
    "report": "report",
    "contours": "contours",
}

Record = Mapping[str, Any]


class Maker(NamedTuple):
    """How objects are made of records.

    Attributes:
      folder: within the output, that has one for each series.
      series_of: records' `finding` -> findings of each series, with `finding.key`.
      write: folder, findings, kinds -> {key: names of files and number of the segment}.
    """

    folder: str
    series_of: Callable[[Sequence[Record]], Mapping[str, Sequence[Any]]]
    write: Callable[[Path, Sequence[Any], Collection[str]], Mapping[str, objects.Entry]]


def finding_record(lesion: Lesion, label: LesionLabel) -> dict[str, Any]:
    """What objects need to know of a lesion, JSON-ready.

    Raises:
      UserError: its image is no DICOM file, or none that objects can be made of.
    """
    if lesion.file is None or lesion.frame is None:
        raise UserError(
            lesion.annotation.image,
            found="an image that is no DICOM file",
            expected="one, as `format` asks for what goes beside it in a PACS",
            remedy="ask for png, npy, nifti, nrrd or mha",
        )
    record = crop_record(label) | {
        "key": label.key,
        "file": str(lesion.file.absolute()),
        "frame": lesion.frame,
        "axes": label.measured_axes.tolist(),
        "diameters_mm": label.diameters_mm or (np.nan, np.nan),  # such an image is refused below
        "area_mm2": label.area_mm2,
        "quality": label.quality,
        "method": label.strategy,
    }
    _check_spacing(lesion, place_finding(_finding(record)))
    return record


def _check_spacing(lesion: Lesion, placed: Placed) -> None:
    """Refuses lengths that are not those of the lines which are drawn beside them."""
    column, row, _ = placed.geometry.spacing
    if lesion.spacing_mm is None or not np.allclose(lesion.spacing_mm, (row, column), rtol=1e-3):
        raise UserError(
            lesion.annotation.image,
            found=f"spacing_mm {lesion.spacing_mm} for an image of {row:g},{column:g} mm",
            expected="the image's own, by which viewers measure what goes into a PACS",
            remedy="leave spacing_mm out",
        )


def write_objects(
    folder: Path,
    rows: Sequence[Row],
    formats: Collection[str],
    record_of: Callable[[str], Record],
    maker: Maker | None = None,
) -> list[Row]:
    """Writes what is not there yet, and says in the rows where it is.

    Args:
      folder: the output.
      rows: of all lesions.
      formats: of `FORMATS`; others do not matter.
      record_of: key of a labelled lesion -> its record, with `finding` and `fingerprint`.
      maker: what makes them; None: of lesions of one slice each.

    Returns:
      The rows, in their order, with the columns `OBJECTS`. Those of a series whose objects cannot
      be made are failures.

    Raises:
      UserError: a file of the folder cannot be written.
    """
    maker = maker or Maker("dicom", _series_of, objects.write_objects)
    root = folder / maker.folder
    kinds = sorted(FORMATS[name] for name in formats if name in FORMATS)
    if not kinds:
        _remove_others(root, (), {row["key"] for row in rows})
        return list(rows)
    records = {row["key"]: record_of(row["key"]) for row in rows if row["status"] == "labelled"}
    told: dict[str, Row] = {}
    series = maker.series_of([record["finding"] for record in records.values()])
    _remove_others(root, series, {row["key"] for row in rows})
    for name, group in series.items():
        keys = [one.finding.key for one in group]
        fingerprint = _fingerprint(kinds, [(key, records[key]["fingerprint"]) for key in keys])
        try:
            entries = _made(root / name, group, kinds, fingerprint, maker)
        except UserError as error:
            told |= {key: {"status": "failed", "reason": str(error)} for key in keys}
            continue
        told |= {key: _columns(f"{maker.folder}/{name}", entries[key]) for key in keys}
    return [row | told.get(row["key"], {}) if row["status"] == "labelled" else row for row in rows]


def files_of(folder: Path, rows: Sequence[Row]) -> list[Path]:
    """The objects of labelled lesions, segmentations before the report that refers to them."""
    labelled = [row for row in rows if row["status"] == "labelled"]
    names = [row[column] for column in _COLUMNS.values() for row in labelled if column in row]
    return [folder / name for name in dict.fromkeys(names)]


def _series_of(records: Sequence[Record]) -> Mapping[str, Sequence[Placed]]:
    return objects.series_of(list(map(_finding, records)))


def _finding(record: Record) -> Finding:
    box, alpha = crop_of(record)
    return Finding(
        key=record["key"],
        file=Path(record["file"]),
        frame=record["frame"],
        box=box,
        scale=record["scale"],
        alpha=alpha,
        threshold=record["threshold"],
        axes=np.array(record["axes"]),
        diameters_mm=tuple(record["diameters_mm"]),
        area_mm2=record["area_mm2"],
        quality=record["quality"],
        method=record["method"],
    )


def _made(
    folder: Path, group: Sequence[Any], kinds: Sequence[str], fingerprint: str, maker: Maker
) -> dict[str, objects.Entry]:
    """{key: names of files and number of the segment}; writes what was made of other labels."""
    make_folder(folder, field="output")
    was_of, entries = _noted(folder)
    files = {name for entry in entries.values() for name in entry.values()}
    there = all((folder / name).is_file() for name in files if isinstance(name, str))
    if was_of == fingerprint and there:
        return entries
    _remove(folder)
    entries = dict(maker.write(folder, group, kinds))
    text = json.dumps({"fingerprint": fingerprint, "entries": entries})
    write_whole(folder / _MADE_OF, text.encode())
    return entries


def _noted(folder: Path) -> tuple[str, dict[str, objects.Entry]]:
    """What made_of.json says; nothing where it is damaged, and all is made again."""
    try:
        found = read_json(folder / _MADE_OF, remedy="label again")
        return found["fingerprint"], dict(found["entries"])
    except (UserError, KeyError):
        return "", {}


def _remove_others(root: Path, series: Collection[str], keys: Collection[str]) -> None:
    """Removes the objects of series that none of these lesions is labelled on any more."""
    for note in root.glob(f"*/{_MADE_OF}"):
        _, made = _noted(note.parent)
        if note.parent.name not in series and made.keys() & set(keys):
            _remove(note.parent)


def _remove(folder: Path) -> None:
    for path in (folder / _MADE_OF, *folder.glob("*.dcm"), *folder.glob(".*.part")):
        path.unlink(missing_ok=True)


def _fingerprint(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _columns(place: str, entry: objects.Entry) -> Row:
    row: Row = {
        column: f"{place}/{entry[kind]}" for kind, column in _COLUMNS.items() if kind in entry
    }
    if "segment" in entry:
        row["segment"] = entry["segment"]
    assert row.keys() <= set(OBJECTS)
    return row
