"""Volumes of one slice as other programs read them: values, place, and what is not known."""

import numpy as np
import pytest

from casgan_jax.images import write_metaimage, write_volume
from casgan_jax.images.geometry import Geometry
from casgan_jax.images.scan import read_scan
from tests.faults import fault_of
from tests.images.scans import itk

SUFFIXES = (".nii.gz", ".nrrd", ".mha")
TILTED = Geometry(
    (7, 5, 1),
    np.array([-12.5, 30.25, 101.125]),
    np.array([0.7, 0.9, 2.5]),
    np.linalg.qr(np.array([[1, 0.1, 0.2], [-0.1, 1, 0.3], [0.2, -0.3, 1]]))[0],
    "1.2.3",
)


def picture(dtype=np.float32):
    return np.random.default_rng(0).uniform(0, 200, (5, 7)).astype(dtype)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int16, np.uint16])
def test_itk_reads_values_and_place(tmp_path, suffix, dtype):
    image = picture(dtype)
    path = write_volume(tmp_path / f"a{suffix}", image, None, TILTED)
    found = itk.ReadImage(str(path))
    np.testing.assert_array_equal(itk.GetArrayFromImage(found)[0], image)
    # NIfTI keeps its affine in float32.
    np.testing.assert_allclose(found.GetOrigin(), TILTED.origin, atol=1e-4)
    np.testing.assert_allclose(found.GetSpacing(), TILTED.spacing, atol=1e-5)
    np.testing.assert_allclose(found.GetDirection(), TILTED.direction.ravel(), atol=1e-5)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_spacing_without_a_place_is_kept(tmp_path, suffix):
    image = picture()
    path = write_volume(tmp_path / f"a{suffix}", image, (0.5, 0.25))
    found = itk.ReadImage(str(path))
    assert found.GetSpacing() == (0.25, 0.5, 1.0)
    np.testing.assert_array_equal(itk.GetArrayFromImage(found)[0], image)


def test_a_metaimage_comes_back_as_it_was(tmp_path):
    place = Geometry((7, 5, 1), np.array([1.0, 2, 3]), np.array([0.7, 0.9, 2.5]), np.eye(3))
    path = write_metaimage(tmp_path / "a.mha", picture(), None, place)
    scan = read_scan(path)
    np.testing.assert_array_equal(scan.values, picture())
    assert scan.spacing_mm == (0.9, 0.7)
    np.testing.assert_allclose(scan.geometry.affine, place.affine)
    bare = read_scan(write_metaimage(tmp_path / "b.mha", picture(), None))
    assert bare.spacing_mm is None and bare.placeless == "no ElementSpacing"


def test_the_same_slice_gives_the_same_bytes(tmp_path):
    for suffix in SUFFIXES:
        first, second = (
            write_volume(tmp_path / f"{name}{suffix}", picture(), None, TILTED) for name in "ab"
        )
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_bad_writes_are_refused(tmp_path, suffix):
    for name, array, spacing_mm, what in [
        ("mask.png", picture(), None, "mask.png"),
        (f"none/mask{suffix}", picture(), None, "none"),
        (f"mask{suffix}", picture(), (0, 1), f"mask{suffix}"),
        (f"mask{suffix}", picture()[None, None], None, f"mask{suffix}"),
        (f"mask{suffix}", np.full((2, 2), np.nan), None, f"mask{suffix}"),
    ]:
        error = fault_of(write_volume, tmp_path / name, array, spacing_mm)
        assert error.what == str(tmp_path / what)
    assert not list(tmp_path.iterdir())
