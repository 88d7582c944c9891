import numpy as np

from casgan_jax.configs.schema.softgan import Augmentation
from casgan_jax.data.augmentation import draw_segmentation
from casgan_jax.data.host_rendering import render_segmentation
from casgan_jax.records.patches import marked_patch

PATCH, SCALE = 16, 2
LIMITS = Augmentation(
    whole_pixels=1.0, rotation=180.0, zoom=0.3, elastic=2.0, contrast=0.0, brightness=0.0, noise=0.0
)


def record():
    rng = np.random.default_rng(0)
    return {
        "image": rng.random((24, 30), np.float32),
        "target": rng.integers(0, 256, (48, 60), np.uint8),
        "mark": np.array([14.3, 11.8], np.float32),
    }


def symmetries(plane):
    turned = [np.rot90(plane, k) for k in range(4)]
    return [*turned, *(np.fliplr(one) for one in turned)]


def test_whole_pixels_are_those_that_a_prediction_sees():
    planes, seen = record(), set()
    still = symmetries(marked_patch(planes, "image", PATCH))
    fine = symmetries(marked_patch(planes, "target", PATCH, scale=SCALE))
    for seed in range(64):
        draw = draw_segmentation(0, np.random.default_rng(seed), augmentation=LIMITS) | {
            "shift": np.zeros(2, np.float32)
        }
        example = render_segmentation(planes, draw, patch=PATCH, scale=SCALE)
        (which,) = (
            k for k, one in enumerate(still) if np.array_equal(one, example["image"][..., 0])
        )
        np.testing.assert_allclose(example["target"][..., 0], fine[which] / 255, atol=1e-6)
        seen.add(which)
    assert seen == set(range(8))


def test_whole_pixels_are_shifted_by_whole_pixels():
    planes, shifts = record(), set()
    for seed in range(64):
        draw = draw_segmentation(0, np.random.default_rng(seed), augmentation=LIMITS)
        image = render_segmentation(planes, draw, patch=PATCH, scale=SCALE)["image"]
        assert np.isin(image, planes["image"]).all()
        shifts.add(tuple(draw["shift"].tolist()))
    assert len(shifts) > 20 and np.abs(list(shifts)).max() == LIMITS.shift


def test_the_share_of_whole_pixels_is_drawn():
    limits = Augmentation(whole_pixels=0.25)
    draws = [
        draw_segmentation(0, np.random.default_rng(seed), augmentation=limits)
        for seed in range(400)
    ]
    assert 0.18 < np.mean([draw["whole_pixels"] for draw in draws]) < 0.32
    assert not draw_segmentation(0, np.random.default_rng(0), augmentation=Augmentation())[
        "whole_pixels"
    ]
