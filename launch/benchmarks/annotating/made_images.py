"""Images to annotate that are made: a nodule in lung, and a CT series of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from casgan_jax.images.checks import import_extra

SIDE = 512
WINDOW = (31768, 33168)  # -1000 to 400 HU, as the slices are stored


def nodule(radius: float) -> np.ndarray:
    """16-bit values of a nodule in lung, HU + 32768 as the tables of DeepLesion have it."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    inside = 1 / (1 + np.exp((np.hypot(x, 1.2 * y) - radius) / 0.8))
    noise = np.random.default_rng(int(radius)).normal(0, 30, (SIDE, SIDE))
    return np.round(-850 + 880 * inside + noise + 32768).astype(np.uint16)


def axes(radius: float, shift: float) -> list[float]:
    """Both axes of the nodule, moved to the right by some pixels."""
    middle, short = SIDE / 2 + shift, radius / 1.2
    return [
        *(middle - radius, SIDE / 2, middle + radius, SIDE / 2),
        *(middle, SIDE / 2 - short, middle, SIDE / 2 + short),
    ]


def write_series(folder: Path, count: int) -> None:
    """Writes a CT series, its slices not quite alike.

    Raises:
      UserError: pydicom is not installed.
    """
    pydicom = import_extra("pydicom", folder, "DICOM")
    values = (nodule(20).astype(np.int32) - 32768).astype(np.int16)
    uids = pydicom.uid
    series = uids.generate_uid()
    for index in range(count):
        one = pydicom.Dataset()
        one.SOPClassUID, one.SOPInstanceUID = uids.CTImageStorage, uids.generate_uid()
        one.SeriesInstanceUID, one.SeriesNumber, one.Modality = series, 1, "CT"
        one.Rows, one.Columns, one.PixelSpacing = SIDE, SIDE, [0.7, 0.7]
        one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        one.ImagePositionPatient = [0, 0, float(index)]
        one.SliceThickness, one.RescaleSlope, one.RescaleIntercept = 1, 1, 0
        one.BitsAllocated, one.BitsStored, one.HighBit = 16, 16, 15
        one.PixelRepresentation, one.SamplesPerPixel = 1, 1
        one.PhotometricInterpretation = "MONOCHROME2"
        one.PixelData = np.roll(values, index, axis=0).tobytes()
        one.file_meta = pydicom.dataset.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = uids.ExplicitVRLittleEndian
        one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
        one.save_as(folder / f"{index:03d}.dcm", enforce_file_format=True)
