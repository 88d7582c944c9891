"""ISBI 2012: 300 images out of a multi-page TIFF."""

import collections
import functools

import numpy as np
import pytest
import tifffile

from casgan_jax.grid import decode_alpha
from casgan_jax.images import open_stack
from casgan_jax.soft_mask.label import soften
from casgan_jax.soft_mask.trimap import upsample_mask
from datasets.base import prepare
from datasets.isbi2012 import builder as isbi
from datasets.isbi2012.builder import Builder, Image, make_record, split_slices
from datasets.outcomes import Skip
from tests.faults import fault_of
from tests.shared_data import shared_data

pytestmark = pytest.mark.slow

SIDE = 272


@pytest.fixture(autouse=True)
def _no_kept_slices():
    isbi._labelled_slice.cache_clear()


@pytest.fixture
def native(monkeypatch):
    """Labels at native resolution, which take a sixteenth of the time."""
    monkeypatch.setattr(isbi, "SCALE", 1)


def cells(seed):
    """(SIDE, SIDE) bool: False on membranes, a few pixels wide, around square cells."""
    y, x = np.mgrid[:SIDE, :SIDE] + seed
    return (x % 40 >= 4) & (y % 30 >= 4)


def write(folder, pages=6, labels=None):
    """train-volume.tif and train-labels.tif as the challenge has them."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    found = [cells(page) for page in range(pages)]
    noise = rng.normal(0, 10, (pages, SIDE, SIDE))
    volume = (60 + 90 * np.stack(found) + noise).clip(0, 255).astype(np.uint8)
    if labels is None:
        labels = np.stack(found).astype(np.uint8) * np.uint8(255)
    tifffile.imwrite(folder / "train-volume.tif", volume, photometric="minisblack")
    tifffile.imwrite(folder / "train-labels.tif", labels, photometric="minisblack")
    return folder


def tasks_of(folder, config):
    builder = Builder(data_dir=folder.parent / "data", config=config)
    return builder, builder.tasks(folder)


@pytest.mark.parametrize("pages", [30, 24])
def test_both_protocols_have_the_papers_number_of_images(tmp_path, pages):
    write(tmp_path, pages)
    for config in ("honest", "paper"):
        builder, tasks = tasks_of(tmp_path, config)
        counts = collections.Counter(task.split for task in tasks)
        assert len({task.key for task in tasks}) == 300
        if config == "paper" or pages == 30:
            assert counts == {"train": 210, "validation": 30, "test": 60}
        assert builder.info.metadata["leaks"] == (config == "paper")
        splits_of = collections.defaultdict(set)
        for task in tasks:
            splits_of[task.arguments.page].add(task.split)
        if config == "honest":
            assert all(len(splits) == 1 for splits in splits_of.values())
            assert not builder._notes
        else:
            leaking = [page for page, splits in splits_of.items() if len(splits) > 1]
            assert len(leaking) > 0.9 * pages
            assert builder._notes[0].startswith("the paper's protocol leaks")


def test_slices_are_split_in_blocks():
    assert split_slices(30) == ["train"] * 21 + ["validation"] * 3 + ["test"] * 6
    assert split_slices(6) == ["train"] * 4 + ["validation"] + ["test"]


def test_a_record_is_a_softened_crop_in_one_of_eight_symmetries(tmp_path, monkeypatch):
    monkeypatch.setattr(isbi, "SCALE", 2)
    source = Image(str(write(tmp_path)), page=2, number=5, patient="slice-02")
    record = make_record(source)
    mask = record["consensus"] > 0
    assert record["image"].shape == (256, 256) and record["alpha"].shape == (512, 512)
    assert (record["key"], record["patient"]) == ("slice-02/image-005", "slice-02")
    # Eq. 6: on the cells, 1; beside them, what was matted; in the membrane's middle, 0.
    alpha = decode_alpha(record["alpha"])
    fine = upsample_mask(mask, 2)
    assert (alpha[fine] == 1).all()
    assert 0 < alpha[~fine & (record["trimap"] == 128)].mean() < 1
    assert (alpha[record["trimap"] == 0] == 0).all() and (record["trimap"] == 0).any()
    np.testing.assert_array_equal(soften(fine, alpha), alpha)
    np.testing.assert_array_equal(record["reader_masks"][..., 0] > 0, mask)
    assert not record["reader_masks"][..., 1:].any()
    np.testing.assert_array_equal(make_record(source)["image"], record["image"])
    assert is_view_of(record["image"], open_stack(tmp_path / "train-volume.tif").read(2).values)


def is_view_of(crop, image):
    """Whether a crop lies somewhere in an image, turned and mirrored in some way."""
    for view in (np.rot90(m, k) for m in (crop, crop[:, ::-1]) for k in range(4)):
        windows = np.lib.stride_tricks.sliding_window_view(image, view.shape)
        if (windows == view).all(axis=(2, 3)).any():
            return True
    return False


def test_images_of_a_slice_differ(tmp_path, native):
    make = functools.partial(Image, str(write(tmp_path)), 0, patient="slice-00")
    images = [make_record(make(number=number))["image"].tobytes() for number in range(24)]
    assert len(set(images)) > 20  # of 17 x 17 places in 8 symmetries


def test_labels_that_cannot_be_used_have_their_reason(tmp_path, native):
    labels = np.stack([cells(page) for page in range(6)]).astype(np.uint8) * np.uint8(255)
    labels[0, 0, 0] = 7
    labels[1] = 255
    folder = str(write(tmp_path, labels=labels))
    for page in (0, 1):
        skip = make_record(Image(folder, page, 0, "slice"))
        assert isinstance(skip, Skip) and skip.reason == "label not of two values"
        assert f"train-labels.tif page {page}" in skip.detail


def test_build(tmp_path, native, monkeypatch):
    monkeypatch.setattr(isbi, "IMAGES", 20)
    monkeypatch.setattr(isbi, "TEST", 4)
    monkeypatch.setattr(isbi, "VALIDATION", 4)
    write(tmp_path / "source")
    for config in ("honest", "paper"):
        path = prepare(
            Builder,
            tmp_path / "data",
            config=config,
            manual_dir=tmp_path / "source",
            workers=0,
            show_progress=False,
        ).path
        assert path == tmp_path / "data" / "isbi2012" / config / "1.0.0"


def test_wrong_files_get_one_line(tmp_path):
    build = functools.partial(prepare, Builder, tmp_path / "data", workers=0, show_progress=False)
    few = np.stack([cells(0)] * 5).astype(np.uint8)
    folder = write(tmp_path / "source", labels=few)
    error = fault_of(build, manual_dir=folder)
    assert (
        error.what.endswith("/train-labels.tif")
        and "5 pages" in error.found
        and "6 pages" in error.found
        and "train-volume.tif" in error.found
    )
    (folder / "train-labels.tif").write_bytes((folder / "train-volume.tif").read_bytes()[:1000])
    error = fault_of(build, manual_dir=folder)
    assert error.what == str(folder / "train-labels.tif")
    (folder / "train-labels.tif").unlink()
    assert fault_of(build, manual_dir=folder).what.endswith("/train-labels.tif")
    error = fault_of(build, manual_dir=write(tmp_path / "three", pages=3))
    assert (
        error.what.endswith("/train-volume.tif")
        and error.found == "3 pages"
        and "30 slices" in error.expected
    )


def test_real_slices(tmp_path):
    folder = shared_data("isbi2012", "train-volume.tif").parent
    tasks = Builder(data_dir=tmp_path, config="honest").tasks(folder)
    pages = {task.arguments.page for task in tasks}
    assert pages == set(range(24)) and len(tasks) == 300
    labels = open_stack(folder / "train-labels.tif")
    shares = [(labels.read(page).values > 0).mean() for page in (0, 12, 23)]
    assert all(0.7 < share < 0.85 for share in shares)  # cells; membranes are the rest
