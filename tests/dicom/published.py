"""The published report of a bidirectional measurement, with CT that is written for it."""

from pathlib import Path

import numpy as np
import pydicom

from tests.images.scans import HU, write_dicom
from tests.labelling.studies import FRAME
from tests.shared_data import shared_data

LONG_MM, SHORT_MM = 64.45, 42.97  # as the report has them
CENTRE, RADIUS = (562, 1039), 45  # x, y of a disc where the axes cross, pixels
SPACING = (0.59683, 0.54547)  # row, column, with which the axes are as long as the report says


def write_study(folder: Path, *, count: int = 3) -> tuple[str, ...]:
    """Writes the report and a series of CT, whose second slice is the one that it refers to.

    Returns:
      SOPInstanceUIDs of the slices.
    """
    path = shared_data("dicom", "dcmjs", "bidirectional_sr.dcm")
    (folder / "sr.dcm").write_bytes(path.read_bytes())
    dataset = pydicom.dcmread(path)
    series = dataset.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0]
    measured = series.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    uids = tuple(measured if index == 1 else f"1.2.{index}" for index in range(count))
    y, x = np.mgrid[:1152, :640]
    disc = np.hypot(x - CENTRE[0], y - CENTRE[1]) < RADIUS
    for index, uid in enumerate(uids):
        noise = np.random.default_rng(index).normal(0, 20, disc.shape)
        write_dicom(
            folder / f"{index}.dcm",
            np.round(np.where(disc, 30, -850) + noise + 1024).astype(np.int16),
            **HU,
            SOPInstanceUID=uid,
            SeriesInstanceUID=series.SeriesInstanceUID,
            StudyInstanceUID=dataset.StudyInstanceUID,
            PatientID=dataset.PatientID,
            FrameOfReferenceUID=FRAME,
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            ImagePositionPatient=[0, 0, 2.5 * index],
            PixelSpacing=list(SPACING),
            SliceThickness=2.5,
        )
    return uids
