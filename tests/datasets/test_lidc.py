"""The LIDC-IDRI-slices tree, labelled."""

import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
import tensorflow_datasets as tfds

from casgan_jax.images import write_png
from casgan_jax.records.splits import split_of
from datasets.base import prepare
from datasets.lidc.builder import Builder, make_record
from datasets.lidc.slices import Slice, read_spacing
from datasets.outcomes import Skip
from tests.datasets.trees import SIZE, disc, nodule, write_lidc_slice, write_lidc_tree
from tests.faults import fault_of
from tests.shared_data import shared_data

KEY = "LIDC-IDRI-0001/nodule-0/slice-3"


def source(root, scale=4):
    folder = root / "LIDC-IDRI-0001" / "nodule-0"
    return Slice(str(folder), "LIDC-IDRI-0001", "nodule-0", "slice-3.png", 0.7, scale)


def made(root, masks, image=None, scale=4):
    write_lidc_slice(root, KEY, nodule(6, 0) if image is None else image, masks)
    return make_record(source(root, scale))


def test_the_mark_is_the_centre_unless_the_crop_misses_the_nodule(tmp_path):
    centred = made(tmp_path / "a", [disc(5), disc(6)])
    np.testing.assert_array_equal(centred["mark"], [63.5, 63.5])
    # A crop that was moved inside the CT slice: another slice of the nodule says where it is.
    moved = [disc(5, (90, 40)), disc(6, (90, 40))]
    other = KEY.replace("slice-3", "slice-4")
    write_lidc_slice(tmp_path / "b", other, nodule(6, 0), [disc(9, (92, 40))])
    np.testing.assert_allclose(made(tmp_path / "b", moved)["mark"], [92, 40], atol=1)


@pytest.mark.parametrize("scale", [2, 4])
def test_record_holds_what_the_readers_drew(tmp_path, scale):
    masks = [disc(5), disc(6), np.zeros((SIZE, SIZE), bool), disc(8)]
    record = made(tmp_path, masks, scale=scale)
    drawn = np.stack([masks[0], masks[1], masks[3]], axis=2)
    assert record["n_readers"] == 3  # the third reader marked nothing on this slice
    np.testing.assert_array_equal(record["reader_masks"][..., :3], drawn * np.uint8(255))
    assert not record["reader_masks"][..., 3].any()
    np.testing.assert_array_equal(record["consensus"] > 0, masks[1])
    assert (record["patient"], record["lesion"], record["key"]) == (
        "LIDC-IDRI-0001",
        "LIDC-IDRI-0001/nodule-0",
        KEY,
    )
    assert record["spacing_mm"] == 0.7
    side = SIZE * scale
    for name in ("alpha", "alpha_anchored", "trimap"):
        assert record[name].shape == (side, side) and record[name].dtype == np.uint8
    trimap, alpha = record["trimap"], record["alpha"]
    assert set(np.unique(trimap)) == {0, 128, 255}
    assert (alpha[trimap == 0] == 0).all() and (alpha[trimap == 255] == 255).all()
    assert (trimap == 255).sum() / scale**2 == pytest.approx(masks[0].sum(), rel=0.1)
    assert (trimap > 0).sum() / scale**2 == pytest.approx(masks[3].sum(), rel=0.1)
    majority = cv2.resize((record["consensus"] > 0).astype(np.float32), (side, side)) >= 0.5
    wrong = [((record[name] >= 128) != majority).sum() for name in ("alpha_anchored", "alpha")]
    assert wrong[0] < wrong[1]  # the readers' majority draws the border of the anchored label
    # The picture's own border is a logistic of width 0.8 at radius 6, inside the unknown ring.
    area = np.pi * (6**2 + np.pi**2 / 3 * 0.8**2)
    assert alpha.sum() / 255 / scale**2 == pytest.approx(area, rel=0.15)


def test_half_of_the_readers_is_enough_for_the_consensus(tmp_path):
    record = made(tmp_path, [disc(5), disc(5), disc(8), disc(8)])
    np.testing.assert_array_equal(record["consensus"] > 0, disc(8))


def test_what_cannot_be_labelled_has_its_reason(tmp_path):
    nothing = np.zeros((SIZE, SIZE), bool)
    left, right = disc(4, (50, 64)), disc(4, (70, 64))
    cases = [
        ("empty intersection", {"masks": [left, right]}),
        ("no background", {"masks": [left, disc(100)]}),
        ("one reader only", {"masks": [left, nothing, nothing]}),
        ("no reader marked anything", {"masks": [nothing, nothing]}),
        ("no reader marked anything", {"masks": []}),
        ("more than 4 readers", {"masks": [left] * 5}),
        ("mask is not 128x128 8-bit", {"masks": [left, disc(4, size=64)]}),
        ("image is not 128x128 8-bit", {"masks": [left], "image": nodule(5, 0, 96)}),
        (
            "image is not 128x128 8-bit",
            {"masks": [left], "image": nodule(5, 0).astype(np.uint16)},
        ),
        (
            "mask of more than two values",
            {"masks": [left.astype(np.uint8) * 255 + right * np.uint8(9)]},
        ),
    ]
    for number, (reason, arguments) in enumerate(cases):
        skip = made(tmp_path / str(number), **arguments)
        assert isinstance(skip, Skip), reason
        assert skip.reason == reason
        assert skip.detail


@pytest.mark.parametrize("folder", ["images", "mask-1"])
def test_unreadable_files_have_their_reason(tmp_path, folder):
    write_lidc_slice(tmp_path, KEY, nodule(6, 0), [disc(5), disc(6)])
    path = tmp_path / "LIDC-IDRI-0001" / "nodule-0" / folder / "slice-3.png"
    path.write_bytes(path.read_bytes()[:100])
    skip = make_record(source(tmp_path))
    assert skip.reason == f"unreadable {'image' if folder == 'images' else 'mask'}"
    assert str(path) in skip.detail


def test_a_missing_mask_file_is_a_reader_less(tmp_path):
    write_lidc_slice(tmp_path, KEY, nodule(6, 0), [disc(5), disc(6), disc(7)])
    (tmp_path / "LIDC-IDRI-0001" / "nodule-0" / "mask-1" / "slice-3.png").unlink()
    assert make_record(source(tmp_path))["n_readers"] == 2


def test_build_counts_every_slice(tmp_path):
    tree = write_lidc_tree(tmp_path / "LIDC-IDRI-slices")
    far = [disc(4, (50, 64)), disc(4, (70, 64))]
    write_lidc_slice(tree, "LIDC-IDRI-0001/nodule-1/slice-0", nodule(4, 9), far)
    (tmp_path / "patient_spacing.csv").write_text("patient,pixel_spacing_mm\nLIDC-IDRI-0001,0.5\n")
    path = prepare(
        Builder, tmp_path / "data", manual_dir=tmp_path, workers=0, show_progress=False
    ).path
    assert path == tmp_path / "data" / "lidc" / "x4" / "1.0.0"
    builder = tfds.builder_from_directory(path)
    assert {s: info.num_examples for s, info in builder.info.splits.items()} == {
        "train": 2,
        "validation": 2,
        "test": 2,
    }
    metadata = builder.info.metadata
    assert metadata["skipped"] == {"train": {"empty intersection": 1}}
    assert metadata["notes"] == ["pixel spacing known for 1 of 3 patients"]
    assert (metadata["window"], metadata["scale"]) == ([0, 255], 4)
    for split in builder.info.splits:
        for record in builder.as_data_source(split):
            patient = record["patient"].decode()
            assert split_of(patient) == split
            assert record["spacing_mm"] == (0.5 if patient == "LIDC-IDRI-0001" else 0.0)


def test_without_spacing_the_build_says_what_to_do(tmp_path):
    builder = Builder(data_dir=tmp_path / "data", config="x4")
    builder.tasks(write_lidc_tree(tmp_path / "tree"))
    assert "patient_spacing.csv: found none" in builder._notes[0]


def test_wrong_folders_are_refused(tmp_path):
    error = fault_of(prepare, Builder, tmp_path / "data")
    assert error.what == "manual_dir" and "datasets/lidc/README.md" in error.remedy
    error = fault_of(prepare, Builder, tmp_path / "data", manual_dir=tmp_path / "none")
    assert error.what.endswith("/none")
    (tmp_path / "other").mkdir()
    error = fault_of(prepare, Builder, tmp_path / "data", manual_dir=tmp_path / "other")
    assert error.what.endswith("/other")
    write_png(tmp_path / "other" / "a.png", nodule(5, 0))
    error = fault_of(
        prepare,
        Builder,
        tmp_path / "data",
        manual_dir=tmp_path / "other",
        workers=0,
        show_progress=False,
    )
    assert error.what.endswith("/other")


def test_spacing_file(tmp_path):
    path = tmp_path / "patient_spacing.csv"
    path.write_text("patient,n_scans,pixel_spacing_mm\nA,1,0.7\nB,2,0.5|0.6\nC,2,0.5|0.5\n")
    assert read_spacing(path) == {
        "A": 0.7,
        "C": 0.5,
    }  # which scan B's nodules are from is not known
    for text, place in [
        ("patient,spacing\nA,0.7\n", ""),
        ("patient,pixel_spacing_mm\nA,0.7\nB,wide\n", " line 3"),
        ("patient,pixel_spacing_mm\nA,-1\n", " line 2"),
        ("patient,pixel_spacing_mm\nA\n", " line 2"),
    ]:
        path.write_text(text)
        assert fault_of(read_spacing, path).what == f"{path}{place}"


def test_slices_beside_are_stored_and_the_last_one_again_where_they_end(tmp_path):
    images = {index: nodule(6, index) for index in (2, 3, 4, 6)}
    for index, image in images.items():
        key = KEY.replace("slice-3", f"slice-{index}")
        write_lidc_slice(tmp_path / "tree", key, image, [disc(5), disc(6)])
    expected = {2: (2, 3), 3: (2, 4), 4: (3, 4), 6: (6, 6)}  # slice 5 is not there
    options = dict(manual_dir=tmp_path / "tree", workers=0, show_progress=False)
    path = prepare(Builder, tmp_path / "data", config="x4-25d", **options).path
    builder = tfds.builder_from_directory(path)
    assert builder.info.metadata["neighbours"] == 1
    (split,) = builder.info.splits
    found = {record["key"].decode()[-1]: record for record in builder.as_data_source(split)}
    assert len(found) == 4
    for index, beside in expected.items():
        record = found[str(index)]
        np.testing.assert_array_equal(record["image"], images[index])
        for plane, number in enumerate(beside):
            np.testing.assert_array_equal(record["neighbours"][..., plane], images[number])


@pytest.mark.slow
def test_real_slices(tmp_path):
    unpack = shared_data("lidc", "unpack.py")
    unpacked = subprocess.run(
        [sys.executable, str(unpack), str(tmp_path / "tree"), "--patients", "4"],
        capture_output=True,
    )
    if unpacked.returncode:
        pytest.skip(f"{unpack} cannot run: {unpacked.stderr.decode().splitlines()[-1]}")
    shutil.copy(shared_data("lidc", "patient_spacing.csv"), tmp_path / "tree")
    path = prepare(
        Builder, tmp_path / "data", manual_dir=tmp_path / "tree", workers=0, show_progress=False
    ).path
    builder = tfds.builder_from_directory(path)
    n_slices = len(list((tmp_path / "tree").glob("*/nodule-*/images/*.png")))
    n_skipped = sum(sum(n.values()) for n in builder.info.metadata["skipped"].values())
    assert sum(s.num_examples for s in builder.info.splits.values()) + n_skipped == n_slices
    for split in builder.info.splits:
        for record in builder.as_data_source(split):
            soft = record["alpha"] / 255.0
            readers = record["reader_masks"][..., : record["n_readers"]] > 0
            assert 0.4 < record["spacing_mm"] < 1.1
            low, high = readers.all(axis=2).sum(), readers.any(axis=2).sum()
            assert 0.8 * low <= soft.sum() / 16 <= 1.2 * high
