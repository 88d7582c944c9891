"""Axes in mm, in the patient and one alone, in slices, folders and volumes."""

import csv
import io

import numpy as np
import pytest

from casgan_jax.annotations import Annotation, Axes, read_annotations
from casgan_jax.annotations.axes import axes_of
from casgan_jax.images.geometry import Geometry
from casgan_jax.labelling.axes import axes_in_pixels, ends_in_pixels
from casgan_jax.labelling.batch import BatchOptions, label_batch
from casgan_jax.labelling.lesion import read_lesion
from casgan_jax.labelling.locate import locate
from casgan_jax.soft_mask.recist import axis_lengths
from tests.faults import fault_of
from tests.images.scans import write_volume
from tests.labelling.studies import RADIUS, SPACING, axes_px, pixels, to_patient, write_series

AXES = axes_px()
PLACE = Geometry((96, 96, 1), np.array([-20.0, -30, 4]), np.array([0.8, 0.5, 2]), np.eye(3))


def no_image():
    raise AssertionError("axes need none")


def test_axes_in_all_units_are_the_same_pixels():
    expected = AXES.astype(np.float32).reshape(8)
    for units, ends in (
        ("pixel", AXES),
        ("mm", AXES * (0.8, 0.5)),
        ("lps", to_patient(AXES, 4.9)),
    ):
        found = axes_in_pixels(ends_in_pixels(Axes(ends, units), PLACE, SPACING), no_image, SPACING)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_long_axis_alone_draws_a_circle():
    ends = np.array([[30.0, 40], [60, 60]])
    found = axes_in_pixels(ends, no_image, SPACING)
    np.testing.assert_array_equal(found[:4], ends.ravel())
    np.testing.assert_allclose(found[4:].reshape(2, 2).mean(axis=0), ends.mean(axis=0))
    long, short = axis_lengths(found, SPACING)
    assert long == pytest.approx(short)
    vectors = np.diff(found.reshape(2, 2, 2), axis=1)[:, 0] * (0.8, 0.5)
    assert vectors[0] @ vectors[1] == pytest.approx(0, abs=1e-4)


def test_what_units_need_is_asked_for():
    spatial = Axes(to_patient(AXES, 4), "lps")
    assert fault_of(ends_in_pixels, Axes(AXES, "mm"), None, None).what == "recist"
    assert fault_of(ends_in_pixels, spatial, None, SPACING).what == "recist"
    far = Axes(to_patient(AXES, 5.2), "lps")
    assert fault_of(ends_in_pixels, far, PLACE, SPACING).what == "recist"


def test_axes_of_cells():
    assert axes_of("recist", "1,2,3,4,5,6,7,8", "pixel")["recist"].dtype == np.float32
    half = axes_of("recist", "1,2,3,4", "mm")["axes"]
    assert half.units == "mm" and half.ends.tolist() == [[1, 2], [3, 4]]
    right = axes_of("recist", "1,2,3,4,5,6", "ras")["axes"]
    assert right.units == "lps" and right.ends.tolist() == [[-1, -2, 3], [-4, -5, 6]]
    assert fault_of(axes_of, "recist", "1,2,3,4", "lps").what == "recist"


@pytest.fixture
def volume(tmp_path):
    """A NIfTI volume of the series' place, in HU."""
    voxels = np.stack([pixels(seed=k) - 1024 for k in range(4)], axis=2).transpose(1, 0, 2)
    affine = np.diag([-0.8, -0.5, 2, 1])
    affine[:3, 3] = 20, 30, 0
    return write_volume(tmp_path / "v.nii.gz", voxels.astype(np.int16), affine)


def test_points_in_the_patient_tell_the_slice(tmp_path, volume):
    folder = write_series(tmp_path / "series", 4)
    for image, index in ((folder, 2), (volume, 2)):
        axes = Axes(to_patient(AXES, 4.3), "lps")
        one = Annotation(key="a", patient="p", image=image, axes=axes)
        assert locate(one).slice_index == index
        np.testing.assert_allclose(read_lesion(one).recist, AXES.ravel(), atol=1e-4)
        off = Annotation(key="a", patient="p", image=image, axes=Axes(to_patient(AXES, 99), "lps"))
        assert fault_of(locate, off).what == "recist"


def test_a_ct_volume_is_known_by_its_values(tmp_path, volume):
    folder = write_series(tmp_path / "series", 4)
    found = [
        read_lesion(
            Annotation(key="a", patient="p", image=image, slice_index=1, axes=Axes(AXES, "pixel"))
        )
        for image in (folder, volume)
    ]
    dicom, nifti = found
    assert dicom.window == nifti.window == (-1000, 400) and dicom.unit == nifti.unit == "HU"
    np.testing.assert_array_equal(dicom.values, nifti.values)
    assert nifti.notes == ("values taken for HU, as those of CT are",) and not dicom.notes


@pytest.mark.slow
def test_tables_have_units_and_series(tmp_path, volume):
    write_series(tmp_path / "study", 4)
    write_series(tmp_path / "study", 2, uid="1.2.6")
    spatial = ",".join(f"{-x:g},{-y:g},{z:g}" for x, y, z in to_patient(AXES, 4))
    mm = ";".join(f"{x:g}" for x in (AXES * (0.8, 0.5)).ravel()).replace(";", ",")
    alone = ",".join(f"{x:g}" for x in AXES[2:].ravel())
    (tmp_path / "lesions.csv").write_text(
        "key,image,series,slice,recist,recist_units\n"
        f'a,study,5,,"{spatial}",RAS\nb,v.nii.gz,,2,"{mm}",mm\nc,study,1.2.6,0,"{alone}",\n'
        f'd,study,,0,"{alone}",\ne,study,5,0,"{mm}",inch\n'
    )
    annotations = read_annotations(tmp_path / "lesions.csv")
    batch = label_batch(annotations, tmp_path / "out", BatchOptions(), workers=0, progress=False)
    rows = {row["key"]: row for row in csv.DictReader(io.StringIO(batch.table.read_text()))}
    assert [rows[key]["status"] for key in "abcde"] == ["labelled"] * 3 + ["failed"] * 2
    for key in "abc":
        assert float(rows[key]["long_mm"]) == pytest.approx(2 * RADIUS, abs=1)
    assert "2 series" in rows["d"]["reason"] and "found 'inch'" in rows["e"]["reason"]
    assert rows["a"]["slice"] == "2" and not rows["c"]["given_short_px"]
