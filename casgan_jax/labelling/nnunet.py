"""Labelled images as a raw data set of nnU-Net: a case is a slice with all its lesions.

    OUTPUT/nnunet/dataset.json
    OUTPUT/nnunet/imagesTr/CASE_0000.nii.gz   the slice's values, as a volume of one slice
    OUTPUT/nnunet/labelsTr/CASE.nii.gz        1 where a soft mask reaches the threshold, else 0

nnU-Net trains on hard labels: the soft masks are cut at the threshold here, and only here. Source:
documentation/dataset_format.md of MIC-DKFZ/nnUNet.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.annotations.table import default_key
from casgan_jax.files import make_folder, write_whole
from casgan_jax.grid import area_mean, as_stored, binarise
from casgan_jax.images import write_nifti
from casgan_jax.images.geometry import Geometry
from casgan_jax.labelling.crops import crop_of, crop_record
from casgan_jax.labelling.files import Row
from casgan_jax.labelling.label import LesionLabel
from casgan_jax.labelling.lesion import Lesion

FORMAT = "nnunet"

_FOLDER, _ENDING = "nnunet", ".nii.gz"
_PARTS = ("imagesTr", "labelsTr")

Record = Mapping[str, Any]


def write_image(lesion: Lesion, label: LesionLabel, folder: Path) -> dict[str, Any]:
    """Writes the image of a lesion's case; lesions of one slice write the same.

    Returns:
      What `write_cases` needs to know of the lesion, JSON-ready.

    Raises:
      UserError: the values are not finite, or a file cannot be written.
    """
    annotation = lesion.annotation
    place = f"{annotation.image.absolute()}:{annotation.slice_index}"
    index = "" if annotation.slice_index is None else str(annotation.slice_index)
    name = default_key(annotation.image.name, index)
    case = f"{name}_{hashlib.sha256(place.encode()).hexdigest()[:8]}"
    image = f"{_FOLDER}/imagesTr/{case}_0000{_ENDING}"
    make_folder((folder / image).parent, field="output")
    write_nifti(folder / image, lesion.values, lesion.spacing_mm, lesion.geometry)
    geometry = lesion.geometry and [lesion.geometry.affine.tolist(), lesion.geometry.frame]
    return crop_record(label) | {
        "case": case,
        "image": image,
        "shape": list(lesion.values.shape),
        "spacing_mm": lesion.spacing_mm,
        "geometry": geometry,
        "unit": lesion.unit,
    }


def write_cases(folder: Path, rows: Sequence[Row], record_of: Callable[[str], Record]) -> int:
    """Writes the labels of all cases and dataset.json, and removes what is of none of them.

    Returns:
      The number of cases.

    Raises:
      UserError: a file cannot be written.
    """
    cases = defaultdict(list)
    for row in rows:
        if row["status"] == "labelled":
            record = record_of(row["key"])["case"]
            cases[record["case"]].append(record)
    for part in _PARTS:
        make_folder(folder / _FOLDER / part, field="output")
    wanted = {f"imagesTr/{case}_0000{_ENDING}" for case in cases}
    wanted |= {f"labelsTr/{case}{_ENDING}" for case in cases}
    for part in _PARTS:
        for path in (folder / _FOLDER / part).iterdir():
            if f"{part}/{path.name}" not in wanted:
                path.unlink()
    for case, records in cases.items():
        _write_label(folder / _FOLDER / "labelsTr" / f"{case}{_ENDING}", records)
    units = {record["unit"] for records in cases.values() for record in records}
    description = {
        "channel_names": {"0": "CT" if units == {"HU"} else "image"},
        "labels": {"background": 0, "lesion": 1},
        "numTraining": len(cases),
        "file_ending": _ENDING,
    }
    write_whole(folder / _FOLDER / "dataset.json", json.dumps(description, indent=2).encode())
    return len(cases)


def _write_label(path: Path, records: Sequence[Record]) -> None:
    first = records[0]
    rows, columns = first["shape"]
    label = np.zeros((rows, columns), np.uint8)
    for record in records:
        box, alpha = crop_of(record)
        native = box.paste(as_stored(area_mean(alpha, record["scale"])), (rows, columns))
        label |= binarise(native, record["threshold"]).astype(np.uint8)
    spacing_mm = first["spacing_mm"] and tuple(first["spacing_mm"])
    geometry = None
    if first["geometry"]:
        affine, frame = first["geometry"]
        geometry = Geometry.from_affine((columns, rows, 1), np.array(affine), frame)
    write_nifti(path, label, spacing_mm, geometry)
