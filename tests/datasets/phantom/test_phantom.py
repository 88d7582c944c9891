"""Phantoms: deterministic, of six kinds, in HU, with readers who disagree as real ones do."""

import numpy as np
import pytest
import tensorflow_datasets as tfds

from casgan_jax.errors import UserError
from casgan_jax.grid import decode_alpha
from datasets.base import prepare
from datasets.outcomes import Skip
from datasets.phantom import builder, readers, scanner
from datasets.phantom.lesion import KINDS
from datasets.phantom.phantom import SCALE, SIDE, make_phantom

pytestmark = pytest.mark.slow

FINE = SIDE * SCALE


@pytest.fixture(scope="module")
def phantoms():
    return [make_phantom(0, index) for index in range(24)]


def dice(first, second):
    return 2 * (first & second).sum() / (first.sum() + second.sum())


def test_depends_on_seed_and_index_only(phantoms):
    again = make_phantom(0, 5)
    for name in ("image", "image_high_resolution", "true_alpha"):
        np.testing.assert_array_equal(getattr(again, name), getattr(phantoms[5], name))
    assert (make_phantom(1, 5).image != again.image).any()


def test_all_kinds_and_shapes(phantoms):
    assert [p.lesion.kind for p in phantoms] == 4 * list(KINDS)
    for p in phantoms:
        assert p.image.shape == (SIDE, SIDE) and p.image.dtype == np.int16
        assert p.image_high_resolution.shape == (FINE, FINE)
        assert p.true_alpha.shape == (FINE, FINE) and p.true_alpha.dtype == np.float32
        assert p.true_alpha.min() >= 0 and 0.5 < p.true_alpha.max() <= 1
        assert 0.55 <= p.spacing_mm <= 0.85


def test_hu(phantoms):
    images = np.stack([p.image for p in phantoms])
    assert images.min() >= scanner.LOWEST_HU and images.max() <= scanner.HIGHEST_HU
    assert images.max() > 500  # cortical bone
    values, counts = np.unique(images // 20 * 20, return_counts=True)
    assert -950 < values[np.argmax(counts)] < -780  # most of it is lung
    assert (np.abs(images) < 150).mean() > 0.1  # chest wall


def test_kinds_differ_as_they_should(phantoms):
    inside = {kind: [] for kind in KINDS}
    area = {kind: [] for kind in KINDS}
    for p in phantoms:
        certain = scanner.pixels(p.true_alpha, SCALE) > 0.6 * p.true_alpha.max()
        inside[p.lesion.kind].append(p.image[certain].mean())
        area[p.lesion.kind].append(certain.sum())
    mean = {kind: np.mean(values) for kind, values in inside.items()}
    assert mean["ground-glass"] < -250 < mean["juxtapleural"] < mean["calcific"]
    assert mean["cavitary"] < mean["calcific"]
    assert max(area["tiny"]) < 50


def test_lesion_is_near_the_middle_and_dark_around(phantoms):
    axis = np.arange(FINE)
    for p in phantoms:
        weight = p.true_alpha / p.true_alpha.sum()
        middle = np.array([(weight.sum(0) * axis).sum(), (weight.sum(1) * axis).sum()])
        # The wall takes one side of juxtapleural ones.
        assert np.abs(middle - (FINE - 1) / 2).max() < SCALE * (6 + p.lesion.radius)


def test_high_resolution_image_is_sharper_and_cleaner(phantoms):
    for p in phantoms[:6]:
        down = scanner.pixels(p.image_high_resolution.astype(np.float32), SCALE)
        error = p.image - down
        assert np.abs(np.median(error)) < 12
        assert not (p.image_high_resolution % 4).any()
    kept = [p for p in phantoms if not p.scanner.marks_outside]
    fine = np.mean([np.abs(np.diff(p.image_high_resolution)).max() for p in kept])
    assert fine > 100


def test_noise_is_that_of_filtered_back_projection():
    device = scanner.Scanner(0.6, 20.0, 0.25, 2.0, False, 2.0, False)
    power = np.zeros((64, 33))
    for k in range(20):
        field = scanner.noise(np.random.default_rng(k), device, 64)
        assert field.std() == pytest.approx(1.0, abs=1e-3)
        power += np.abs(np.fft.rfft2(field)) ** 2
    assert power[1:3, 1:3].mean() < 0.5 * power[8:12, 8:12].mean()  # the ramp
    assert power[30, 1:30].mean() < 0.2 * power[8:12, 8:12].mean()  # the apodisation
    assert power[10, 0] > 1.5 * power[0, 10]  # streaks along x vary along y


def masks_of(p, seed=0):
    return readers.draw_masks(np.random.default_rng(seed), p.true_alpha, SCALE)


def test_readers_disagree_as_much_as_real_ones(phantoms):
    against_consensus, against_others = [], []
    for index, p in enumerate(phantoms):
        masks = masks_of(p, index)
        assert masks.shape == (SIDE, SIDE, 4) and masks.dtype == bool
        assert masks.all(axis=2).any()
        consensus = masks.sum(2) >= 2
        for k in range(4):
            others = np.delete(masks, k, axis=2).sum(2) >= 2
            against_consensus.append(dice(masks[..., k], consensus))
            against_others.append(dice(masks[..., k], others))
    # LIDC-IDRI: 0.884 and 0.830.
    assert 0.83 < np.mean(against_consensus) < 0.93
    assert 0.77 < np.mean(against_others) < 0.89


def test_habits_show():
    alpha = np.zeros((FINE, FINE), np.float32)
    alpha[232:280, 232:280] = 1.0
    surface = readers.border_distance(alpha, SCALE)
    drawn = {
        name: np.mean(
            [
                readers._draw(np.random.default_rng(s), habit, surface, 6.0, 1.0).sum()
                for s in range(8)
            ]
        )
        for name, habit in (("inclusive", readers.INCLUSIVE), ("tight", readers.TIGHT))
    }
    assert drawn["tight"] < 144 < drawn["inclusive"]


def test_record(phantoms):
    record = builder.make_record(builder.Source(0, 1))
    again = builder.make_record(builder.Source(0, 1))
    assert record.keys() == again.keys()
    for name, value in record.items():
        np.testing.assert_array_equal(value, again[name], err_msg=name)
    p = phantoms[1]
    np.testing.assert_allclose(decode_alpha(record["true_alpha"]), p.true_alpha, atol=0.5 / 255)
    assert record["kind"] == "tiny" and record["n_readers"] == 4
    assert set(np.unique(record["trimap"])) == {0, 128, 255}
    # The label errs, but it is a label of this lesion.
    label, truth = decode_alpha(record["alpha"]), p.true_alpha
    assert np.abs(label - truth).sum() < 0.8 * truth.sum()


def test_readers_who_cannot_be_labelled_try_again(monkeypatch):
    from casgan_jax.soft_mask import label as labelling

    calls = []

    def refuse_twice(image, masks, scale):
        calls.append(masks)
        if len(calls) < 3:
            raise UserError("reader_masks: found none, expected some; draw them")
        return real(image, masks, scale)

    real = labelling.label_from_readers
    monkeypatch.setattr(labelling, "label_from_readers", refuse_twice)
    record = builder.make_record(builder.Source(0, 0))
    np.testing.assert_array_equal(record["reader_masks"] > 0, calls[2])

    def refuse(image, masks, scale):
        raise UserError("reader_masks: found none, expected some; draw them")

    monkeypatch.setattr(labelling, "label_from_readers", refuse)
    skip = builder.make_record(builder.Source(0, 0))
    assert isinstance(skip, Skip) and "found none" in skip.detail


class Few(builder.Builder):
    """A few phantoms."""

    name = "few_phantoms"
    BUILDER_CONFIGS = [builder.Config(name="quick", records=12)]


def test_build(tmp_path):
    path = prepare(Few, tmp_path, workers=0, show_progress=False).path
    built = tfds.builder_from_directory(path)
    assert built.info.metadata["window"] == [-1000.0, 400.0]
    patients = []
    for split in built.info.splits:
        source = built.as_data_source(split)
        names = [source[k]["patient"].decode() for k in range(len(source))]
        assert not set(names) & set(patients)
        patients += names
        record = source[0]
        assert record["recist"].shape == (8,)
        assert record["image_high_resolution"].shape == (FINE, FINE)
    assert sorted(patients) == [f"phantom-{k:05d}" for k in range(12)]


@pytest.mark.parametrize("config", ["quick", "full"])
def test_tasks(tmp_path, config):
    tasks = builder.Builder(data_dir=tmp_path, config=config).tasks(None)
    assert len({task.key for task in tasks}) == len(tasks)
    share = {
        split: np.mean([task.split == split for task in tasks])
        for split in ("train", "validation", "test")
    }
    assert 0.6 < share["train"] < 0.8 and share["validation"] > 0.05 and share["test"] > 0.12
