"""Annotations to labels; softening; binarising."""

import numpy as np
import pytest

from casgan_jax.grid import PAPER_THRESHOLD, binarise
from casgan_jax.soft_mask.label import (
    label_from_binary,
    label_from_readers,
    readers_prior,
    soften,
)
from tests.faults import fault_of
from tests.shared_data import shared_data


def nodule(radius=5.0, size=24):
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    distance = np.hypot(y, x)
    image = 0.1 + 0.7 / (1 + np.exp((distance - radius) / 0.6))
    readers = np.stack([distance < radius + d for d in (-1.2, 0.8, 1.2, 1.9)], axis=2)
    return image.astype(np.float32), readers


def test_matted_label_follows_the_image():
    image, readers = nodule()
    label = label_from_readers(image, readers, 4)
    assert label.alpha.shape == label.trimap.shape == (96, 96)
    assert label.alpha.dtype == np.float32 and label.trimap.dtype == np.uint8
    area = binarise(label.alpha, PAPER_THRESHOLD).sum() / 16
    assert area == pytest.approx(np.pi * 5.0**2, rel=0.1)  # the readers' majority has 1.4 as much


def test_anchored_label_keeps_near_to_the_majority():
    image, readers = nodule()
    majority = (readers.mean(axis=2) >= 0.5).sum()
    areas = [
        binarise(label_from_readers(image, readers, 4, **options).alpha, PAPER_THRESHOLD).sum() / 16
        for options in (
            {},
            {"strategy": "anchored", "prior_weight": 0.1},
            {"strategy": "anchored"},
            {"strategy": "anchored", "prior_weight": 100.0},
        )
    ]
    assert areas == sorted(areas)
    assert areas[-1] == pytest.approx(majority, rel=0.02)


def test_prior_settles_ties():
    readers = np.zeros((1, 5, 4), bool)
    for count in range(5):
        readers[0, count, :count] = True
    np.testing.assert_allclose(readers_prior(readers), [[0, 0.125, 0.75, 0.875, 1]])


def test_empty_readers_do_not_count():
    image, readers = nodule()
    padded = np.concatenate([readers[..., :3], np.zeros_like(readers[..., :1])], axis=2)
    for strategy in ("matting", "anchored"):
        three = label_from_readers(image, readers[..., :3], 2, strategy=strategy)
        four = label_from_readers(image, padded, 2, strategy=strategy)
        np.testing.assert_array_equal(three.alpha, four.alpha)


def test_binary_label_finds_the_border_in_its_band():
    image, _ = nodule()
    y, x = np.mgrid[:24, :24] - 11.5
    too_large = np.hypot(y, x) < 5.7
    label = label_from_binary(image, too_large, 4, fraction=0.4)
    area = binarise(label.alpha, PAPER_THRESHOLD).sum() / 16
    true_area = np.pi * 5.0**2
    assert abs(area - true_area) < 0.5 * abs(too_large.sum() - true_area)


def test_soften_is_the_maximum():
    mask = np.array([[0, 255], [0, 255]], np.uint8)
    alpha = np.array([[0.0, 0.2], [0.6, 1.0]], np.float32)
    softened = soften(mask, alpha)
    assert softened.dtype == np.float32
    np.testing.assert_array_equal(softened, np.float32([[0, 1], [0.6, 1]]))


@pytest.mark.parametrize(
    "call, what",
    [
        (lambda i, r: soften(r[:3, :, 0], i), "mask"),
        (lambda i, r: label_from_readers(i[1:], r), "reader_masks"),
        (lambda i, r: label_from_readers(i, r, strategy="best"), "strategy"),
        (lambda i, r: label_from_readers(i * 255, r), "image 0"),
        (lambda i, r: label_from_binary(i, r), "mask"),
    ],
)
def test_bad_input_gets_a_line(call, what):
    assert fault_of(call, *nodule(), told_remedy=False).what == what


def test_readers_who_do_not_meet_are_counted_by_reason():
    image, readers = nodule()
    apart = np.stack([readers[..., 0], np.roll(readers[..., 0], 12, axis=0)], axis=2)
    assert fault_of(label_from_readers, image, apart).reason == "empty_intersection"


@pytest.mark.slow
def test_real_slices_anchored_labels_agree_better_with_the_consensus():
    archive = np.load(shared_data("lidc", "lidc_slices_dev.npz"))
    scores = {"matting": [], "anchored": []}
    for index in (100, 1500, 3000):
        packed = archive["masks_packed"][index]
        readers = np.unpackbits(packed, axis=1).reshape(4, 128, 128).transpose(1, 2, 0) > 0
        readers = readers[..., readers.any(axis=(0, 1))]
        image, readers = archive["images"][index, 16:112, 16:112] / 255, readers[16:112, 16:112]
        consensus = readers.mean(axis=2) >= 0.5
        for strategy, found in scores.items():
            alpha = label_from_readers(image, readers, 4, strategy=strategy).alpha
            native = binarise(alpha.reshape(96, 4, 96, 4).mean(axis=(1, 3)), PAPER_THRESHOLD)
            found.append(2 * (native & consensus).sum() / (native.sum() + consensus.sum()))
    assert np.mean(scores["anchored"]) > np.mean(scores["matting"]) + 0.01
    assert np.mean(scores["anchored"]) > 0.95
