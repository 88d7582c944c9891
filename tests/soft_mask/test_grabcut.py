"""GrabCut from RECIST axes, and the labels made with it."""

import csv

import cv2
import numpy as np
import pytest

from casgan_jax.grid import PAPER_THRESHOLD, binarise
from casgan_jax.soft_mask.grabcut import grabcut_mask
from casgan_jax.soft_mask.label import label_from_recist, recist_prior
from casgan_jax.soft_mask.recist import measure_axes, recist_agreement, relative_distance, to_scale
from casgan_jax.soft_mask.trimap import trimap_from_recist
from tests.faults import fault_of
from tests.shared_data import shared_data
from tests.soft_mask.test_recist import APART, CROSSING


def nodule(radius, size, middle=None, ground_glass=False):
    """Image in [0, 1], its alpha, and the axes of a disc with a blurred edge and some noise."""
    middle = np.full(2, (size - 1) / 2) if middle is None else np.asarray(middle, float)
    y, x = np.mgrid[:size, :size]
    distance = np.hypot(x - middle[0], y - middle[1])
    alpha = 1 / (1 + np.exp(np.clip((distance - radius) / 0.4, -30, 30)))
    noise = np.random.default_rng(0).normal(0, 0.02, alpha.shape)
    image = np.clip(0.1 + (0.15 if ground_glass else 0.6) * alpha + noise, 0, 1)
    ends = [(-radius, 0), (radius, 0), (0, -radius), (0, radius)]
    return image.astype(np.float32), alpha, np.float32(np.add(ends, middle)).reshape(8)


def dice(a, b):
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def native(fine, scale=4):
    return fine.reshape(len(fine) // scale, scale, -1, scale).mean(axis=(1, 3))


@pytest.mark.slow
@pytest.mark.parametrize(
    "radius, size, glass",
    [(1.5, 24, False), (5.0, 32, False), (5.0, 32, True), (30.0, 96, False), (100.0, 260, False)],
)
def test_lesions_of_3_to_200_pixels(radius, size, glass):
    image, alpha, recist = nodule(radius, size, ground_glass=glass)
    scale = 4 if radius < 50 else 1
    label = label_from_recist(image, recist, scale)
    assert label.alpha.dtype == np.float32 and label.trimap.dtype == np.uint8
    assert label.alpha.shape == label.trimap.shape == (scale * size,) * 2
    found = native(label.alpha) if scale == 4 else label.alpha
    assert dice(binarise(found, PAPER_THRESHOLD), alpha >= 0.5) > (0.9 if radius < 2 else 0.94)
    again = measure_axes(label.alpha, PAPER_THRESHOLD, scale=scale)
    assert recist_agreement(recist, again) > 0.85


def test_grabcut_finds_what_the_axes_do_not_tell():
    image, alpha, recist = nodule(12.0, 64)
    y, x = np.mgrid[:64, :64] - 31.5
    bite = np.hypot(x - 11, y - 11) < 5  # between the ends of the axes
    image[bite] = 0.1
    truth = (alpha >= 0.5) & ~bite
    distance = relative_distance(to_scale(recist, 4), (256, 256))
    prior = native(recist_prior(distance, grabcut_mask(image, recist, scale=4)))
    assert dice(grabcut_mask(image, recist), truth) > 0.93
    assert prior[bite & (alpha > 0.9)].mean() < prior[truth].mean() - 0.1


def test_grabcut_is_deterministic():
    image, _, recist = nodule(8.0, 48)
    first = grabcut_mask(image, recist, scale=2)
    cv2.setRNGSeed(7)
    cv2.randu(np.empty((5, 5)), 0, 1)
    np.testing.assert_array_equal(first, grabcut_mask(image, recist, scale=2))


def test_a_whole_slice_gives_what_its_part_gives():
    image, _, recist = nodule(4.0, 96, middle=(60.3, 40.6))
    whole = label_from_recist(image, recist)
    part = label_from_recist(image[20:62, 40:82], recist - np.tile([40, 20], 4))
    np.testing.assert_allclose(whole.alpha[80:248, 160:328], part.alpha, atol=2e-3)
    np.testing.assert_array_equal(whole.grabcut[80:248, 160:328], part.grabcut)
    assert whole.alpha.sum() == pytest.approx(part.alpha.sum(), rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("middle", [(0.0, 20.0), (38.0, 2.0), (39.4, 39.4), (-0.4, -0.4)])
def test_lesions_that_the_image_cuts(middle):
    image, alpha, recist = nodule(6.0, 40, middle=middle)
    label = label_from_recist(image, recist)
    assert dice(native(label.alpha) >= 0.5, alpha >= 0.5) > 0.85


@pytest.mark.parametrize("recist", APART.values(), ids=APART)
def test_axes_that_do_not_cross_make_a_label(recist):
    image = np.random.default_rng(0).random((48, 48), np.float32)
    label = label_from_recist(image, np.float32(recist), 2)
    assert set(np.unique(label.trimap)) == {0, 128, 255}


@pytest.mark.slow
@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_a_flat_image_gives_the_shape_of_the_axes(grey):
    image = np.full((48, 48), grey, np.float32)
    label = label_from_recist(image, CROSSING)
    assert recist_agreement(CROSSING, measure_axes(label.alpha, PAPER_THRESHOLD, scale=4)) > 0.8


@pytest.mark.slow
@pytest.mark.parametrize("length", [0.5, 1.0, 30.0])
def test_thread_like_lesions_keep_a_seed(length):
    recist = np.float32([20, 20, 20 + length, 20, 20 + length / 2, 19.7, 20 + length / 2, 20.2])
    trimap = trimap_from_recist(recist, relative_distance(recist, (40, 60)))
    assert (trimap == 255).any() and (trimap == 0).any()
    label = label_from_recist(np.random.default_rng(0).random((40, 60), np.float32), recist)
    assert 0 < label.alpha.sum() < 16 * 3 * (length + 2) * 2


def test_the_band_grows_with_the_lesion_but_not_below_the_blur():
    widths = []
    for radius in (1.5, 10.0, 20.0):
        recist = nodule(radius, 64)[2]
        distance = relative_distance(to_scale(recist, 4), (256, 256))
        row = trimap_from_recist(recist, distance, scale=4)[127]
        widths.append((row == 128).sum() / 16)  # two bands, each on both sides, 4 fine pixels
    np.testing.assert_allclose(widths, [0.75, 3.0, 6.0], atol=0.35)


def test_a_lesion_that_fills_the_image_is_told():
    image, axes = np.full((8, 8), 0.5, np.float32), np.float32([-9, 4, 16, 4, 4, -8, 4, 15])
    error = fault_of(label_from_recist, image, axes)
    assert error.what == "recist"
    assert error.reason == "no_background"


@pytest.mark.parametrize(
    ("image", "what"),
    [
        pytest.param(np.full((48, 48), 2.0), "image", id="values in 2 2"),
        pytest.param(np.full((48, 48), np.nan), "image", id="values"),
        pytest.param(np.zeros((48, 48), np.uint8), "image", id="uint8 of shape"),
        pytest.param(np.zeros((48, 48, 3)), "image", id="float64 of shape 48 48 3"),
        pytest.param(np.zeros((12, 48)), "recist", id="its middle at x = 22.0 y = 20.0"),
    ],
)
def test_bad_images_get_a_line(image, what):
    assert fault_of(label_from_recist, image, CROSSING).what == what


@pytest.mark.slow
def test_real_slices_agree_with_the_readers_consensus():
    archive = np.load(shared_data("lidc", "lidc_slices_dev.npz"))
    images, packed = archive["images"], archive["masks_packed"]
    scores = []
    for index in range(100, 5800, 400):
        readers = np.unpackbits(packed[index], axis=1).reshape(4, 128, 128) > 0
        consensus = readers[readers.any(axis=(1, 2))].mean(axis=0) >= 0.5
        image = images[index].astype(np.float32) / 255
        label = label_from_recist(image, measure_axes(consensus, 0.5))
        scores.append(dice(binarise(native(label.alpha), PAPER_THRESHOLD), consensus))
    assert np.mean(scores) > 0.9


@pytest.mark.slow
def test_deeplesion_key_slices_agree_with_the_published_masks():
    root = shared_data("deeplesion", "DL_info.csv").parent
    scores, agreements = [], []
    for row in csv.DictReader((root / "DL_info.csv").read_text().splitlines()):
        folder, _, name = row["File_name"].rpartition("_")
        stored = cv2.imread(str(root / "Images_png" / folder / name), cv2.IMREAD_UNCHANGED)
        published = cv2.imread(str(root / "grabcut_masks" / row["File_name"]), 0) > 0
        low, high = (-1000, 400) if row["Coarse_lesion_type"] == "5" else (-160, 240)
        image = np.clip((stored.astype(np.float32) - 32768 - low) / (high - low), 0, 1)
        recist = np.float32(row["Measurement_coordinates"].split(","))
        label = label_from_recist(image, recist, 1)
        scores.append(dice(binarise(label.alpha, PAPER_THRESHOLD), published))
        agreements.append(recist_agreement(recist, measure_axes(label.alpha, PAPER_THRESHOLD)))
    assert np.mean(scores) > 0.8 and np.mean(agreements) > 0.8
