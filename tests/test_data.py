import cv2
import numpy as np
import pytest

from casgan_jax.data import (
    Augmentation,
    load_split,
    marked_patch,
    marked_region,
    normalise,
    read_metadata,
    readers_mean,
    segmentation_planes,
    training_batches,
)
from casgan_jax.records import decode_alpha

STILL = Augmentation(
    flip=False, rotation=0.0, zoom=0.0, shift=0.0, contrast=0.0, brightness=0.0, noise=0.0
)
COMMON = dict(kind="segmentation", patch=16, scale=2, batch_size=4, seed=3)


def stream(data_dir, *, start=0, **options):
    batches_from, _ = training_batches(data_dir, **options)
    return batches_from(start)


def take(dataset, count):
    iterator = iter(dataset)
    return [next(iterator) for _ in range(count)]


def assert_equal_batches(left, right):
    for one, other in zip(left, right, strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


def test_records_decode_only_the_wanted_features(discs):
    records = load_split(discs, "train", features=("image",))
    assert set(records[0]) == {"image"}
    assert records[0]["image"].shape == (32, 32)
    assert read_metadata(discs)["kind"] == "segmentation"


def test_a_parent_folder_with_one_data_set_will_do(discs):
    assert len(load_split(discs.parents[1], "train")) == len(load_split(discs, "train"))


@pytest.mark.parametrize(
    ("window", "expected"), [((0, 255), [0, 128 / 255, 1]), ((100, 200), [0, 0.28, 1])]
)
def test_normalise_maps_the_window_to_the_unit_interval(window, expected):
    image = np.array([0, 128, 255], np.uint8)
    np.testing.assert_allclose(normalise(image, window), expected, atol=1e-6)


def test_normalise_of_hounsfield_units_does_not_wrap():
    image = np.array([-32768, -1000, -300, 400, 32767], np.int16)
    np.testing.assert_allclose(normalise(image, (-1000, 400)), [0, 0, 0.5, 1, 1], atol=1e-6)


def test_without_augmentation_image_and_target_are_the_centre(discs):
    batches = stream(discs, label="alpha", augmentation=STILL, **COMMON)
    batch = next(iter(batches))
    assert batch["image"].shape == (4, 16, 16, 1)
    assert batch["target"].shape == (4, 32, 32, 1)
    assert batch["image"].dtype == batch["target"].dtype == np.float32
    records = list(load_split(discs, "train"))
    crops = [normalise(marked_patch(r, "image", 16), (0, 255)) for r in records]
    for image, target in zip(batch["image"], batch["target"], strict=True):
        errors = [np.abs(crop - image[..., 0]).max() for crop in crops]
        assert min(errors) < 1e-6
        alpha = cv2.resize(
            records[int(np.argmin(errors))]["alpha"], (64, 64), interpolation=cv2.INTER_AREA
        )
        np.testing.assert_allclose(target[..., 0], decode_alpha(alpha[16:48, 16:48]))


def test_image_and_target_move_together(discs):
    # On the discs, brightness is alpha: whatever is drawn, the native mean of the target says where
    # the image is bright.
    strong = Augmentation(contrast=0.0, brightness=0.0, noise=0.0, zoom=0.3)
    batches = stream(discs, label="alpha", augmentation=strong, **COMMON)
    for batch in take(batches, 5):
        native = batch["target"].reshape(4, 16, 2, 16, 2).mean((2, 4))
        for image, alpha in zip(batch["image"][..., 0], native, strict=True):
            assert np.corrcoef(image.ravel(), alpha.ravel())[0, 1] > 0.95


@pytest.mark.parametrize(
    ("mark", "corner"), [((15.5, 15.5), (8, 8)), ((10.0, 20.4), (13, 2)), ((0, 31), (16, 0))]
)
def test_a_patch_is_cut_around_its_mark_and_inside_the_crop(mark, corner):
    rows, columns = marked_region(mark, 16, 32)
    assert (rows.start, columns.start) == corner
    fine = marked_region(mark, 16, 32, scale=4)
    assert [s.start for s in fine] == [4 * start for start in corner]
    assert [s.stop - s.start for s in fine] == [64, 64]


def test_soft_targets_stay_soft(discs):
    batches = stream(discs, label="alpha", **COMMON)
    target = np.concatenate([batch["target"] for batch in take(batches, 3)])
    assert target.min() >= 0 and target.max() <= 1
    assert ((target > 0.05) & (target < 0.95)).mean() > 0.05


def test_labels_are_what_their_names_say(discs):
    def planes(label):
        return segmentation_planes(discs, "train", label=label, patch=16, scale=2)

    record = load_split(discs, "train")[0]
    mean = readers_mean(record)
    up = cv2.resize(mean, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
    np.testing.assert_allclose(decode_alpha(planes("readers")[0]["target"]), up, atol=1 / 255)
    assert set(np.unique(planes("consensus")[0]["target"])) == {0, 255}
    with pytest.raises(ValueError, match="data.label: found 'true_alpha', expected one of alpha"):
        planes("true_alpha")


def test_stream_depends_on_the_seed_alone(discs):
    first, again, other = (
        take(stream(discs, **(COMMON | {"seed": seed})), 3) for seed in (3, 3, 4)
    )
    assert_equal_batches(first, again)
    assert any(np.abs(a["image"] - b["image"]).max() > 0 for a, b in zip(first, other, strict=True))


def test_a_resumed_stream_goes_on_where_it_was(discs):
    whole = take(stream(discs, **COMMON), 17)  # into the second epoch
    assert_equal_batches(take(stream(discs, start=13, **COMMON), 4), whole[13:])


@pytest.mark.parametrize("start", [0, 9])
def test_two_processes_share_the_batches_of_one(discs, start):
    whole = take(stream(discs, start=start, **COMMON), 6)
    options = COMMON | {"batch_size": COMMON["batch_size"] // 2, "process_count": 2}
    shares = [
        take(stream(discs, start=start, process_index=index, **options), 6) for index in range(2)
    ]
    for batch, *parts in zip(whole, *shares, strict=True):
        for index, part in enumerate(parts):
            for name, values in part.items():
                np.testing.assert_array_equal(values, batch[name][index::2])


def test_super_resolution_pairs_are_area_means(discs):
    batches = stream(
        discs,
        kind="super_resolution",
        patch=8,
        scale=4,
        batch_size=4,
        seed=0,
        augmentation=STILL,
    )
    batch = next(iter(batches))
    means = batch["target"].reshape(4, 8, 4, 8, 4, 1).mean((2, 4))
    np.testing.assert_allclose(batch["image"], means, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"scale": 3}, "data.scale: found 3, expected a divisor of the data set's 4"),
        ({"label": "alhpa"}, "data.label: found 'alhpa', expected one of alpha"),
        ({"patch": 64}, "data.patch: found 64 for records of 32 x 32 pixels"),
        ({"batch_size": 500}, "optim.batch_size: found 500, expected at most the"),
    ],
)
def test_what_does_not_fit_is_named(discs, changes, line):
    with pytest.raises(ValueError, match=line):
        batches = stream(discs, **(COMMON | changes))
        next(iter(batches))


def test_missing_data_names_the_command(discs, tmp_path):
    with pytest.raises(ValueError, match="launch.build --dataset=phantom"):
        load_split(tmp_path, "train")
    with pytest.raises(ValueError, match="split: found no records of 'tset'"):
        load_split(discs, "tset")
