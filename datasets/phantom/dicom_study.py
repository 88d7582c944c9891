"""Phantoms as slices of one DICOM series, with a table of their RECIST axes.

table = write_study(Path("study"), 5, seed=0)
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.dicom.identity import derived_uid
from casgan_jax.files import make_folder, write_whole
from casgan_jax.images.checks import import_extra
from datasets.outcomes import Skip

_CT = "1.2.840.10008.5.1.4.1.1.2"
_INTERCEPT = -1024
DISTANCE = 2.5  # mm from slice to slice


def write_study(folder: Path, lesions: int, seed: int) -> Path:
    """Writes the slices and lesions.csv; returns the table's path.

    Raises:
      UserError: the folder cannot be made or written to, or pydicom is not installed.
    """
    from datasets.phantom.builder import Source, make_record

    make_folder(folder / "ct", field="output")
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("key", "image", "recist"))
    found = (make_record(Source(seed, index)) for index in range(2 * lesions))
    records = [record for record in found if not isinstance(record, Skip)][:lesions]
    for number, record in enumerate(records):
        name = f"ct/{number}.dcm"
        side = round(float(records[0]["spacing_mm"]), 4)
        names = ("phantom study", seed)
        write_slice(folder / name, record["image"], number, (DISTANCE, side, side), names)
        axes = ",".join(f"{x:.2f}" for x in record["recist"])
        writer.writerow((f"phantom-{number}", name, axes))
    return write_whole(folder / "lesions.csv", text.getvalue().encode())


def write_slice(
    path: Path,
    image: np.ndarray,
    number: int,
    spacing_mm: tuple[float, float, float],
    names: tuple[object, ...],
    **tags: object,
) -> Path:
    """Writes a CT slice of 16 bits, HU = stored + `_INTERCEPT`; returns the path.

    Args:
      path: of the file.
      image: (H, W) HU.
      number: of the slice, from 0, the most inferior one.
      spacing_mm: (slice, row, column).
      names: of the study, that all UIDs are made of.
      **tags: beside what every phantom has, or in its place.

    Raises:
      UserError: it cannot be written, or pydicom is not installed.
    """
    made = _dataset(image, number, spacing_mm, names, tags)
    data = io.BytesIO()
    made.save_as(data, enforce_file_format=True)
    return write_whole(path, data.getvalue())


def _dataset(
    image: np.ndarray,
    number: int,
    spacing_mm: tuple[float, float, float],
    names: tuple[object, ...],
    given: dict[str, object],
) -> Any:
    pydicom = import_extra("pydicom", "study of phantoms", "DICOM")
    made = pydicom.Dataset()
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    tags = {
        "SOPClassUID": _CT,
        "SOPInstanceUID": derived_uid(*names, "slice", number),
        "StudyInstanceUID": derived_uid(*names),
        "SeriesInstanceUID": derived_uid(*names, "series"),
        "FrameOfReferenceUID": derived_uid(*names, "frame"),
        "PositionReferenceIndicator": "",
        "PatientID": f"PHANTOM-{names[-1]}",
        "PatientName": "Phantom^Nobody",
        "PatientBirthDate": "",
        "PatientSex": "O",
        "StudyDate": "20260101",
        "StudyTime": "120000",
        "StudyID": "1",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "Modality": "CT",
        "Manufacturer": "casgan_jax",
        "SeriesNumber": 1,
        "SeriesDescription": "phantoms",
        "InstanceNumber": number + 1,
        "ImageType": ["DERIVED", "SECONDARY", "AXIAL"],
        "KVP": None,
        "AcquisitionNumber": None,
        "PatientPosition": "HFS",
        "ImagePositionPatient": [-100, -80, spacing_mm[0] * number],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": list(spacing_mm[1:]),
        "SliceThickness": spacing_mm[0],
        "RescaleSlope": 1,
        "RescaleIntercept": _INTERCEPT,
        "RescaleType": "HU",
        "WindowCenter": -300,
        "WindowWidth": 1400,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": image.shape[0],
        "Columns": image.shape[1],
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "PixelData": (image.astype(np.int32) - _INTERCEPT).clip(0).astype("<u2").tobytes(),
    }
    for name, value in (tags | given).items():
        setattr(made, name, value)
    made["PixelData"].VR = "OW"
    return made
