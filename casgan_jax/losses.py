"""The losses of SRGAN and SoftGAN (paper 3.2, 3.3, 4): pure functions that return scalars.

Each loss is the mean over an example's elements, then over the batch. `weights` (N,) weighs the
examples: 0 leaves one out, such as the padding of a last batch; all 0 gives 0. The weights of the
terms against each other belong to the config. Shapes that do not match raise ValueError.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax


def _check_same_shape(prediction: jax.Array, target: jax.Array) -> None:
    if prediction.shape != target.shape:
        raise ValueError(f"found shapes {prediction.shape} and {target.shape}, expected equal ones")


def _example_sums(values: jax.Array) -> jax.Array:
    """(N, ...) -> (N,), as a product: XLA's CPU backend fuses what it sums into the sum and then
    computes it value by value. The mean cross-entropy of eight 128 x 128 masks took 5.9 ms as a
    sum and takes 0.2 ms (two cores)."""
    values = values.reshape(len(values), -1)
    ones = jnp.ones(values.shape[1], values.dtype)
    return jnp.matmul(values, ones, precision=jax.lax.Precision.HIGHEST)


def _batch_mean(values: jax.Array, weights: jax.Array | None) -> jax.Array:
    """Mean of (N, ...) over all axes, the examples weighed by (N,)."""
    per_example = _example_sums(values) / (values.size // len(values))
    if weights is None:
        return per_example.mean()
    if weights.shape != values.shape[:1]:
        raise ValueError(f"weights: found shape {weights.shape}, expected {values.shape[:1]}")
    total = weights.sum()
    return jnp.where(total > 0, (weights * per_example).sum() / jnp.where(total > 0, total, 1), 0.0)


def l1(prediction: jax.Array, target: jax.Array, *, weights: jax.Array | None = None) -> jax.Array:
    """Mean absolute difference (paper Eq. 3)."""
    _check_same_shape(prediction, target)
    return _batch_mean(jnp.abs(prediction - target), weights)


def mse(prediction: jax.Array, target: jax.Array, *, weights: jax.Array | None = None) -> jax.Array:
    """Mean squared difference (paper Eq. 2)."""
    _check_same_shape(prediction, target)
    return _batch_mean(jnp.square(prediction - target), weights)


def cross_entropy(
    prediction: jax.Array, target: jax.Array, *, weights: jax.Array | None = None
) -> jax.Array:
    """Mean cross-entropy of soft targets, least where the prediction is the target.

    Args:
      prediction: (N, ...) in [0, 1], kept 1e-6 away from both ends.
      target: likewise.
      weights: (N,) or None.
    """
    _check_same_shape(prediction, target)
    kept = jnp.clip(prediction, 1e-6, 1.0 - 1e-6)
    return _batch_mean(-target * jnp.log(kept) - (1.0 - target) * jnp.log1p(-kept), weights)


def soft_dice(
    prediction: jax.Array, target: jax.Array, *, weights: jax.Array | None = None
) -> jax.Array:
    """1 - 2 sum(p t) / (sum(p^2) + sum(t^2)) of each example (Milletari et al. 2016, V-Net).

    With squares in the denominator it is least, 0, where the prediction is the soft target; the
    usual sums of p and t reward hardening instead. Small lesions weigh as much as large ones.

    Args:
      prediction: (N, ...) in [0, 1].
      target: likewise.
      weights: (N,) or None.
    """
    _check_same_shape(prediction, target)
    shared = _example_sums(prediction * target)
    total = _example_sums(jnp.square(prediction) + jnp.square(target))
    return _batch_mean(1.0 - (2.0 * shared + 1.0) / (total + 1.0), weights)


def total_variation(images: jax.Array, *, weights: jax.Array | None = None) -> jax.Array:
    """Twice the mean squared difference of vertical plus that of horizontal neighbours.

    The squared form of the SRGAN implementations that the paper's weight of 2e-8 comes from.

    Args:
      images: (N, H, W, C).
      weights: (N,) or None.
    """
    vertical = jnp.square(images[:, 1:] - images[:, :-1])
    horizontal = jnp.square(images[:, :, 1:] - images[:, :, :-1])
    return 2.0 * (_batch_mean(vertical, weights) + _batch_mean(horizontal, weights))


def perceptual(
    prediction_features: jax.Array,
    target_features: jax.Array,
    *,
    scale: float | None = None,
    weights: jax.Array | None = None,
) -> jax.Array:
    """MSE of feature maps (Ledig et al. 2017, Eq. 5), by default over the target's mean square.

    How large features are depends on the layer and on the weight file: on CT slices conv3_4 of
    Caffe's weights, at Ledig et al.'s 1 / 12.75, gives 500 to 800 where the images' MSE is 0.0015.
    Relative to the target's energy the paper's weight of 0.008 puts the term beside the images'
    MSE, as Ledig et al. intend, whatever the layer.

    Args:
      prediction_features: (N, ...) features of the network's output.
      target_features: (N, ...) features of the real image; no gradient goes through the scale.
      scale: a fixed factor on the features in its place (1 / 12.75 in Ledig et al.).
      weights: (N,) or None.
    """
    difference = mse(prediction_features, target_features, weights=weights)
    if scale is not None:
        return scale**2 * difference
    energy = jax.lax.stop_gradient(_batch_mean(jnp.square(target_features), weights))
    return difference / (energy + 1e-12)


def lsgan_generator(fake: jax.Array, *, weights: jax.Array | None = None) -> jax.Array:
    """mean((D(fake) - 1)^2) of scores that are not squashed (Mao et al. 2017, without its 1/2)."""
    return _batch_mean(jnp.square(fake - 1.0), weights)


def lsgan_discriminator(
    real: jax.Array, fake: jax.Array, *, weights: jax.Array | None = None
) -> jax.Array:
    """(mean((D(real) - 1)^2) + mean(D(fake)^2)) / 2 (Mao et al. 2017, Eq. 9)."""
    _check_same_shape(real, fake)
    return 0.5 * _batch_mean(jnp.square(real - 1.0) + jnp.square(fake), weights)


def bce_generator(fake: jax.Array, *, weights: jax.Array | None = None) -> jax.Array:
    """-log D(fake) of logits (Ledig et al. 2017, Eq. 6; Goodfellow et al. 2014, non-saturating)."""
    return _batch_mean(optax.sigmoid_binary_cross_entropy(fake, jnp.ones_like(fake)), weights)


def bce_discriminator(
    real: jax.Array, fake: jax.Array, *, weights: jax.Array | None = None
) -> jax.Array:
    """(-log D(real) - log(1 - D(fake))) / 2 of logits (Goodfellow et al. 2014)."""
    _check_same_shape(real, fake)
    on_real = optax.sigmoid_binary_cross_entropy(real, jnp.ones_like(real))
    on_fake = optax.sigmoid_binary_cross_entropy(fake, jnp.zeros_like(fake))
    return 0.5 * _batch_mean(on_real + on_fake, weights)


def label_smoothing(
    labels: jax.Array, epsilon: float, *, prior: jax.Array | float = 0.5
) -> jax.Array:
    """(1 - epsilon) labels + epsilon prior: the smoothed target distribution (paper Eq. 4).

    Args:
      labels: probability of the lesion, [0, 1].
      epsilon: share of the prior, [0, 1].
      prior: u(y), the probability of the lesion whatever the image; 1/2 is uniform.

    Raises:
      ValueError: `epsilon` lies outside [0, 1].
    """
    if not 0.0 <= epsilon <= 1.0:
        raise ValueError(f"epsilon: found {epsilon}, expected a value in [0, 1]")
    return (1.0 - epsilon) * labels + epsilon * prior


def distillation(
    soft_loss: jax.Array | float, hard_loss: jax.Array | float, alpha: float
) -> jax.Array | float:
    """alpha soft_loss + (1 - alpha) hard_loss; the soft target is to weigh more (paper Eq. 5).

    Raises:
      ValueError: `alpha` lies outside [0, 1].
    """
    if not 0.0 <= alpha <= 1.0:
        raise ValueError(f"alpha: found {alpha}, expected a value in [0, 1]")
    return alpha * soft_loss + (1.0 - alpha) * hard_loss
