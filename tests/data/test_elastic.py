import cv2
import numpy as np
import pytest

from casgan_jax.configs.schema.softgan import Augmentation
from casgan_jax.data.augmentation import draw_segmentation
from casgan_jax.data.elastic import NODES, node_weights
from casgan_jax.data.host_rendering import render_segmentation

STILL = dict(flip=False, rotation=0.0, zoom=0.0, shift=0.0, contrast=0.0, brightness=0.0, noise=0.0)


def ramps(size, scale):
    """Columns of an image, and their number on the target's grid: where a pixel comes from."""
    column = np.broadcast_to(np.arange(size, dtype=np.float32), (size, size))
    fine = np.broadcast_to(np.arange(scale * size, dtype=np.uint8), (scale * size,) * 2)
    return {
        "image": np.ascontiguousarray(column) / 255,
        "target": np.ascontiguousarray(fine),
        "mark": np.full(2, (size - 1) / 2, np.float32),
    }


@pytest.mark.parametrize("size", [9, 64])
def test_equal_nodes_move_everything_as_much_and_a_slope_stays_one(size):
    weights = node_weights(size)
    np.testing.assert_allclose(weights.sum(1), 1.0, atol=1e-6)
    edges = np.linspace(0, size, NODES)  # a pixel's edge is half a pixel before its centre
    np.testing.assert_allclose(weights @ edges, np.arange(size) + 0.5, atol=1e-4)


def test_the_middle_node_is_the_middle_pixel_and_the_field_is_smooth():
    weights = node_weights(65)
    np.testing.assert_allclose(weights[32], [0, 1, 0], atol=1e-6)
    bump = weights @ np.array([0.0, 1.0, 0.0])
    assert np.all(np.diff(bump)[:32] > 0) and np.all(np.diff(bump)[32:] < 0)
    assert np.abs(np.diff(bump, 2)).max() < 0.005  # where straight lines met it would be 0.06


def test_draws_have_the_deviation_of_the_field_and_none_without_it():
    draws = [
        draw_segmentation(0, np.random.default_rng(i), augmentation=Augmentation(elastic=3.0))
        for i in range(200)
    ]
    nodes = np.stack([draw["nodes"] for draw in draws])
    assert nodes.shape == (200, 2, NODES, NODES) and nodes.dtype == np.float32
    assert nodes.std() == pytest.approx(3.0, rel=0.05)
    assert nodes.mean() == pytest.approx(0.0, abs=0.2)
    plain = draw_segmentation(0, np.random.default_rng(0), augmentation=Augmentation())
    assert plain.keys() == draws[0].keys() - {"nodes"}
    assert all(np.array_equal(plain[name], draws[0][name]) for name in plain)


def test_a_patch_is_moved_by_the_field_on_both_grids():
    size, patch, scale = 96, 33, 2
    still = draw_segmentation(0, np.random.default_rng(0), augmentation=Augmentation(**STILL))
    nodes = np.zeros((2, NODES, NODES), np.float32)
    nodes[0, 1, 1] = 4.0  # the middle sees what is 4 pixels to its right
    before, after = (
        render_segmentation(ramps(size, scale), draw, patch=patch, scale=scale)
        for draw in (still, still | {"nodes": nodes})
    )
    moved = 255 * (after["image"] - before["image"])[..., 0]
    weights = node_weights(patch)
    np.testing.assert_allclose(moved, 4 * np.outer(weights[:, 1], weights[:, 1]), atol=1 / 32)
    fine = 255 * (after["target"] - before["target"])[..., 0]
    coarse = cv2.resize(fine, (patch, patch), interpolation=cv2.INTER_AREA) / scale
    np.testing.assert_allclose(coarse, moved, atol=0.5)  # a coded target holds whole numbers
    assert moved[patch // 2, patch // 2] == pytest.approx(4.0, abs=1 / 32)
