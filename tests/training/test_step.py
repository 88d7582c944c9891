import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import Mesh

from casgan_jax import losses
from casgan_jax.models.discriminators import PixelDiscriminator
from casgan_jax.models.unet import UNet
from casgan_jax.training.parallel import Devices
from casgan_jax.training.state import create_state
from casgan_jax.training.step import AXIS, Constants, Stage, adversarial_step
from tests.faults import fault_of

pytestmark = pytest.mark.slow


def make_stage(adversarial=1.0, dropout=0.0):
    return Stage(
        name="test",
        generator=UNet(features=4, levels=3, dropout=dropout, axis_name=AXIS),
        discriminator=PixelDiscriminator(features=4, axis_name=AXIS),
        condition=lambda _, batch: batch["image"],
        content_losses=lambda output, target, _: {"mse": losses.mse(output, target)},
        generator_loss=losses.lsgan_generator,
        discriminator_loss=losses.lsgan_discriminator,
        adversarial_weight=adversarial,
    )


def make_batch(n=4):
    rng = np.random.default_rng(0)
    image = rng.random((n, 16, 16, 1), dtype=np.float32)
    return {"image": image, "target": (image > 0.5).astype(np.float32)}


def on(count, spmd="shard_map"):
    return Devices(Mesh(np.array(jax.devices()[:count]), (AXIS,)), spmd)


def run(count, steps=3, stage=None, decay=0.9, spmd="shard_map"):
    stage = stage or make_stage()
    optimizer = optax.sgd(1.0)
    devices = on(count, spmd)
    x = jnp.zeros((1, 16, 16, 1))
    state = create_state(
        stage.generator,
        stage.discriminator,
        optimizer,
        optimizer,
        generator_input=x,
        target=x,
        frozen={},
        seed=0,
    )
    step = functools.partial(
        adversarial_step,
        stage=stage,
        generator_optimizer=optimizer,
        discriminator_optimizer=optimizer,
        average_decay=decay,
    )
    mapped = devices.map_step(step)
    state = devices.replicate(state)
    history = []
    for _ in range(steps):
        state, values = mapped(state, devices.shard(make_batch()), Constants({}, np.float32(0.1)))
        history.append({name: float(value) for name, value in values.items()})
    return jax.device_get(state), history


@pytest.mark.parametrize(("count", "spmd"), [(2, "shard_map"), (1, "pmap"), (2, "pmap")])
def test_two_devices_and_pmap_give_the_result_of_one_device(count, spmd):
    one, one_history = run(1)
    two, two_history = run(count, spmd=spmd)
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=2e-4, atol=2e-5),
        (one.generator, one.discriminator, one.average),
        (two.generator, two.discriminator, two.average),
    )
    np.testing.assert_allclose(
        [h["generator"] for h in one_history], [h["generator"] for h in two_history], rtol=1e-4
    )


def test_both_networks_learn_and_the_average_follows():
    start, _ = run(1, steps=0)
    end, history = run(1, steps=6)
    for name in ("generator", "discriminator"):
        before = jax.tree.leaves(getattr(start, name).params)
        after = jax.tree.leaves(getattr(end, name).params)
        assert all(np.abs(a - b).max() > 0 for a, b in zip(before, after, strict=True)), name
    assert int(end.step) == 6
    assert history[-1]["mse"] < history[0]["mse"]
    moved = jax.tree.map(
        lambda a, b: float(np.abs(a - b).max()), end.average["params"], end.generator.params
    )
    assert max(jax.tree.leaves(moved)) > 0


def test_without_adversarial_weight_no_discriminator_is_trained():
    start, _ = run(1, steps=0)
    end, history = run(1, steps=1, stage=make_stage(adversarial=0.0))
    assert set(history[0]) == {"generator", "mse"}
    jax.tree.map(
        np.testing.assert_array_equal, start.discriminator.params, end.discriminator.params
    )


def test_no_average_is_the_network_itself():
    end, _ = run(1, steps=2, decay=0.0)
    jax.tree.map(np.testing.assert_array_equal, end.average, end.generator.variables)


def test_the_generator_loss_is_the_sum_of_its_terms():
    _, history = run(1, steps=1)
    values = history[0]
    assert values["generator"] == pytest.approx(values["mse"] + values["adversarial"], rel=1e-5)


def test_examples_that_do_not_divide_by_the_devices_are_named():
    error = fault_of(on(2).shard, make_batch(3), told_remedy=False)
    assert error.what == "optim.batch_size" and "3 examples" in error.found


def test_another_mapping_is_named():
    error = fault_of(on, 1, "pjit", told_remedy=False)
    assert error.what == "spmd" and error.found == "'pjit'" and "shard_map" in error.expected
