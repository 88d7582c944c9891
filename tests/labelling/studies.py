"""Folders as a PACS gives them: CT slices of bright discs."""

from pathlib import Path

import numpy as np

from tests.images.scans import HU, write_dicom

FRAME = "1.2.8"
SIZE = 96
SPACING = 0.5, 0.8  # row, column
CENTRE = 50, 40  # x, y
RADIUS = 12  # mm


def pixels(centre=CENTRE, size=SIZE, radius=RADIUS, spacing=SPACING, seed=0):
    """(size, size) int16 stored values of a disc in mm, HU + 1024."""
    y, x = np.mgrid[:size, :size]
    far = np.hypot((x - centre[0]) * spacing[1], (y - centre[1]) * spacing[0])
    hu = np.where(far <= radius, 40, -850) + np.random.default_rng(seed).normal(0, 20, far.shape)
    return np.round(hu + 1024).astype(np.int16)


def write_series(folder: Path, count=3, *, uid="1.2.5", step=2.0, skip=(), **tags) -> Path:
    """Writes slices at z = 0, step, ...; instances are UID.1, UID.2, ..."""
    folder.mkdir(exist_ok=True)
    for index in range(count):
        if index in skip:
            continue
        write_dicom(
            folder / f"{uid}-{index}.dcm",
            pixels(seed=index),
            **HU
            | {
                "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
                "ImagePositionPatient": [-20, -30, index * step],
                "PixelSpacing": list(SPACING),
                "SliceThickness": step,
                "SeriesInstanceUID": uid,
                "SOPInstanceUID": f"{uid}.{index + 1}",
                "FrameOfReferenceUID": FRAME,
                "PatientID": "P1",
                "SeriesNumber": uid.rpartition(".")[2],
            }
            | tags,
        )
    return folder


def axes_px(centre=CENTRE, radius=RADIUS, spacing=SPACING):
    """(4, 2) both axes of the disc in pixels."""
    x, y = centre
    along, down = radius / spacing[1], radius / spacing[0]
    return np.array([[x - along, y], [x + along, y], [x, y - down], [x, y + down]])


def to_patient(points, z):
    """Pixels of a slice as (N, 3) mm, LPS."""
    points = np.asarray(points, float)
    columns = points[:, 0] * SPACING[1] - 20, points[:, 1] * SPACING[0] - 30
    return np.stack([*columns, np.full(len(points), z)], axis=1)
