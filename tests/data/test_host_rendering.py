"""OpenCV's threads, of which a process has one number for everything in it, and slices beside."""

import subprocess
import sys

import cv2
import numpy as np
import pytest

from casgan_jax.configs.schema.softgan import Augmentation
from casgan_jax.data import training_batches
from casgan_jax.data.augmentation import draw_segmentation
from casgan_jax.data.host_rendering import render_segmentation

IMPORTED = "import cv2; cv2.setNumThreads(3); import casgan_jax.data; print(cv2.getNumThreads())"


@pytest.fixture
def three_threads():
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    yield
    cv2.setNumThreads(before)


@pytest.mark.slow
def test_an_import_leaves_opencvs_threads_alone():
    run = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["3"]


@pytest.mark.slow
def test_opencv_has_one_thread_where_the_host_renders(discs, three_threads):
    data = training_batches(discs, kind="segmentation", patch=16, scale=2, batch_size=4, seed=0)
    next(iter(data.batches_from(0)))
    assert cv2.getNumThreads() == 1


@pytest.mark.parametrize("seed", range(4))
def test_slices_beside_are_moved_and_lit_as_the_image_is(seed):
    rng = np.random.default_rng(seed)
    image = rng.random((24, 24), np.float32)
    planes = {
        "image": image,
        "target": np.zeros((48, 48), np.uint8),
        "mark": np.array([11.0, 12.0], np.float32),
        "neighbours": np.stack([image, image], axis=-1),
    }
    for noise in (0.0, 0.1):
        limits = Augmentation(noise=noise, elastic=2.0)
        draw = draw_segmentation(0, rng, augmentation=limits) | {"noise": np.float32(noise)}
        example = render_segmentation(planes, draw, patch=16, scale=2)
        beside = example["neighbours"]
        assert beside.shape == (16, 16, 2) and beside.dtype == np.float32
        same = np.abs(beside - example["image"]).max(axis=(0, 1))
        assert (same > 0.01).all() if noise else (same < 1e-6).all()  # noise is each slice's own
        alone = {name: plane for name, plane in planes.items() if name != "neighbours"}
        again = render_segmentation(alone, draw, patch=16, scale=2)
        np.testing.assert_array_equal(again["image"], example["image"])
        assert "neighbours" not in again
