"""Labels in nnU-Net's layout: a case is a slice with all its lesions, and comes back as it was."""

import json

import numpy as np
import pytest

from casgan_jax.annotations import read_annotations
from casgan_jax.images import read_image, write_png
from casgan_jax.images.scan import read_scan
from casgan_jax.labelling.batch import BatchOptions, label_batch
from datasets.folder.nnunet import is_nnunet, read_nnunet
from tests.dicom import images
from tests.labelling import lesions

OPTIONS = BatchOptions(formats=("png", "nnunet"))


@pytest.fixture
def label(tmp_path):
    """Labels (image, centre, radius) into `out`, without processes."""
    two = np.maximum(lesions.picture(8, (90, 60)), lesions.picture(8, (40, 110), seed=1))
    write_png(tmp_path / "two.png", two)
    images.write_slice(tmp_path / "ct.dcm")

    def labelled(*marks):
        lines = [
            f"{name},{lesions.cell(lesions.axes(radius, centre))}\n"
            for name, centre, radius in marks
        ]
        (tmp_path / "t.csv").write_text("image,recist\n" + "".join(lines))
        return label_batch(
            read_annotations(tmp_path / "t.csv"),
            tmp_path / "out",
            OPTIONS,
            workers=0,
            progress=False,
        )

    return labelled


FIRST, SECOND, CT = ("two.png", (90, 60), 8), ("two.png", (40, 110), 8), ("ct.dcm", (30, 28), 9)


def test_lesions_of_one_slice_are_one_case(label, tmp_path):
    batch = label(FIRST, SECOND, CT)
    assert [row["status"] for row in batch.rows] == ["labelled"] * 3
    folder = tmp_path / "out" / "nnunet"
    assert is_nnunet(folder)
    assert json.loads((folder / "dataset.json").read_text()) == {
        "channel_names": {"0": "image"},
        "labels": {"background": 0, "lesion": 1},
        "numTraining": 2,
        "file_ending": ".nii.gz",
    }
    layout, _ = read_nnunet(folder)
    by_case = {one.patient[:3]: one for one in layout.annotations}
    assert by_case.keys() == {"two", "ct_"} and not layout.without_image
    both = [read_image(tmp_path / "out" / row["soft_mask"]) >= 128 for row in batch.rows[:2]]
    found = read_scan(by_case["two"].mask)
    np.testing.assert_array_equal(found.values, both[0] | both[1])
    image = read_scan(by_case["two"].image)
    np.testing.assert_array_equal(image.values, read_image(tmp_path / "two.png"))

    source, image = read_scan(tmp_path / "ct.dcm"), read_scan(by_case["ct_"].image)
    np.testing.assert_array_equal(image.values, source.values)
    for one in (image, read_scan(by_case["ct_"].mask)):
        np.testing.assert_allclose(one.geometry.affine, source.geometry.affine, atol=1e-5)


def test_a_second_sitting_keeps_what_is_named_and_no_more(label, tmp_path):
    label(FIRST, SECOND, CT)
    assert label(CT).kept == 1
    folder = tmp_path / "out" / "nnunet"
    description = json.loads((folder / "dataset.json").read_text())
    assert (description["numTraining"], description["channel_names"]) == (1, {"0": "CT"})
    assert [path.name[:3] for path in folder.glob("*/*.gz")] == ["ct_"] * 2
    next(folder.glob("imagesTr/*")).unlink()
    assert label(CT).kept == 0 and len(list(folder.glob("imagesTr/*"))) == 1
