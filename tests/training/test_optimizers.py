import numpy as np

from casgan_jax.configs.schema.sections import Optim
from casgan_jax.training.optimizers import learning_rate


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
