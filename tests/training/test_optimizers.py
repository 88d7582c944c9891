import jax
import numpy as np
import optax
import pytest

from casgan_jax.configs.schema.sections import Optim
from casgan_jax.training.optimizers import adam, learning_rate, learning_rates


def config(**changes):
    fields = dict(lr=0.002, schedule="constant_then_linear", constant=0.5, warmup_steps=0)
    return Optim(**fields | changes)


def test_the_papers_schedule_is_constant_then_linear_to_zero():
    rate = learning_rate(config(), 70)
    np.testing.assert_allclose([rate(0), rate(34), rate(35)], 0.002, rtol=1e-6)
    np.testing.assert_allclose(rate(52), 0.002 * (1 - 17 / 35), rtol=1e-5)
    np.testing.assert_allclose(rate(70), 0.0, atol=1e-9)


def test_warmup_rises_linearly_before_the_schedule():
    rate = learning_rate(config(schedule="cosine", warmup_steps=10), 110)
    np.testing.assert_allclose([rate(0), rate(5), rate(10)], [0, 0.001, 0.002], rtol=1e-6)
    np.testing.assert_allclose(rate(110), 0.0, atol=1e-9)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "constant_then_linear"])
def test_rates_of_all_steps_are_those_of_the_schedule(schedule):
    wanted = config(schedule=schedule, warmup_steps=3)
    rates, schedule_of = learning_rates(wanted, 12), learning_rate(wanted, 12)
    assert rates.shape == (12,) and rates.dtype == np.float32
    np.testing.assert_allclose(rates, [schedule_of(step) for step in range(12)], rtol=1e-6)


def test_a_step_at_a_rate_is_one_of_an_adam_that_has_it():
    parameters, gradients = {"w": np.float32([1.0, -2.0])}, {"w": np.float32([0.3, -0.1])}
    ours, theirs = adam(config(b1=0.5)), optax.adam(0.002, b1=0.5)
    with jax.numpy_dtype_promotion("standard"):
        step, _ = ours.update(gradients, ours.init(parameters), parameters)
        expected, _ = theirs.update(gradients, theirs.init(parameters), parameters)
    np.testing.assert_allclose(0.002 * step["w"], expected["w"], rtol=1e-6)
