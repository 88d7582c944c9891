"""Metrics against numbers worked out by hand, sklearn and scipy."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics import roc_auc_score

from casgan_jax import metrics
from casgan_jax.grid import binarise


def _square(side: int, start: int, size: int) -> np.ndarray:
    mask = np.zeros((side, side), bool)
    mask[start : start + size, start : start + size] = True
    return mask


PREDICTION = _square(8, 2, 4)  # 16 px, rows and columns 2-5
TRUTH = _square(8, 3, 4)  # 16 px, of which 9 are shared


def test_overlap_by_hand():
    assert metrics.dice(PREDICTION, TRUTH) == pytest.approx(2 * 9 / 32)
    assert metrics.iou(PREDICTION, TRUTH) == pytest.approx(9 / 23)
    assert metrics.accuracy(PREDICTION, TRUTH) == pytest.approx(1 - 14 / 64)


@pytest.mark.parametrize("metric", [metrics.dice, metrics.iou, metrics.accuracy])
def test_overlap_of_empty_masks(metric):
    empty = np.zeros((8, 8), bool)
    assert metric(empty, empty) == 1.0
    assert metric(TRUTH, TRUTH) == 1.0
    if metric is not metrics.accuracy:
        assert metric(PREDICTION, empty) == 0.0


@pytest.mark.parametrize("metric", [metrics.dice, metrics.iou, metrics.accuracy])
def test_batches_broadcast_and_jax_agrees(metric):
    truths = np.stack([TRUTH, PREDICTION, np.zeros_like(TRUTH)])
    ours = metric(PREDICTION, truths)
    assert ours.shape == (3,)
    np.testing.assert_allclose(ours, [metric(PREDICTION, truth) for truth in truths])
    repeated = jnp.broadcast_to(PREDICTION, truths.shape)
    np.testing.assert_allclose(jax.jit(metric)(repeated, jnp.asarray(truths)), ours, rtol=1e-6)


def test_soft_masks_are_refused_until_a_threshold_is_named():
    with pytest.raises(ValueError, match="prediction: found float32, expected bool"):
        metrics.dice(TRUTH.astype(np.float32), TRUTH)
    with pytest.raises(ValueError, match=r"masks: found shapes \(8, 8\) and \(4, 4\)"):
        metrics.dice(TRUTH, TRUTH[:4, :4])


def test_auc_of_ties_and_of_one_class():
    truth = np.array([[False, False], [True, True]])
    alpha = np.array([[0.1, 0.6], [0.6, 0.9]], np.float32)
    assert metrics.auc(alpha, truth) == pytest.approx(3.5 / 4)  # one tied pair counts a half
    assert math.isnan(metrics.auc(alpha, np.zeros_like(truth)))
    assert math.isnan(metrics.auc(alpha, np.ones_like(truth)))


@pytest.mark.parametrize("levels", [4, 256, 10**6])
def test_auc_is_that_of_sklearn(levels):
    generator = np.random.default_rng(levels)
    alpha = (generator.integers(0, levels, (40, 30)) / levels).astype(np.float32)
    truth = generator.random((40, 30)) < 0.2 + 0.3 * alpha
    assert metrics.auc(alpha, truth) == pytest.approx(roc_auc_score(truth.ravel(), alpha.ravel()))


def test_hausdorff_95_by_hand():
    square = np.zeros((40, 40), bool)
    square[10:20, 10:20] = True
    assert metrics.hausdorff_95(square, square) == 0.0
    assert metrics.hausdorff_95(np.roll(square, 3, axis=1), square) == 3.0
    assert math.isnan(metrics.hausdorff_95(square, np.zeros_like(square)))
    with_a_speck = square.copy()
    with_a_speck[30, 30] = True  # one of its 37 border pixels: less than 5%
    assert metrics.hausdorff_95(with_a_speck, square) == 0.0
    with pytest.raises(ValueError, match="expected bool"):
        metrics.hausdorff_95(square.astype(np.float32), square)


@pytest.mark.filterwarnings("ignore:monai:FutureWarning")  # of its own use of itself
def test_hausdorff_95_is_that_of_monai():
    reason = "MONAI is absent: pip install -e '.[bench]'"
    theirs = pytest.importorskip("monai.metrics", reason=reason)
    torch = pytest.importorskip("torch", reason=reason)
    rng = np.random.default_rng(0)
    masks = [ndimage.gaussian_filter(rng.random((64, 64)), 3) > 0.5 for _ in range(2)]
    one, other = (torch.from_numpy(mask[None, None]) for mask in masks)
    expected = theirs.compute_hausdorff_distance(one, other, include_background=True, percentile=95)
    assert metrics.hausdorff_95(*masks) == pytest.approx(float(expected), abs=1e-4)


def test_soft_errors_by_hand():
    prediction = np.array([[0.0, 0.5], [1.0, 1.0]], np.float32)
    truth = np.array([[0.0, 1.0], [0.75, 1.0]], np.float32)
    region = np.array([[False, True], [True, False]])
    assert metrics.soft_mae(prediction, truth) == pytest.approx(0.75 / 4)
    assert metrics.soft_mae(prediction, truth, region=region) == pytest.approx(0.75 / 2)
    assert metrics.sad(prediction, truth, region=region) == pytest.approx(0.75)
    assert metrics.mse(prediction, truth) == pytest.approx((0.25 + 0.0625) / 4)
    assert np.isnan(metrics.soft_mae(prediction, truth, region=np.zeros_like(region)))


def _reference_gradient_error(prediction: np.ndarray, truth: np.ndarray) -> float:
    """The definition with 2-D kernels and scipy, as matting benchmarks compute it."""
    half = int(np.ceil(1.4 * np.sqrt(-2 * np.log(np.sqrt(2 * np.pi) * 1.4 * 1e-2))))
    axis = np.arange(-half, half + 1.0)
    gauss = np.exp(-(axis**2) / (2 * 1.4**2)) / (1.4 * np.sqrt(2 * np.pi))
    kernel = np.outer(gauss, -axis * gauss / 1.4**2)
    kernel /= np.sqrt((kernel**2).sum())

    def magnitude(alpha):
        dx = ndimage.convolve(alpha, kernel, mode="nearest")
        return np.hypot(dx, ndimage.convolve(alpha, kernel.T, mode="nearest"))

    return ((magnitude(prediction) - magnitude(truth)) ** 2).sum()


def test_gradient_error_agrees_with_the_benchmarks_definition():
    prediction, truth = np.random.default_rng(0).random((2, 24, 20))
    expected = _reference_gradient_error(prediction, truth)
    assert metrics.gradient_error(prediction, truth) == pytest.approx(expected)
    single = metrics.gradient_error(
        jnp.asarray(prediction, jnp.float32), jnp.asarray(truth, jnp.float32)
    )
    assert single == pytest.approx(expected, rel=1e-4)
    region = np.zeros(truth.shape, bool)
    region[:12] = True
    halves = metrics.gradient_error(prediction, truth, region=np.stack([region, ~region]))
    assert halves.sum() == pytest.approx(expected)


def test_gradient_error_of_a_ramp_is_zero_against_its_mirror():
    ramp = np.tile(np.linspace(0, 1, 16), (16, 1))
    assert metrics.gradient_error(ramp, ramp[:, ::-1]) == pytest.approx(0.0, abs=1e-12)


def test_dice_curves_equal_dice_at_every_threshold():
    generator = np.random.default_rng(0)
    alphas = generator.integers(0, 256, (3, 2, 9, 7)).astype(np.float32) / np.float32(255)
    truths = generator.random((3, 2, 9, 7)) < 0.3
    truths[0] = False
    thresholds = np.arange(1, 256) / 255
    curves = metrics.dice_curves(alphas, truths, thresholds)
    for i, threshold in enumerate(thresholds):
        expected = metrics.dice(binarise(alphas, threshold), truths)
        np.testing.assert_allclose(curves[..., i], expected, rtol=1e-6)


def test_best_threshold_is_the_lowest_of_the_best():
    truth = _square(8, 2, 4)
    alpha = np.where(truth, 0.6, 0.3).astype(np.float32)
    thresholds = np.array([0.2, 0.4, 0.5, 0.7])
    curves = metrics.dice_curves(alpha[None], truth[None], thresholds)
    assert metrics.best_threshold(curves, thresholds) == (0.4, 1.0)
    with pytest.raises(ValueError, match="thresholds: found"):
        metrics.dice_curves(alpha[None], truth[None], thresholds[::-1])
