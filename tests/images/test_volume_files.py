"""Volumes of several slices as ITK reads them."""

import numpy as np
import pytest
import SimpleITK as itk

from casgan_jax.images import write_volume
from casgan_jax.images.geometry import Geometry
from tests.images.scans import noise

PLACE = Geometry(
    (7, 5, 3),
    np.array([-20.0, 4.5, 100.25]),
    np.array([0.5, 0.75, 2.5]),
    np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]),  # sagittal
)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz", ".nrrd", ".mha"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32])
def test_slices_lie_where_they_are_said_to(tmp_path, suffix, dtype):
    voxels = noise((3, 5, 7), 0, 250, dtype)
    path = write_volume(tmp_path / f"a{suffix}", voxels, None, PLACE)
    found = itk.ReadImage(str(path))
    np.testing.assert_array_equal(itk.GetArrayFromImage(found), voxels)
    np.testing.assert_allclose(found.GetOrigin(), PLACE.origin, atol=1e-4)
    np.testing.assert_allclose(found.GetSpacing(), PLACE.spacing, atol=1e-6)
    np.testing.assert_allclose(np.reshape(found.GetDirection(), (3, 3)), PLACE.direction, atol=1e-6)
    assert write_volume(path, voxels, None, PLACE).read_bytes() == path.read_bytes()
