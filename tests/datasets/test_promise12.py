"""PROMISE 2012: cases of MetaImage volumes."""

import collections

import numpy as np
import pytest
import tensorflow_datasets as tfds

from casgan_jax.grid import decode_alpha
from casgan_jax.records.splits import split_of
from casgan_jax.soft_mask.trimap import upsample_mask
from datasets.base import prepare
from datasets.outcomes import Skip
from datasets.promise12 import builder as promise
from datasets.promise12.builder import Builder, Slice, make_record
from tests.datasets.trees import disc
from tests.faults import fault_of
from tests.shared_data import shared_data

SIDE = 264


@pytest.fixture(autouse=True)
def _no_kept_windows():
    promise._window.cache_clear()


@pytest.fixture
def native(monkeypatch):
    """Labels at native resolution, which take a sixteenth of the time."""
    monkeypatch.setattr(promise, "SCALE", 1)


def write_volume(path, voxels):
    """A .mhd header and its .raw, voxels (slices, rows, columns) int16 or int8, as published."""
    kind = {"int16": "MET_SHORT", "int8": "MET_CHAR"}[voxels.dtype.name]
    sizes = " ".join(map(str, voxels.shape[::-1]))
    path.write_text(
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        "CompressedData = False\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\n"
        "CenterOfRotation = 0 0 0\nAnatomicalOrientation = RAI\n"
        f"ElementSpacing = 0.625 0.625 3.6\nDimSize = {sizes}\nElementType = {kind}\n"
        f"ElementDataFile = {path.stem}.raw\n"
    )
    path.with_suffix(".raw").write_bytes(voxels.tobytes())


def write_case(folder, name, centre=(130, 140), radii=(0, 20, 25), side=SIDE, level=300):
    """A case whose prostate has a radius on each slice, 0 for none."""
    folder.mkdir(exist_ok=True, parents=True)
    masks = np.stack([disc(r, centre, side) if r else np.zeros((side, side), bool) for r in radii])
    noise = np.random.default_rng(len(name)).normal(0, 20, masks.shape)
    write_volume(folder / f"{name}.mhd", (level + level * masks + noise).astype(np.int16))
    write_volume(folder / f"{name}_segmentation.mhd", masks.astype(np.int8))
    return folder


def source(folder, index=1, case="Case00"):
    files = [str(folder / f"{case}{end}.mhd") for end in ("", "_segmentation")]
    return Slice(*files, index, case, case)


def test_a_record_is_the_crop_around_the_prostate(tmp_path):
    record = make_record(source(write_case(tmp_path, "Case00")))
    assert record["key"] == "Case00/slice-01" and record["lesion"] == "Case00"
    assert record["spacing_mm"] == pytest.approx(0.625)
    # (130, 140) of 264 pixels: the crop of 256 begins at column 2 and row 8, not 12 or 13.
    np.testing.assert_array_equal(record["mark"], [128, 132])
    expected = disc(20, (128, 132), 256)
    np.testing.assert_array_equal(record["consensus"] > 0, expected)
    np.testing.assert_array_equal(record["reader_masks"][..., 0] > 0, expected)
    inside, outside = record["image"][expected].mean(), record["image"][~expected].mean()
    assert outside < 80 < 170 < inside  # stretched to 8 bits
    alpha, fine = decode_alpha(record["alpha"]), upsample_mask(expected, 4)
    assert (alpha[fine] == 1).all()
    assert 0.9 < alpha.sum() / fine.sum() < 1.1


@pytest.mark.parametrize("level", [30, 3000])
def test_cases_of_any_level_look_alike(tmp_path, native, level):
    image = make_record(source(write_case(tmp_path, "Case00", level=level)))["image"]
    assert image.min() == 0 and image.max() == 255


def build(root, config="case", name="data"):
    path = prepare(
        Builder,
        root.parent / name,
        config=config,
        manual_dir=root,
        workers=0,
        show_progress=False,
    ).path
    return path, tfds.builder_from_directory(path)


def test_build_by_case(tmp_path, native):
    root = tmp_path / "source"
    for number in range(7):
        write_case(root, f"Case{number:02d}")
    path, builder = build(root)
    assert path == tmp_path / "data" / "promise12" / "case" / "1.0.0"
    found = {s: info.num_examples for s, info in builder.info.splits.items()}
    assert found == {"train": 8, "validation": 2, "test": 4}
    for split in builder.info.splits:
        for record in builder.as_data_source(split):
            assert split_of(record["patient"].decode()) == split
    metadata = builder.info.metadata
    assert metadata["notes"] == ["7 slices without prostate left out"]
    assert not metadata["leaks"] and not metadata["skipped"]


def slices(cases, each):
    names = [f"Case{case:02d}" for case in range(cases)]
    return [Slice(case, case, index, case, case) for case in names for index in range(each)]


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        (50, {"train": 473, "validation": 53, "test": 131}),
        (4, {"train": 46, "validation": 5, "test": 13}),
    ],
)
def test_the_papers_numbers_of_images(tmp_path, cases, expected):
    builder = Builder(data_dir=tmp_path, config="paper")
    tasks = list(builder._paper_tasks(slices(cases, 16)))
    assert collections.Counter(task.split for task in tasks) == expected
    assert len({task.key for task in tasks}) == len(tasks)
    splits_of = collections.defaultdict(set)
    for task in tasks:
        splits_of[task.arguments.case].add(task.split)
    assert sum(len(splits) > 1 for splits in splits_of.values()) > 0.9 * cases
    assert "its protocol leaks" in builder._notes[0]
    assert builder.info.metadata["leaks"]


def test_cases_that_cannot_be_used_have_their_reason(tmp_path, native):
    root = tmp_path / "source"
    for number in range(6):
        write_case(root, f"Case{number:02d}", side=SIDE if number != 5 else 200)
    raw = root / "Case00.raw"
    raw.write_bytes(raw.read_bytes()[:-5])
    (root / "Case01_segmentation.mhd").unlink()
    write_volume(root / "Case02_segmentation.mhd", np.ones((2, SIDE, SIDE), np.int8))
    write_volume(root / "Case03_segmentation.mhd", np.ones((3, 9, 9), np.int8))
    path, builder = build(root)
    lines = (path / "skipped.csv").read_text()
    for part in (
        "Case00.raw: found 418171 bytes of data instead of the 418176",
        "Case01_segmentation.mhd: found no such file",
        "Case02_segmentation.mhd: found 2 slices for the 3 of Case02.mhd",
        "segmentation of another size",
        "image smaller than 256x256",
    ):
        assert part in lines
    assert sum(info.num_examples for info in builder.info.splits.values()) == 2


def test_nothing_to_build_from(tmp_path):
    root = tmp_path / "source"
    root.mkdir()
    (root / "Case00_segmentation.mhd").write_text("")
    error = fault_of(build, root)
    assert error.what.endswith("/source") and "CaseNN.mhd" in error.found
    write_case(root, "Case00")
    raw = root / "Case00.raw"
    raw.write_bytes(raw.read_bytes()[:-5])
    error = fault_of(build, root)
    assert (
        error.what == "promise12"
        and "Case00.raw" in error.remedy
        and "418171 bytes" in error.remedy
    )


def test_a_constant_image(tmp_path):
    write_case(tmp_path, "Case00")
    write_volume(tmp_path / "Case00.mhd", np.full((3, SIDE, SIDE), 7, np.int16))
    skip = make_record(source(tmp_path))
    assert isinstance(skip, Skip) and skip.reason == "constant image"


def test_real_cases(tmp_path, native):
    folder = shared_data("promise12", "Case00.mhd").parent
    tasks = Builder(data_dir=tmp_path).tasks(folder)
    assert len(tasks) == 20
    record = make_record(tasks[0].arguments)
    assert record["image"].shape == (256, 256)
    assert 0.01 < (record["consensus"] > 0).mean() < 0.3
