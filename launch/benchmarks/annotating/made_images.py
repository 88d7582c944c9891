"""Images to annotate that are made: a nodule in lung, and CT series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from casgan_jax.images.checks import import_extra

SIDE = 512
PIXEL_MM, STEP_MM = 0.7, 1.25  # of the series
WINDOW = (31768, 33168)  # -1000 to 400 HU, as the slices are stored


def nodule(radius: float) -> np.ndarray:
    """16-bit values of a nodule in lung, HU + 32768 as the tables of DeepLesion have it."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    inside = 1 / (1 + np.exp((np.hypot(x, 1.2 * y) - radius) / 0.8))
    noise = np.random.default_rng(int(radius)).normal(0, 30, (SIDE, SIDE))
    return np.round(-850 + 880 * inside + noise + 32768).astype(np.uint16)


def axes(radius: float, shift: float, flat: float = 1.2) -> list[float]:
    """Both axes of the nodule, moved to the right by some pixels; `flat` 1: of a ball."""
    middle, short = SIDE / 2 + shift, radius / flat
    return [
        *(middle - radius, SIDE / 2, middle + radius, SIDE / 2),
        *(middle, SIDE / 2 - short, middle, SIDE / 2 + short),
    ]


def moving(count: int) -> list[np.ndarray]:
    """HU of so many slices of a nodule that goes downwards."""
    values = (nodule(20).astype(np.int32) - 32768).astype(np.int16)
    return [np.roll(values, index, axis=0) for index in range(count)]


def balls(radii: Sequence[float]) -> tuple[list[np.ndarray], list[int]]:
    """HU of slices with balls in lung, one above the other, and the slice of each one's middle.

    Args:
      radii: of the balls, pixels.
    """
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    slices: list[np.ndarray] = []
    middles: list[int] = []
    for radius in radii:
        reach = int(np.ceil(1.5 * radius * PIXEL_MM / STEP_MM)) + 3
        middles.append(len(slices) + reach)
        for k in range(-reach, reach + 1):
            away = np.sqrt(x**2 + y**2 + (k * STEP_MM / PIXEL_MM) ** 2)
            noise = np.random.default_rng(len(slices)).normal(0, 30, (SIDE, SIDE))
            plane = -850 + 880 / (1 + np.exp((away - radius) / 0.8)) + noise
            slices.append(np.round(plane).astype(np.int16))
    return slices, middles


def write_series(folder: Path, slices: Sequence[np.ndarray]) -> None:
    """Writes slices in HU as a CT series.

    Raises:
      UserError: pydicom is not installed.
    """
    pydicom = import_extra("pydicom", folder, "DICOM")
    uids = pydicom.uid
    series = uids.generate_uid()
    for index, values in enumerate(slices):
        one = pydicom.Dataset()
        one.SOPClassUID, one.SOPInstanceUID = uids.CTImageStorage, uids.generate_uid()
        one.SeriesInstanceUID, one.SeriesNumber, one.Modality = series, 1, "CT"
        one.Rows, one.Columns, one.PixelSpacing = SIDE, SIDE, [PIXEL_MM] * 2
        one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        one.ImagePositionPatient = [0, 0, STEP_MM * index]
        one.SliceThickness, one.RescaleSlope, one.RescaleIntercept = STEP_MM, 1, 0
        one.BitsAllocated, one.BitsStored, one.HighBit = 16, 16, 15
        one.PixelRepresentation, one.SamplesPerPixel = 1, 1
        one.PhotometricInterpretation = "MONOCHROME2"
        one.PixelData = values.tobytes()
        one.file_meta = pydicom.dataset.FileMetaDataset()
        one.file_meta.TransferSyntaxUID = uids.ExplicitVRLittleEndian
        one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
        one.save_as(folder / f"{index:03d}.dcm", enforce_file_format=True)
