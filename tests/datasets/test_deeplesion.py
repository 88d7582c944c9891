"""DeepLesion's layout, as slices in HU."""

import numpy as np
import tensorflow_datasets as tfds

from casgan_jax.images import read_image, write_png
from casgan_jax.records.splits import SPLITS, split_of
from datasets.base import prepare
from datasets.deeplesion.builder import SIZE, Builder, Slice, make_record, read_spacing
from tests.datasets.trees import write_deeplesion_slice
from tests.faults import fault_of
from tests.shared_data import shared_data


def slice_of(seed, size=SIZE):
    return np.random.default_rng(seed).integers(-1024, 3071, (size, size)).astype(np.int16)


def build(data_dir, manual_dir):
    path = prepare(Builder, data_dir, manual_dir=manual_dir, workers=0, show_progress=False).path
    return tfds.builder_from_directory(path)


def test_stored_values_become_hu_exactly(tmp_path):
    hu = slice_of(0)
    hu[0, :3] = -32768, 0, 32767
    write_deeplesion_slice(tmp_path, "000001_01_01", "103", hu)
    path = tmp_path / "Images_png" / "000001_01_01" / "103.png"
    record = make_record(Slice(str(path), "000001", "000001_01_01/103", 0.8))
    assert record["image"].dtype == np.int16
    np.testing.assert_array_equal(record["image"], hu)


def test_what_cannot_be_used_has_its_reason(tmp_path):
    def reason_of(image):
        path = write_png(tmp_path / "a.png", image)
        return make_record(Slice(str(path), "000001", "key", 0.0)).reason

    assert reason_of(np.zeros((SIZE, SIZE), np.uint8)) == "not 16-bit"
    assert reason_of(np.zeros((SIZE, SIZE), np.uint16)) == "constant image"
    assert reason_of(np.zeros((1024, 1024), np.uint16)) == "image is not 512x512"
    (tmp_path / "b.png").write_bytes(b"")
    skip = make_record(Slice(str(tmp_path / "b.png"), "000001", "key", 0.0))
    assert skip.reason == "unreadable image"


def test_build(tmp_path):
    for patient, series in [("000001", "01_01"), ("000002", "01_01"), ("000002", "02_01")]:
        write_deeplesion_slice(tmp_path, f"{patient}_{series}", "007", slice_of(1))
    write_deeplesion_slice(tmp_path, "000002_02_01", "008", np.zeros((SIZE, SIZE), np.int16))
    (tmp_path / "DL_info.csv").write_text(
        'File_name,Spacing_mm_px_\n000002_02_01_008.png,"0.75, 0.75, 5"\n'
    )
    builder = build(tmp_path / "data", tmp_path)
    found = [r for split in builder.info.splits for r in builder.as_data_source(split)]
    assert {r["key"].decode(): float(r["spacing_mm"]) for r in found} == {
        "000001_01_01/007": 0.0,
        "000002_01_01/007": 0.0,
        "000002_02_01/007": 0.75,  # spacing belongs to the series
    }
    metadata = builder.info.metadata
    assert metadata["kind"] == "super_resolution"
    assert metadata["skipped"] == {split_of("000002"): {"constant image": 1}}
    assert metadata["notes"] == ["pixel spacing known for 2 of 4 slices"]


def test_wrong_folders_and_files_are_refused(tmp_path):
    (tmp_path / "Images_png").mkdir()
    error = fault_of(build, tmp_path / "data", tmp_path)
    assert error.what == str(tmp_path) and "Images_png" in error.found
    info = tmp_path / "DL_info.csv"
    info.write_text("a,b\n1,2\n")
    error = fault_of(read_spacing, info)
    assert (
        error.what.endswith("/DL_info.csv")
        and "File_name" in error.expected
        and "Spacing_mm_px_" in error.expected
    )
    info.write_text("File_name,Spacing_mm_px_\n000002_02_01_008.png,wide\n")
    error = fault_of(read_spacing, info)
    assert (
        error.what.endswith("/DL_info.csv line 2")
        and "Spacing_mm_px_" in error.found
        and "wide" in error.found
    )


def test_real_slices(tmp_path):
    source = shared_data("deeplesion", "DL_info.csv").parent
    series = sorted((source / "Images_png").iterdir())[-2:]
    for folder in series:
        (tmp_path / "Images_png").mkdir(exist_ok=True)
        (tmp_path / "Images_png" / folder.name).symlink_to(folder)
    (tmp_path / "DL_info.csv").symlink_to(source / "DL_info.csv")
    builder = build(tmp_path / "data", tmp_path)
    records = [r for s in SPLITS if s in builder.info.splits for r in builder.as_data_source(s)]
    assert len(records) == sum(len(list(folder.glob("*.png"))) for folder in series)
    for record in records:
        path = source / "Images_png" / f"{record['key'].decode()}.png"
        np.testing.assert_array_equal(record["image"], read_image(path).astype(int) - 32768)
        assert -1100 < np.percentile(record["image"], 5) < -500  # air around the patient
        assert 0.3 < record["spacing_mm"] < 1.2
