"""The weights that come with the package: sealed, small, and as good as their card says."""

import functools
import json
import re

import cv2
import numpy as np
import pytest

from casgan_jax import metrics
from casgan_jax.evaluation.marks import by_axes, by_click
from casgan_jax.evaluation.planes import to_native_crop
from casgan_jax.evaluation.prediction import Prediction, predict_records
from casgan_jax.grid import Box, binarise, normalise
from casgan_jax.inference.levels import extremes_around
from casgan_jax.inference.load import load_cascade
from casgan_jax.inference.predict import predict
from casgan_jax.pretrained import MARKED, NAME, folder_of
from casgan_jax.records.splits import split_of
from casgan_jax.workdir.seal import verify
from tests.shared_data import shared_data

pytestmark = pytest.mark.slow

SIZE = 128


@pytest.fixture(scope="module")
def cascade():
    return load_cascade(NAME)


@pytest.fixture(scope="module")
def records():
    """48 slices of test patients that four readers marked, drawn once."""
    data = np.load(shared_data("lidc", "lidc_slices_dev.npz"))
    masks, patients = data["masks_packed"], data["patient"]
    four = (masks > 0).any(axis=2).all(axis=1)
    test = np.array([split_of(_name(patient)) == "test" for patient in patients])
    chosen = np.random.default_rng(0).choice(np.flatnonzero(four & test), 48, replace=False)
    images = data["images"]
    return [_record(index, images[index], masks[index], _name(patients[index])) for index in chosen]


def _name(patient):
    return f"LIDC-IDRI-{patient:04d}"


def _record(index, image, packed, patient):
    readers = np.unpackbits(packed, axis=1).reshape(4, SIZE, SIZE) > 0
    consensus = readers.sum(axis=0) >= 2
    middle = np.full(2, (SIZE - 1) / 2, np.float32)  # what the public crops are centred on
    if not readers[:, SIZE // 2, SIZE // 2].any():
        middle = np.float32([where.mean() for where in np.nonzero(consensus)[::-1]])
    return {
        "key": f"{patient}/{index}",
        "patient": patient,
        "image": image,
        "alpha": np.zeros((2 * SIZE, 2 * SIZE), np.uint8),  # no label is looked at
        "reader_masks": np.moveaxis(readers, 0, -1).astype(np.uint8) * 255,
        "consensus": consensus.astype(np.uint8) * 255,
        "mark": middle,
        "n_readers": 4,
    }


def dice_of(cascade, records, show):
    found = []
    for item in predict_records(cascade, records, (0, 255), show=show):
        assert isinstance(item, Prediction), item
        native = to_native_crop(item.alpha, cascade.scale, item.record)
        mask = binarise(native, cascade.threshold)
        found.append(float(metrics.dice(mask, item.record["consensus"] > 0)))
    return float(np.mean(found))


def test_weights_are_sealed_and_small_and_name_no_machine():
    verify(MARKED)
    assert sum(path.stat().st_size for path in MARKED.iterdir()) < 8e6
    facts = json.loads((MARKED / "system.json").read_text())
    assert facts["config"]["data"]["dir"] == "data/lidc/x2"
    assert facts["config"]["data"]["stretched"] == SIZE
    assert facts["trained_on"], "the patients that it has seen are known"


def test_a_folder_of_ones_own_goes_before_the_name(tmp_path, monkeypatch):
    assert folder_of(NAME) == MARKED
    monkeypatch.chdir(tmp_path)
    (tmp_path / NAME / "evaluation").mkdir(parents=True)
    assert folder_of(NAME) == MARKED
    (tmp_path / NAME / "config.json").write_text("{}")
    assert folder_of(NAME).resolve() == tmp_path / NAME


@pytest.mark.parametrize("shown", ["click", "axes", "axes, noise 0.5 px", "axes, noise 1 px"])
def test_figures_of_the_card_come_again(cascade, records, shown):
    show = {
        "click": by_click,
        "axes": by_axes,
        "axes, noise 0.5 px": functools.partial(by_axes, noise=0.5),
        "axes, noise 1 px": functools.partial(by_axes, noise=1.0),
    }[shown]
    card = (MARKED.parent / "marked.md").read_text()
    expected = float(re.search(rf"^\| {re.escape(shown)} \| ([0-9.]+) \[", card, re.M).group(1))
    # Of other slices than all of the card's.
    assert dice_of(cascade, records, show) == pytest.approx(expected, abs=0.03)


def test_hounsfield_units_and_a_stretched_crop_mean_the_same(cascade):
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:300, :260]
    lesion = np.hypot((x - 96) / 8, (y - 125) / 6)
    image = -820 + 860 * np.clip(1.3 - lesion, 0, 1) + rng.normal(0, 25, lesion.shape)
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 0.8)
    recist = np.array([88, 125, 104, 125, 96, 119, 96, 131], np.float32)
    levels = extremes_around(image, (96, 125), SIZE)
    whole = predict(cascade, image, (96, 125), window=levels, recist=recist)
    box = Box.centred((96, 125), SIZE)
    coded = np.round(255 * normalise(box.crop(image), levels)).astype(np.uint8)
    offset = np.tile(box.corner, 4)
    centre = (96 - box.left, 125 - box.top)
    crop = predict(cascade, coded, centre, window=(0, 255), recist=recist - offset)
    masks = [binarise(alpha, cascade.threshold) for alpha in (box.crop(whole.alpha), crop.alpha)]
    assert metrics.dice(*masks) >= 0.98
    truth = box.crop(lesion <= 1)
    assert metrics.dice(masks[0], truth) > 0.85
