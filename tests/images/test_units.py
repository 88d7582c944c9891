"""CT is known by its values where no file says what they are; nothing else is taken for it."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from casgan_jax.images import Scan, read_image, read_scan
from casgan_jax.images.units import as_hu, is_ct
from tests.images.scans import write_metaimage, write_volume
from tests.shared_data import shared_data

RNG = np.random.default_rng(0)
BODY = np.where(RNG.random((64, 64)) < 0.5, -950, RNG.integers(-100, 200, (64, 64)))


@pytest.mark.parametrize("values", [BODY.astype(np.int16), BODY.astype(np.float32)])
def test_air_and_soft_tissue_are_ct(values):
    assert is_ct(values)
    padded = values.copy()
    padded[:, :20] = -3024
    assert is_ct(padded)


@pytest.mark.parametrize(
    "values",
    [
        BODY + 0.5,
        np.where(BODY < -500, -4096, BODY),  # phase
        BODY + 1024,
        np.full((8, 8), -1000),
        np.full((8, 8), np.nan),
        RNG.integers(0, 255, (64, 64)).astype(np.uint8),
        np.where(BODY < -500, -950, 3000),
        RNG.normal(0, 1, (64, 64)),
    ],
)
def test_others_are_not(values):
    assert not is_ct(np.asarray(values))


def written(path, slices):
    """Slices as a volume, or as the pages of a TIFF."""
    if path.suffix == ".tif":
        tifffile.imwrite(path, slices, photometric="minisblack")
        return path
    voxels = np.ascontiguousarray(slices.transpose(2, 1, 0))
    if path.suffix == ".mha":
        return write_metaimage(path, voxels)
    return write_volume(path, voxels, np.diag([-1.0, -1, 2, 1]))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.mha", "a.tif"])
def test_all_slices_of_a_file_have_the_unit_that_its_values_tell(tmp_path, name):
    ct = np.stack([BODY, np.full_like(BODY, 40), np.full_like(BODY, -1000)]).astype(np.int16)
    for slices, unit in ((ct, "HU"), (np.abs(ct), "stored")):
        path = written(tmp_path / name, slices)
        scans = [as_hu(path, read_scan(path, slice_index=index)) for index in range(3)]
        assert [scan.unit for scan in scans] == [unit] * 3


@pytest.mark.parametrize("count", [1, 15, 16, 17, 100])
def test_a_file_is_looked_at_from_end_to_end(tmp_path, count):
    slices = np.zeros((count, 8, 8), np.int16)
    slices[-(-count // 2) - 1 :, :, :4] = -990
    path = written(tmp_path / "a.nii", slices)
    assert as_hu(path, read_scan(path, slice_index=0)).unit == "HU"


def test_dicom_says_what_it_is():
    scan = Scan(BODY.astype(np.int16), instance=("1.2.3", 1))
    assert as_hu(Path("a.dcm"), scan) is scan


def test_published_images():
    for name in ("chest/19000925-116.dcm", "chest/19010112-135.dcm", "head_series/14.dcm"):
        assert is_ct(read_scan(shared_data("dicom", *name.split("/"))).values)
    assert not is_ct(read_scan(shared_data("promise12", "Case00.mhd"), slice_index=0).values)
    folder = shared_data("deeplesion", "Images_png")
    path = sorted(folder.rglob("*.png"))[0]
    assert is_ct(read_image(path).astype(np.int32) - 32768)
