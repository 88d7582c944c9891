import cv2
import numpy as np
import pytest

from casgan_jax.configs.schema.softgan import Augmentation
from casgan_jax.data import training_batches
from casgan_jax.grid import decode_alpha, normalise
from casgan_jax.records.patches import marked_patch
from casgan_jax.records.prepared import load_split
from casgan_jax.training.parallel import Devices
from tests.faults import fault_of

STILL = Augmentation(
    flip=False, rotation=0.0, zoom=0.0, shift=0.0, contrast=0.0, brightness=0.0, noise=0.0
)
KINDS = {
    "segmentation": dict(kind="segmentation", patch=16, scale=2),
    "super_resolution": dict(kind="super_resolution", patch=8, scale=2),
}
COMMON = KINDS["segmentation"] | dict(batch_size=4, seed=3)
BOTH = pytest.mark.parametrize("cache", ["host", "device"])


def open_stream(data_dir, **changes):
    return training_batches(data_dir, mesh=Devices().mesh, **(COMMON | changes))


def rendered(data, count, start=0):
    """Batches as a training step sees them."""
    devices, batches = Devices(), take(data, count, start)
    batches = [data.render(devices.shard(batch)) for batch in batches]
    return [{name: np.asarray(array) for name, array in batch.items()} for batch in batches]


def take(data, count, start=0):
    """Batches of the pipeline: pixels of the host, or draws for the device."""
    iterator = iter(data.batches_from(start))
    return [next(iterator) for _ in range(count)]


def assert_equal_batches(left, right):
    for one, other in zip(left, right, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


@BOTH
def test_without_augmentation_image_and_target_are_the_centre(discs, cache):
    (batch,) = rendered(open_stream(discs, cache=cache, label="alpha", augmentation=STILL), 1)
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
        np.testing.assert_allclose(target[..., 0], decode_alpha(alpha[16:48, 16:48]), atol=1e-6)


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("elastic", [0.0, 1.5])
def test_image_and_target_move_together(discs, cache, elastic):
    # On the discs, brightness is alpha: whatever is drawn, the native mean of the target says where
    # the image is bright.
    strong = Augmentation(contrast=0.0, brightness=0.0, noise=0.0, zoom=0.3, elastic=elastic)
    data = open_stream(discs, cache=cache, label="alpha", augmentation=strong)
    for batch in rendered(data, 5):
        native = batch["target"].reshape(4, 16, 2, 16, 2).mean((2, 4))
        for image, alpha in zip(batch["image"][..., 0], native, strict=True):
            assert np.corrcoef(image.ravel(), alpha.ravel())[0, 1] > 0.95


@BOTH
def test_soft_targets_stay_soft(discs, cache):
    target = np.concatenate(
        [batch["target"] for batch in rendered(open_stream(discs, cache=cache), 3)]
    )
    assert target.min() >= 0 and target.max() <= 1
    assert ((target > 0.05) & (target < 0.95)).mean() > 0.05


@BOTH
def test_super_resolution_pairs_are_area_means(discs, cache):
    changes = KINDS["super_resolution"] | dict(scale=4, augmentation=STILL)
    (batch,) = rendered(open_stream(discs, cache=cache, **changes), 1)
    means = batch["target"].reshape(4, 8, 4, 8, 4, 1).mean((2, 4))
    np.testing.assert_allclose(batch["image"], means, atol=1e-5)


@BOTH
@pytest.mark.parametrize("kind", KINDS)
def test_stream_depends_on_the_seed_alone(discs, cache, kind):
    first, again, other = (
        take(open_stream(discs, cache=cache, **(KINDS[kind] | {"seed": seed})), 3)
        for seed in (3, 3, 4)
    )
    assert_equal_batches(first, again)
    name = {"host": "image", "device": "noise_seed"}[cache]
    assert not any(np.array_equal(a[name], b[name]) for a, b in zip(first, other, strict=True))


def test_records_kept_in_memory_are_the_same(discs):
    none, host = (take(open_stream(discs, cache=cache), 20) for cache in ("none", "host"))
    assert_equal_batches(none, host)


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_stream_goes_on_where_it_was(discs, cache, kind):
    data = open_stream(discs, cache=cache, **KINDS[kind])
    whole = rendered(data, 17)  # into the second epoch
    assert_equal_batches(rendered(data, 4, start=13), whole[13:])


@BOTH
@pytest.mark.parametrize("start", [0, 9])
def test_two_processes_share_the_batches_of_one(discs, cache, start):
    whole = take(open_stream(discs, cache=cache), 6, start)
    changes = dict(cache=cache, batch_size=COMMON["batch_size"] // 2, process_count=2)
    shares = [take(open_stream(discs, process_index=p, **changes), 6, start) for p in range(2)]
    for batch, *parts in zip(whole, *shares, strict=True):
        for index, part in enumerate(parts):
            for name, values in part.items():
                np.testing.assert_array_equal(values, batch[name][index::2])


@pytest.mark.slow
@BOTH
def test_worker_processes_do_not_change_the_stream(discs, cache):
    expected = take(open_stream(discs, cache=cache), 6)
    assert_equal_batches(take(open_stream(discs, cache=cache, workers=1), 6), expected)
    two = open_stream(discs, cache=cache, workers=2)
    assert_equal_batches(take(two, 3, start=3), expected[3:])


@BOTH
@pytest.mark.parametrize("kind", KINDS)
def test_batches_of_one_are_those_of_more_in_their_order(discs, cache, kind):
    one = take(open_stream(discs, cache=cache, **(KINDS[kind] | {"batch_size": 1})), 4)
    (four,) = take(open_stream(discs, cache=cache, **(KINDS[kind] | {"batch_size": 4})), 1)
    stacked = {name: np.concatenate([batch[name] for batch in one]) for name in four}
    assert_equal_batches([stacked], [four])


def test_auto_renders_on_the_host_where_there_is_no_accelerator(discs):
    auto, host = (take(open_stream(discs, cache=cache), 2) for cache in ("auto", "host"))
    assert_equal_batches(auto, host)


def test_a_run_may_go_on_with_another_renderer(discs):
    quiet = Augmentation(noise=0.0)
    host, device = (
        open_stream(discs, cache=cache, augmentation=quiet) for cache in ("host", "device")
    )
    for one, other in zip(rendered(host, 3, start=5), rendered(device, 3, start=5), strict=True):
        # To the rounding of OpenCV 4, see test_device_rendering; the discs are smooth.
        np.testing.assert_allclose(one["image"], other["image"], atol=0.02)
        np.testing.assert_allclose(one["target"], other["target"], atol=0.02)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"scale": 3}, "data.scale"),
        ({"label": "alhpa"}, "data.label"),
        ({"patch": 64}, "data.patch"),
        ({"batch_size": 500}, "optim.batch_size"),
        ({"cache": "gpu"}, "data.cache"),
    ],
)
def test_what_does_not_fit_is_named(discs, changes, what):
    assert fault_of(lambda: take(open_stream(discs, **changes), 1), told_remedy=False).what == what
