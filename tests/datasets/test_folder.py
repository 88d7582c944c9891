"""The user's own images: a table, or folders of images and masks."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from casgan_jax.grid import encode_alpha, normalise
from casgan_jax.images import write_nifti
from casgan_jax.records.splits import SPLITS, split_of
from datasets.base import prepare
from datasets.build import next_step, summary
from datasets.folder.builder import Builder
from datasets.folder.layout import read_layout
from tests.faults import fault_of
from tests.labelling import lesions
from tests.labelling.volumes import balls

pytestmark = pytest.mark.slow

CENTRE, RADIUS = (90.0, 60.0), 8.0


def build(data_dir, folder, config="128"):
    path = prepare(
        Builder, data_dir, config=config, manual_dir=folder, workers=0, show_progress=False
    ).path
    return tfds.builder_from_directory(path)


def records_of(builder):
    return {
        record["key"].decode(): (split, record)
        for split in builder.info.splits
        for record in builder.as_data_source(split)
    }


def write_case(folder, name, radii, seed=0):
    """An image, and one mask (or one of each reader) of it in the plain layout."""
    lesions.write_image(folder / "images" / f"{name}.png", lesions.picture(8, CENTRE, seed=seed))
    for number, radius in enumerate(radii):
        root = "masks" if len(radii) == 1 else f"reader-{number + 1}"
        lesions.write_mask(folder / root / f"{name}.png", lesions.disc(radius, CENTRE))


@pytest.fixture
def table(tmp_path):
    """A folder with lesions.csv: axes, a mask, two readers, and lines that cannot be used."""
    folder = tmp_path / "mine"
    for name in "abc":
        lesions.write_image(folder / f"{name}.png", lesions.picture(8, CENTRE, seed=ord(name)))
    lesions.write_mask(folder / "m.png", lesions.disc(8, CENTRE))
    lesions.write_mask(folder / "r.png", lesions.disc(7, CENTRE))
    long = np.zeros((lesions.SIZE, lesions.SIZE), bool)  # and thin: a large one takes its time
    long[78:83, 8:152] = True
    lesions.write_image(folder / "large.png", np.where(long, 180, 60).astype(np.uint8))
    lesions.write_mask(folder / "large-mask.png", long)
    (folder / "lesions.csv").write_text(
        "image,recist,mask,reader_masks,patient,spacing_mm,split\n"
        f"a.png,{lesions.cell(lesions.axes(8, CENTRE))},,,Ann,0.7,train\n"
        "b.png,,m.png,,Bob,,validation\n"
        "c.png,,,m.png;r.png,Cid,,test\n"
        "large.png,,large-mask.png,,Dan,,train\n"
        "none.png,,m.png,,Dan,,train\n"
        'z.png,"1,2,3",,,Ann,,train\n'
    )
    return folder


def test_a_table_becomes_records(table, tmp_path):
    builder = build(tmp_path / "data", table)
    found = records_of(builder)
    assert {key: split for key, (split, _) in found.items()} == {
        "a": "train",
        "b": "validation",
        "c": "test",
    }
    strategies = [found[key][1]["strategy"].decode() for key in "abc"]
    assert strategies == ["recist", "mask", "readers"]
    assert [int(found[key][1]["n_readers"]) for key in "abc"] == [0, 1, 2]
    assert found["a"][1]["spacing_mm"] == np.float32(0.7)
    for _, record in found.values():
        assert record["image"].shape == (128, 128) and record["image"].dtype == np.uint8
        assert record["alpha"].shape == (512, 512)
        assert record["alpha"].sum() / 255 / 16 == pytest.approx(np.pi * 64, rel=0.15)
        assert 0.8 < record["quality"] <= 1
    metadata = builder.info.metadata
    assert (metadata["window"], metadata["scale"], metadata["label"]) == ([0, 255], 4, "alpha")
    assert metadata["skipped"] == {
        "train": {
            "bad line": 1,
            "does not fit 128 x 128 pixels, build folder/256": 1,
            "image or marks cannot be used": 1,
        }
    }
    # The table, five images and three masks; none.png is not there.
    assert metadata["sources"]["files"] == 1 + 4 + 3
    path = builder.data_path
    skipped = (path / "skipped.csv").read_text()
    assert "lesions.csv:7: recist: found '1,2,3', expected eight numbers" in skipped
    assert "none.png: found no such file" in skipped
    assert summary(path).endswith(f"data set: {path}")
    assert "validation lesions will choose the threshold" in summary(path)
    options = next_step(path).options
    assert options["config.data.dir"] == str(path) and options["config.data.label"] == "alpha"


def test_a_lesion_that_stands_twice_is_kept_once_and_told(table, tmp_path):
    with (table / "lesions.csv").open("a") as lines:
        lines.write("b.png,,./m.png,,Eve,,train\n")
    builder = build(tmp_path / "data", table)
    found = records_of(builder)
    assert len(found) == 3 and found["b_1"][0] == "validation"
    assert builder.info.metadata["skipped"]["train"]["stands twice"] == 1
    told = 'b_2,stands twice,"found the image, slice and marks of b_1 again; kept once"'
    assert told in (builder.data_path / "skipped.csv").read_text()
    assert "skipped 1: stands twice" in summary(builder.data_path)


def test_the_larger_config_holds_what_the_smaller_one_skips(table, tmp_path):
    assert "large" in records_of(build(tmp_path / "data", table, config="256"))


@pytest.mark.parametrize("radii", [(8,), (7, 8, 9)])
def test_folders_become_records(tmp_path, radii):
    folder = tmp_path / "mine"
    names = [f"{patient}/slice{number}" for patient in ("Ann", "Bob") for number in (1, 2)]
    for seed, name in enumerate([*names, "Cid"]):
        write_case(folder, name, radii, seed)
    write_case(folder, "without", ())
    found = records_of(build(tmp_path / "data", folder))
    assert found.keys() == {*names, "Cid"}
    for key, (split, record) in found.items():
        assert record["patient"].decode() == key.split("/")[0]
        assert split == split_of(key.split("/")[0])
        assert record["n_readers"] == len(radii)
        assert record["strategy"].decode() == ("mask" if len(radii) == 1 else "readers")


def test_what_the_folders_lack_is_told(tmp_path):
    folder = tmp_path / "mine"
    write_case(folder, "Ann", (8,))
    write_case(folder, "without", ())
    lesions.write_mask(folder / "masks" / "lone.png", lesions.disc(8, CENTRE))
    builder = build(tmp_path / "data", folder)
    assert builder.info.metadata["skipped"] == {split_of("without"): {"no mask": 1}}
    lone, alone, empty = builder.info.metadata["notes"]
    assert alone.startswith("1 image in no folder of a patient, each of which counts as one of its")
    assert lone.startswith("1 mask without an image, the first is ")
    others = [split for split in SPLITS if split != split_of("Ann")]
    assert empty.startswith(f"no patient is in the split {' or '.join(others)}: ")


def test_each_marked_slice_of_a_volume_is_a_lesion(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    volume = np.stack([lesions.picture(8, CENTRE, seed=k) for k in range(4)], axis=2)
    mask = np.stack([lesions.disc(8, CENTRE)] * 4, axis=2).astype(np.uint8)
    mask[..., [0, 3]] = 0
    for root, array in (("images", volume), ("masks", mask)):
        (tmp_path / root).mkdir()
        nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), tmp_path / root / "Ann.nii.gz")
    write_nifti(tmp_path / "images" / "Bob.nii.gz", volume[..., 0], (0.5, 0.5))
    lesions.write_mask(tmp_path / "masks" / "Bob.png", lesions.disc(8, CENTRE))
    found = read_layout(tmp_path).annotations
    assert [one.key for one in found] == ["Ann/slice-001", "Ann/slice-002", "Bob"]
    assert [one.slice_index for one in found] == [1, 2, None]
    assert [one.patient for one in found] == ["Ann", "Ann", "Bob"]
    assert found[0].files == (tmp_path / "images/Ann.nii.gz", tmp_path / "masks/Ann.nii.gz")


def test_a_reader_without_a_file_marked_nothing(tmp_path):
    write_case(tmp_path, "Ann", (7, 8, 9))
    (tmp_path / "reader-2" / "Ann.png").unlink()
    (one,) = read_layout(tmp_path).annotations
    assert one.reader_masks == (tmp_path / "reader-1/Ann.png", tmp_path / "reader-3/Ann.png")


def test_folders_that_cannot_be_used(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.png").touch()
    error = fault_of(build, tmp_path / "data", tmp_path / "other")
    assert error.what.endswith("/other") and "lesions.csv" in error.found
    write_case(tmp_path / "x", "Ann", ())
    assert fault_of(read_layout, tmp_path / "x").what.endswith("/x")
    write_case(tmp_path / "x", "Ann", (8,))
    lesions.write_image(tmp_path / "x" / "images" / "Ann.PNG", lesions.picture(8, CENTRE))
    error = fault_of(read_layout, tmp_path / "x")
    assert error.what.endswith("/images") and "Ann.png" in error.found
    write_case(tmp_path / "y", "Ann", (8,))
    write_case(tmp_path / "y", "Ann", (7, 8))
    assert fault_of(read_layout, tmp_path / "y").what.endswith("/y")
    (tmp_path / "z" / "images").mkdir(parents=True)
    (tmp_path / "z" / "images" / "notes.txt").touch()
    assert fault_of(read_layout, tmp_path / "z").what.endswith("/images")


def test_slices_beside_a_lesion_are_stored_and_an_image_alone_is_left_out(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    balls.write_nifti(folder / "ct.nii.gz")
    lesions.write_image(folder / "a.png", lesions.picture(8, CENTRE))
    ball = ",".join(f"{value:g}" for value in balls.axes())
    (folder / "lesions.csv").write_text(
        "image,slice,recist,patient,split\n"
        f'ct.nii.gz,6,"{ball}",Ann,train\n'
        f"a.png,,{lesions.cell(lesions.axes(8, CENTRE))},Bob,train\n"
    )
    builder = build(tmp_path / "data", folder, "128-25d")
    assert builder.info.metadata["neighbours"] == 1
    ((_, record),) = records_of(builder).values()
    for plane, number in enumerate((5, 7)):
        shown = encode_alpha(normalise(balls.values(number), record["source_window"]))
        beside = record["neighbours"][: balls.SIDE, : balls.SIDE, plane]
        np.testing.assert_array_equal(beside, shown)
    skipped = (builder.data_path / "skipped.csv").read_text()
    assert "no neighbouring slices" in skipped and "a.png" in skipped
