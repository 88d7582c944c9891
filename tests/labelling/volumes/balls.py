"""CT series of one soft ball, and what its slices are."""

from pathlib import Path

import numpy as np

from casgan_jax.annotations import Annotation
from tests.dicom import images
from tests.images.scans import write_dicom, write_volume

SIDE, STEP, SPACING = 64, 2.5, (0.7, 0.8)  # mm: slices; row, column
CENTRE, MIDDLE = (30, 28), 6  # x, y; the slice, between whose neighbours the ball is symmetric
RADIUS = 9.0  # mm
ORIGIN = (-20, -30, 10)
BLUR = 0.6  # mm, of the logistic edge
VOLUME = 4 / 3 * np.pi * RADIUS**3
SOFT_VOLUME = VOLUME * (1 + (np.pi * BLUR / RADIUS) ** 2)  # the integral over the blurred ball


def values(number, *, radius=RADIUS, middle=MIDDLE, seed=0, shift=0.0):
    """(SIDE, SIDE) HU of a slice: a ball of 40 in -850; `shift`: of each slice's rows, mm."""
    y, x = np.mgrid[:SIDE, :SIDE]
    y = y + shift * (number - middle) / SPACING[0]
    flat = np.hypot((x - CENTRE[0]) * SPACING[1], (y - CENTRE[1]) * SPACING[0])
    far = np.hypot(flat, (number - middle) * STEP)
    noise = np.random.default_rng(seed + number).normal(0, 15, far.shape)
    return np.round(-850 + 890 / (1 + np.exp((far - radius) / BLUR)) + noise)


def write_series(folder: Path, count=13, *, skip=(), shift=0.0, study="20200304", **options):
    """Writes slices 0.dcm, 1.dcm, ...; returns the folder."""
    folder.mkdir(exist_ok=True)
    uid = images.UID
    for number in set(range(count)) - set(skip):
        x, y, z = ORIGIN
        stored = (values(number, shift=shift, **options) + 1024).astype(np.int16)
        tags = images.TAGS | {
            "SOPInstanceUID": f"{uid}.5.{number}",
            "InstanceNumber": number + 1,
            "ImagePositionPatient": [x, y + shift * number, z + STEP * number],
            "StudyDate": study,
        }
        write_dicom(folder / f"{number}.dcm", stored, **tags)
    return folder


def write_nifti(path: Path, count=13, **options) -> Path:
    """The same ball as NIfTI, whose slices count from inferior to superior, too."""
    voxels = np.stack([values(k, **options) for k in range(count)], axis=-1)
    affine = np.diag([-SPACING[1], -SPACING[0], STEP, 1.0])
    affine[:3, 3] = -ORIGIN[0], -ORIGIN[1], ORIGIN[2]
    return write_volume(path, voxels.transpose(1, 0, 2).astype(np.int16), affine)


def axes(number=MIDDLE, *, radius=RADIUS, centre=CENTRE, middle=MIDDLE):
    """(8,) axes of the ball on a slice, the longer one in pixels first, which is along y."""
    x, y = centre
    half = np.sqrt(radius**2 - ((number - middle) * STEP) ** 2)
    down, along = half / SPACING[0], half / SPACING[1]
    return np.array([x, y - down, x, y + down, x - along, y, x + along, y], np.float32)


def marked(image: Path, number=MIDDLE, **fields) -> Annotation:
    """The ball marked by its axes on a slice of a folder or a volume."""
    given = {"key": "ball", "patient": "P", "slice_index": number} | fields
    if "recist" not in given:
        given["recist"] = axes(MIDDLE if number is None else number)
    return Annotation(image=image, **given)
