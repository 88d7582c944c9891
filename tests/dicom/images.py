"""CT images that know whose they are and where they lie, and findings on them."""

from pathlib import Path

import numpy as np

from casgan_jax.dicom.finding import Finding
from casgan_jax.grid import Box, decode_alpha, encode_alpha
from casgan_jax.soft_mask.recist import axis_lengths, measure_axes
from tests.images.scans import HU, write_dicom

SIDE, SCALE, THRESHOLD = 64, 4, 128 / 255
SPACING = (0.7, 0.8)  # row, column
UID = "1.2.826.0.1.3680043.8.498"
TAGS = {
    "PatientID": "A-7",
    "PatientName": "Muster^Änne",
    "PatientBirthDate": "19500102",
    "PatientSex": "F",
    "PatientAge": "070Y",
    "AccessionNumber": "ACC1",
    "StudyID": "S1",
    "StudyDate": "20200304",
    "StudyTime": "101112",
    "StudyDescription": "Thorax über alles",
    "ReferringPhysicianName": "Doktor^Öl",
    "SpecificCharacterSet": "ISO_IR 100",
    "StudyInstanceUID": f"{UID}.1",
    "SeriesInstanceUID": f"{UID}.2",
    "FrameOfReferenceUID": f"{UID}.3",
    "SeriesNumber": 4,
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "PixelSpacing": list(SPACING),
    "SliceThickness": 2.5,
    **HU,
}


def write_slice(path: Path, number: int = 0, **tags) -> Path:
    """A CT slice at z = 10 + 2.5 `number` with a bright disc around (30, 28)."""
    y, x = np.mgrid[:SIDE, :SIDE]
    disc = 1 / (1 + np.exp((np.hypot(x - 30, y - 28) - 9) / 0.8))
    noise = np.random.default_rng(number).normal(0, 15, disc.shape)
    stored = np.round(174 + 900 * disc + noise).astype(np.int16)  # -850 to 50 HU
    place = {"ImagePositionPatient": [-20, -30, 10 + 2.5 * number]}
    given = {"SOPInstanceUID": f"{UID}.5.{number}", "InstanceNumber": number + 1}
    return write_dicom(path, stored, **TAGS | given | place | tags)


def disc(radius: float = 7.0, hole: float = 0.0, side: int = 36) -> np.ndarray:
    """(4 side, 4 side) a soft disc around the middle, maybe with a hole, in whole steps of 1/255.

    It is longer along x by a quarter.
    """
    at = (np.arange(SCALE * side) + 0.5) / SCALE - side / 2
    distance = np.hypot(at[None] / 1.25, at[:, None])
    alpha = np.clip((radius - distance) / 2 + 0.5, 0, 1)
    if hole:
        alpha *= np.clip((distance - hole) / 2 + 0.5, 0, 1)
    return decode_alpha(encode_alpha(alpha.astype(np.float32)))


def finding(file: Path, key: str = "one", alpha: np.ndarray | None = None, **fields) -> Finding:
    """A finding whose crop begins at pixel (12, 10) of the image."""
    alpha = disc() if alpha is None else alpha
    side = len(alpha) // SCALE
    axes = measure_axes(alpha, THRESHOLD, scale=SCALE) + np.tile([12.0, 10.0], 4)
    defaults = {
        "key": key,
        "file": file,
        "frame": 1,
        "box": Box(12, 10, 12 + side, 10 + side),
        "scale": SCALE,
        "alpha": alpha,
        "threshold": THRESHOLD,
        "axes": axes,
        "diameters_mm": axis_lengths(axes, SPACING),
        "area_mm2": float(alpha.sum()) / SCALE**2 * SPACING[0] * SPACING[1],
        "quality": 0.875,
        "method": "recist",
    }
    return Finding(**defaults | fields)
