"""Losses against numbers worked out by hand."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax import losses

A = jnp.array([[0.0, 1.0], [0.5, 0.5]])  # two examples of two elements
B = jnp.array([[0.5, 1.0], [0.0, 1.0]])
KEEP_SECOND = jnp.array([0.0, 1.0])


def test_l1_and_mse():
    assert losses.l1(A, B) == pytest.approx(1.5 / 4)
    assert losses.mse(A, B) == pytest.approx(0.75 / 4)


def test_weights_leave_examples_out():
    assert losses.l1(A, B, weights=KEEP_SECOND) == pytest.approx(1.0 / 2)
    assert losses.mse(A, B, weights=KEEP_SECOND) == pytest.approx(0.5 / 2)
    assert losses.mse(A, B, weights=jnp.array([3.0, 1.0])) == pytest.approx((3 * 0.125 + 0.25) / 4)
    assert losses.mse(A, B, weights=jnp.ones(2)) == pytest.approx(float(losses.mse(A, B)))


def test_an_empty_batch_costs_nothing_and_has_no_gradient():
    value, gradient = jax.value_and_grad(losses.mse)(A, B, weights=jnp.zeros(2))
    assert value == 0.0
    np.testing.assert_array_equal(gradient, jnp.zeros_like(A))


def test_total_variation():
    # Rows 0 1 / 3 5: vertical differences 3, 4 (mean square 12.5), horizontal 1, 2 (2.5).
    image = jnp.array([[0.0, 1.0], [3.0, 5.0]])[None, :, :, None]
    assert losses.total_variation(image) == pytest.approx(2 * (12.5 + 2.5))
    flat = jnp.concatenate([image, jnp.zeros_like(image)])
    assert losses.total_variation(flat) == pytest.approx(12.5 + 2.5)
    assert losses.total_variation(flat, weights=jnp.array([1.0, 0.0])) == pytest.approx(30.0)


def test_perceptual_is_relative_to_the_target():
    assert losses.perceptual(A, B) == pytest.approx(0.75 / 2.25)
    assert losses.perceptual(100 * A, 100 * B) == pytest.approx(0.75 / 2.25)
    assert losses.perceptual(A, B, weights=KEEP_SECOND) == pytest.approx(0.5 / 1.0)


def test_perceptual_with_a_fixed_scale():
    assert losses.perceptual(12.75 * A, 12.75 * B, scale=1 / 12.75) == pytest.approx(0.75 / 4)


def test_perceptual_of_nothing_is_finite():
    assert losses.perceptual(0 * A, 0 * B) == 0.0
    assert losses.perceptual(A, B, weights=jnp.zeros(2)) == 0.0


def test_least_squares_gan():
    real, fake = jnp.array([[1.0, 0.0]]), jnp.array([[0.5, -1.0]])
    assert losses.lsgan_generator(fake) == pytest.approx((0.25 + 4.0) / 2)
    assert losses.lsgan_discriminator(real, fake) == pytest.approx(0.5 * (0.5 + 1.25 / 2))


def test_least_squares_gan_is_zero_when_its_player_wins():
    assert losses.lsgan_generator(jnp.ones((2, 4, 4, 1))) == 0.0
    assert losses.lsgan_discriminator(jnp.ones((2, 1)), jnp.zeros((2, 1))) == 0.0


def test_cross_entropy_gan():
    # sigmoid(log 3) = 3/4.
    logit = jnp.array([[math.log(3.0)]])
    assert losses.bce_generator(logit) == pytest.approx(-math.log(0.75))
    assert losses.bce_discriminator(logit, logit) == pytest.approx(
        0.5 * (-math.log(0.75) - math.log(0.25))
    )


def test_cross_entropy_gan_survives_certain_discriminators():
    certain = jnp.array([[-1e4]])
    assert losses.bce_generator(certain) == pytest.approx(1e4)
    assert losses.bce_discriminator(certain, -certain) == pytest.approx(1e4)


@pytest.mark.parametrize("loss", [losses.lsgan_discriminator, losses.bce_discriminator])
def test_discriminator_losses_weigh_examples(loss):
    real, fake = jnp.array([[1.0], [2.0]]), jnp.array([[0.3], [0.7]])
    assert loss(real, fake, weights=KEEP_SECOND) == pytest.approx(float(loss(real[1:], fake[1:])))


@pytest.mark.parametrize("loss", [losses.lsgan_generator, losses.bce_generator])
def test_generator_losses_weigh_examples(loss):
    fake = jnp.array([[0.3], [0.7]])
    assert loss(fake, weights=KEEP_SECOND) == pytest.approx(float(loss(fake[1:])))


def test_label_smoothing():
    labels = jnp.array([0.0, 0.25, 1.0])
    np.testing.assert_allclose(losses.label_smoothing(labels, 0.2), [0.1, 0.3, 0.9], rtol=1e-6)
    np.testing.assert_allclose(
        losses.label_smoothing(labels, 0.2, prior=0.0), [0.0, 0.2, 0.8], rtol=1e-6
    )
    np.testing.assert_array_equal(losses.label_smoothing(labels, 0.0), labels)


def test_distillation():
    assert losses.distillation(2.0, 4.0, 0.75) == pytest.approx(2.5)


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_shares_beyond_one_are_refused(share):
    with pytest.raises(ValueError, match=f"epsilon: found {share}, expected"):
        losses.label_smoothing(A, share)
    with pytest.raises(ValueError, match=f"alpha: found {share}, expected"):
        losses.distillation(1.0, 1.0, share)


@pytest.mark.parametrize(
    "loss",
    [
        losses.l1,
        losses.mse,
        losses.perceptual,
        losses.lsgan_discriminator,
        losses.bce_discriminator,
    ],
)
def test_shapes_are_not_broadcast(loss):
    with pytest.raises(ValueError, match=r"found shapes \(2, 4, 4\) and \(2, 4, 4, 1\)"):
        loss(jnp.zeros((2, 4, 4)), jnp.zeros((2, 4, 4, 1)))


def test_weights_must_be_one_per_example():
    with pytest.raises(ValueError, match=r"weights: found shape \(2, 1\), expected \(2,\)"):
        losses.mse(A, B, weights=jnp.ones((2, 1)))
