"""Volumes of lesions on real CT slices as dcmqi, DCMTK and dicom3tools read them."""

import json

import numpy as np
import pytest

from casgan_jax.annotations import Annotation, Annotations
from casgan_jax.labelling.volumes.batch import VolumeBatchOptions, label_volumes
from tests.images.scans import itk
from tests.programs import output_of, program
from tests.shared_data import shared_data

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """(folder, row) of some tissue by its axes on the middle one of three slices."""
    axes = np.array([330, 232, 350, 246, 344, 232, 336, 246], np.float32)
    mark = Annotation(
        key="tissue",
        patient="P",
        image=shared_data("dicom", "dcmqi"),
        slice_index=1,
        recist=axes,
        window=(-160, 240),
    )
    folder = tmp_path_factory.mktemp("real")
    options = VolumeBatchOptions(formats=("nifti", "dicom", "rtstruct"))
    (row,) = label_volumes(Annotations((mark,), ()), folder, options, progress=False).rows
    assert row["status"] == "labelled", row
    return folder, row


@pytest.mark.parametrize("kind", ["soft", "binary"])
def test_dcmqi_finds_the_volume_where_the_images_lie(labelled, kind, tmp_path):
    program("segimage2itkimage")
    folder, row = labelled
    output_of(
        "segimage2itkimage",
        *("--inputDICOM", folder / row[f"{kind}_segmentation"], "--outputDirectory", tmp_path),
        *("--outputType", "nrrd", "--prefix", "s"),
    )
    found, mask = (
        itk.ReadImage(str(tmp_path / "s-1.nrrd")),
        itk.ReadImage(str(folder / row["soft_mask"])),
    )
    count, first = row["last_slice"] - row["first_slice"] + 1, row["first_slice"]
    corner = mask.TransformIndexToPhysicalPoint((0, 0, first))
    alpha = itk.GetArrayFromImage(mask)[first : first + count]
    values = itk.GetArrayFromImage(found).astype(float)
    if kind == "soft":
        np.testing.assert_allclose(found.GetOrigin(), corner, atol=1e-3)
        np.testing.assert_allclose(values / 255, alpha, atol=1 / 510)
    else:
        assert values.sum() == (alpha >= row["threshold"]).sum()


def test_dcmqi_reads_the_measurements(labelled, tmp_path):
    program("tid1500reader")
    folder, row = labelled
    path = tmp_path / "report.json"
    output_of("tid1500reader", "--inputDICOM", folder / row["report"], "--outputMetadata", path)
    found, _ = json.loads(path.read_text())["Measurements"]  # the other one has the axes
    values = {
        item["quantity"]["CodeMeaning"]: float(item["value"]) for item in found["measurementItems"]
    }
    assert values["Volume"] == pytest.approx(row["volume_mm3"], abs=1e-5)
    assert values["Long Axis"] == pytest.approx(row["long_mm"], abs=1e-5)


@pytest.mark.parametrize(
    "column", ["soft_segmentation", "binary_segmentation", "report", "contours"]
)
def test_dciodvfy_finds_no_error(labelled, column):
    program("dciodvfy")
    folder, row = labelled
    said = output_of("dciodvfy", folder / row[column])
    assert not [line for line in said.splitlines() if line.startswith("Error")]
