"""The device renders what the host does."""

import dataclasses

import jax
import numpy as np
import pytest

from casgan_jax.configs.schema.softgan import Augmentation
from casgan_jax.data import Planes, training_batches
from casgan_jax.data import device_rendering as device
from casgan_jax.data import host_rendering as host
from casgan_jax.data.augmentation import draw_segmentation, draw_super_resolution
from casgan_jax.training.parallel import Devices
from tests.faults import fault_of

QUIET = Augmentation(noise=0.0)
# OpenCV 4 rounds source positions to 1/32 pixel in x and y, at most 1/64 away; 8-bit planes are
# rounded once more.
POSITION, CODE = 2 / 64, 1 / 255


def one_record(seed=0, size=24, scale=2):
    rng = np.random.default_rng(seed)
    return {
        "image": rng.random((size, size), np.float32),
        "target": rng.integers(0, 256, (scale * size, scale * size), dtype=np.uint8),
        "mark": np.array([9.3, 14.8], np.float32),
        "neighbours": rng.random((size, size, 2), np.float32),
    }


def on_device(render, planes, draw, **sizes):
    stacked = {name: plane[None] for name, plane in planes.items()}
    return jax.jit(render, static_argnames=("patch", "scale"))(stacked, draw, **sizes)


@pytest.mark.slow
@pytest.mark.parametrize("elastic", [0.0, 2.0])
@pytest.mark.parametrize("seed", range(8))
def test_segmentation_examples_are_those_of_the_host(seed, elastic):
    # The patch reaches over the record's border: replication is compared, too.
    planes, rng = one_record(), np.random.default_rng(seed)
    draw = draw_segmentation(0, rng, augmentation=dataclasses.replace(QUIET, elastic=elastic))
    sizes = dict(patch=20, scale=2)
    expected = host.render_segmentation(planes, draw, **sizes)
    found = on_device(device.render_segmentation, planes, draw, **sizes)
    for name, rounding in (("image", 0.0), ("neighbours", 0.0), ("target", CODE)):
        # White noise is as steep as a plane can be: neighbours differ by up to 1, times contrast.
        np.testing.assert_allclose(found[name], expected[name], atol=1.3 * POSITION + rounding)
        assert found[name].shape == expected[name].shape
        assert found[name].dtype == expected[name].dtype


@pytest.mark.parametrize("mark", [(11.5, 12.5), (2.0, 23.0), (13.2, 9.0)])
@pytest.mark.parametrize("seed", range(4))
def test_whole_pixels_are_those_of_the_host(seed, mark):
    planes, rng = one_record() | {"mark": np.array(mark, np.float32)}, np.random.default_rng(seed)
    limits = dataclasses.replace(QUIET, whole_pixels=1.0, shift=2.0)
    draw = draw_segmentation(0, rng, augmentation=limits)
    sizes = dict(patch=20, scale=2)
    expected = host.render_segmentation(planes, draw, **sizes)
    found = on_device(device.render_segmentation, planes, draw, **sizes)
    for name in ("image", "target"):
        np.testing.assert_allclose(found[name], expected[name], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_super_resolution_examples_are_those_of_the_host(seed):
    planes, rng = {"image": one_record()["image"]}, np.random.default_rng(seed)
    draw = draw_super_resolution(0, rng, augmentation=QUIET, shape=(24, 24), side=16)
    sizes = dict(patch=8, scale=2)
    expected = host.render_super_resolution(planes, draw, **sizes)
    found = on_device(device.render_super_resolution, planes, draw, **sizes)
    np.testing.assert_array_equal(found["target"], expected["target"])
    np.testing.assert_allclose(found["image"], expected["image"], atol=1e-6)


def test_noise_has_the_drawn_strength_and_seed_on_both():
    planes = {"image": np.full((64, 64), 0.5, np.float32)}
    draw = draw_super_resolution(
        0, np.random.default_rng(0), augmentation=QUIET, shape=(64, 64), side=64
    )
    draw["noise"] = np.float32(0.05)
    for render in (
        host.render_super_resolution,
        lambda *arguments, **sizes: on_device(device.render_super_resolution, *arguments, **sizes),
    ):
        image = render(planes, draw, patch=64, scale=1)["image"]
        assert np.std(image) == pytest.approx(0.05, rel=0.05)
        assert np.mean(image) == pytest.approx(0.5, abs=0.005)
        other = render(planes, draw | {"noise_seed": np.uint32(1)}, patch=64, scale=1)["image"]
        assert abs(np.corrcoef(np.ravel(image), np.ravel(other))[0, 1]) < 0.1


def test_stacked_planes_are_those_of_every_record():
    planes = Planes(range(5), one_record)
    stacked = planes.stacked()
    for index, record in enumerate(planes):
        for name, plane in record.items():
            np.testing.assert_array_equal(stacked[name][index], plane)
    assert planes.nbytes == sum(array.nbytes for array in stacked.values())


def test_planes_that_do_not_fit_get_one_line_and_the_remedy(discs, monkeypatch):
    monkeypatch.setattr(device, "_memory", lambda _: 2**18)
    error = fault_of(
        training_batches,
        discs,
        kind="segmentation",
        patch=16,
        scale=2,
        batch_size=4,
        seed=0,
        cache="device",
        mesh=Devices().mesh,
    )
    assert error.what == "data.cache"
