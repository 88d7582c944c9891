"""nnU-Net's raw data sets as training sets."""

import json

import numpy as np
import pytest

from casgan_jax.images import write_png
from datasets.folder.nnunet import is_nnunet, read_nnunet
from tests.datasets.test_folder import build, records_of
from tests.faults import fault_of
from tests.images.scans import write_volume
from tests.labelling import lesions

CENTRE, LABELS = (90.0, 60.0), {"background": 0, "lesion": 1}


def describe(folder, **fields):
    folder.mkdir(parents=True, exist_ok=True)
    given = {"channel_names": {"0": "CT"}, "labels": LABELS, "file_ending": ".nii.gz"} | fields
    (folder / "dataset.json").write_text(json.dumps(given))
    return folder


def write_case(folder, case, marks, channels=1):
    """A volume of four slices, and labels {slice: {value: radius}}."""
    voxels = np.stack([lesions.picture(8, CENTRE, seed=k).T for k in range(4)], axis=-1)
    label = np.zeros(voxels.shape, np.uint8)
    for index, values in marks.items():
        for value, radius in values.items():
            label[lesions.disc(radius, CENTRE).T, index] = value
    affine = np.diag([-0.7, -0.7, 2.0, 1.0])  # columns to the left, rows to posterior
    for root in ("imagesTr", "labelsTr"):
        (folder / root).mkdir(exist_ok=True)
    for channel in range(channels):
        write_volume(folder / "imagesTr" / f"{case}_{channel:04d}.nii.gz", voxels, affine)
    write_volume(folder / "labelsTr" / f"{case}.nii.gz", label, affine)


def test_slices_with_labels_become_lesions(tmp_path):
    folder = describe(tmp_path / "raw")
    write_case(folder, "ann", {1: {1: 8}, 2: {1: 7}})
    write_case(folder, "bob", {0: {1: 8}})
    write_case(folder, "cid", {})
    assert is_nnunet(folder)
    found = records_of(build(tmp_path / "data", folder))
    assert found.keys() == {"ann/slice-001", "ann/slice-002", "bob/slice-000"}
    for key, (_, record) in found.items():
        assert record["patient"].decode() == key.split("/")[0]
        assert record["spacing_mm"] == np.float32(0.7)
        radius = 7 if key == "ann/slice-002" else 8
        area = record["reader_masks"][..., 0].astype(bool).sum()
        assert area == lesions.disc(radius, CENTRE).sum()
    skipped = next((tmp_path / "data").rglob("skipped.csv")).read_text()
    assert "imagesTr/cid: no mask" in skipped


def test_each_label_is_a_lesion_and_the_first_channel_counts(tmp_path):
    labels = {"background": 0, "core": 1, "rim": 2, "ignore": 3}
    folder = describe(tmp_path, labels=labels, channel_names={"0": "T1", "1": "T2"})
    write_case(folder, "ann", {1: {2: 9, 1: 5, 3: 2}}, channels=2)
    layout, channels = read_nnunet(folder)
    assert channels == 2
    assert [(one.key, one.segment, one.slice_index) for one in layout.annotations] == [
        ("ann/core/slice-001", "1", 1),
        ("ann/rim/slice-001", "2", 1),
    ]
    assert {one.image.name for one in layout.annotations} == {"ann_0000.nii.gz"}


def test_pictures_and_descriptions_of_before_version_2_are_read(tmp_path):
    folder = describe(tmp_path, labels={"0": "background", "1": "lesion"}, file_ending=".png")
    for root, name in (("imagesTr", "a_0000"), ("labelsTr", "a")):
        (folder / root).mkdir()
        write_png(folder / root / f"{name}.png", lesions.disc(8, CENTRE).astype(np.uint8))
    (one,) = read_nnunet(folder)[0].annotations
    assert (one.key, one.slice_index, one.segment) == ("a", None, "1")


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param({"background": 0, "whole": [1, 2]}, id="regions of several are not read"),
        pytest.param({"background": 0}, id="names and numbers"),
        pytest.param(None, id="names and numbers"),
    ],
)
def test_labels_that_are_no_numbers_are_refused(tmp_path, labels):
    folder = describe(tmp_path, labels=labels)
    write_case(folder, "ann", {1: {1: 8}})
    assert fault_of(read_nnunet, folder).what.endswith("/dataset.json")


def test_a_folder_without_cases_is_refused(tmp_path):
    folder = describe(tmp_path)
    (folder / "imagesTr").mkdir()
    error = fault_of(read_nnunet, folder)
    assert error.what.endswith("/imagesTr") and "CASE_0000.nii.gz" in error.found
