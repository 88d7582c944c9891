"""`dtype="bfloat16"` computes in bfloat16 and keeps everything that is summed up in float32."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.configs import softgan, srgan
from casgan_jax.configs.schema.tree import replaced
from casgan_jax.training.loop import make_step
from casgan_jax.training.parallel import Devices
from casgan_jax.training.restore import initial_state
from casgan_jax.training.stages import BUILD_STAGE
from casgan_jax.training.step import Constants

pytestmark = pytest.mark.slow


def small_config(name):
    if name == "srgan":
        config = replaced(
            srgan.get_config("quick"), data=dict(patch=8), model=dict(features=4, blocks=1)
        )
    else:
        config = replaced(
            softgan.get_config("quick"),
            sr="none",
            data=dict(patch=8),
            model=dict(features=4, levels=3),
        )
    return replaced(config, dtype="bfloat16", model=dict(discriminator_features=4))


@pytest.fixture(params=["srgan", "softgan"])
def traced(request):
    """Jaxpr and output shapes of a step in bfloat16."""
    config = small_config(request.param)
    stage, devices = BUILD_STAGE[config.name](config), Devices()
    state = devices.replicate(initial_state(config, stage, {}))
    image, target = np.zeros((2, 8, 8, 1), np.float32), np.zeros((2, 16, 16, 1), np.float32)
    batch = devices.shard({"image": image, "target": target})
    step = make_step(config, stage, devices)
    return jax.make_jaxpr(step, return_shape=True)(state, batch, Constants({}, np.float32(1e-3)))


def test_convolutions_run_in_bfloat16(traced):
    found = re.findall(r":(\w+)\[[\d,]*\] = conv_general_dilated\[", str(traced[0]))
    assert len(found) > 20 and set(found) == {"bf16"}


def test_what_is_kept_between_steps_and_every_loss_is_float32(traced):
    state, losses = traced[1]
    kept = jax.tree.leaves((state.generator, state.discriminator, state.average))
    floats = [leaf.dtype for leaf in kept if jnp.issubdtype(leaf.dtype, jnp.floating)]
    assert len(floats) > 50 and set(floats) == {jnp.dtype("float32")}
    assert {leaf.dtype for leaf in losses.values()} == {jnp.dtype("float32")}
