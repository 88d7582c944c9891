"""DICOM files of a series, as a folder holds them."""

import numpy as np
import pytest

from tests.images.scans import HU, noise, write_dicom

ORIENTATIONS = {
    "axial": ([1, 0, 0, 0, 1, 0], [0, 0, 1]),
    "axial, feet first": ([-1, 0, 0, 0, 1, 0], [0, 0, 1]),
    "prone": ([-1, 0, 0, 0, -1, 0], [0, 0, 1]),
    "sagittal": ([0, 1, 0, 0, 0, -1], [1, 0, 0]),
    "coronal": ([1, 0, 0, 0, 0, -1], [0, 1, 0]),
}
STORED = noise((5, 6, 7))


@pytest.fixture
def write(tmp_path):
    """A function that writes slices of a series at heights along a direction."""

    def written(heights, *, kind="axial", uid="1.2.5", shift=(0, 0, 0), **tags):
        orientation, across = ORIENTATIONS[kind]
        for name, height in enumerate(heights):
            corner = np.array(across) * height + np.array(shift) * height
            write_dicom(
                tmp_path / f"{uid}-{name}.dcm",
                STORED[name % 5],
                **HU
                | {"ImageOrientationPatient": orientation, "ImagePositionPatient": corner.tolist()}
                | {"PixelSpacing": [0.5, 0.75], "SliceThickness": 2, "SeriesInstanceUID": uid}
                | tags,
            )
        return tmp_path

    return written
