import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.models.discriminators import PatchDiscriminator, PixelDiscriminator

pytestmark = pytest.mark.slow


@pytest.fixture
def pair():
    keys = jax.random.split(jax.random.key(0))
    return jax.random.uniform(keys[0], (2, 32, 32, 2)), jax.random.uniform(keys[1], (2, 32, 32, 1))


@pytest.mark.parametrize(
    ("model", "side"), [(PixelDiscriminator(features=4), 32), (PatchDiscriminator(features=4), 4)]
)
def test_score_map_sees_condition_and_candidate(model, side, pair):
    condition, candidate = pair
    variables = model.init(jax.random.key(1), condition, candidate, train=False)
    scores = model.apply(variables, condition, candidate, train=False)
    assert scores.shape == (2, side, side, 1) and scores.dtype == jnp.float32
    for other in ((condition + 0.5, candidate), (condition, 1 - candidate)):
        assert np.abs(model.apply(variables, *other, train=False) - scores).max() > 0


def test_a_pixel_is_judged_in_a_neighbourhood_of_22_pixels(pair):
    condition, candidate = pair
    model = PixelDiscriminator(features=4)
    variables = model.init(jax.random.key(1), condition, candidate, train=False)

    def score(candidate):
        return model.apply(variables, condition, candidate, train=False)[0, 16, 16, 0]

    seen = np.flatnonzero(np.abs(jax.grad(score)(candidate)[0, :, :, 0]).sum(axis=1))
    assert np.ptp(seen) + 1 <= 22
    assert seen[0] <= 10 and seen[-1] >= 20
