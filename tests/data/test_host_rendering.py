"""OpenCV's threads, of which a process has one number for everything in it."""

import subprocess
import sys

import cv2
import pytest

from casgan_jax.data import training_batches

pytestmark = pytest.mark.slow

IMPORTED = "import cv2; cv2.setNumThreads(3); import casgan_jax.data; print(cv2.getNumThreads())"


@pytest.fixture
def three_threads():
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    yield
    cv2.setNumThreads(before)


def test_an_import_leaves_opencvs_threads_alone():
    run = subprocess.run(
        [sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["3"]


def test_opencv_has_one_thread_where_the_host_renders(discs, three_threads):
    data = training_batches(discs, kind="segmentation", patch=16, scale=2, batch_size=4, seed=0)
    next(iter(data.batches_from(0)))
    assert cv2.getNumThreads() == 1
