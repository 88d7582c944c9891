"""A state is looked at before it is saved and before it is gone on from."""

import dataclasses
import functools
import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from casgan_jax.training.loop import resolve, train
from casgan_jax.training.restore import restore_stage
from casgan_jax.training.state import create_state
from casgan_jax.training.step import adversarial_step
from casgan_jax.training.usable import Look, resume
from casgan_jax.training.validation import measure
from casgan_jax.workdir.checkpoints import Checkpoints
from tests.faults import fault_of
from tests.training.test_loop import tiny_config
from tests.training.test_step import make_batch, make_stage, on

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["shard_map", "pmap"])
def seen(request):
    """(what a look over two devices says, a good state)."""
    stage, devices = make_stage(), on(2, request.param)
    x, optimizer = jnp.zeros((1, 16, 16, 1)), optax.adam(1e-3)
    state = jax.device_get(
        create_state(
            stage.generator,
            stage.discriminator,
            optimizer,
            optimizer,
            generator_input=x,
            target=x,
            frozen={},
            seed=0,
        )
    )
    step = devices.map_step(
        functools.partial(
            adversarial_step,
            stage=stage,
            generator_optimizer=optimizer,
            discriminator_optimizer=optimizer,
            average_decay=0.5,
        )
    )
    look = Look(stage, devices, step, {})
    batch = devices.shard(make_batch())
    return lambda state: look.what_is_wrong(devices.replicate(state), batch), state


def scaled(tree, factor):
    return jax.tree.map(lambda leaf: leaf * np.asarray(factor, leaf.dtype), tree)


def filled(tree, value):
    """The tree with all floats replaced."""
    return jax.tree.map(
        lambda leaf: np.full_like(leaf, value) if leaf.dtype == np.float32 else leaf, tree
    )


def with_network(state, name, **changes):
    network = dataclasses.replace(getattr(state, name), **changes)
    return dataclasses.replace(state, **{name: network})


def test_a_good_state_has_nothing_wrong_with_it(seen):
    what_is_wrong, state = seen
    assert what_is_wrong(state) == ""


@pytest.mark.parametrize("factor", [1e20, np.nan])
@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_parameters_that_are_finite_and_useless_are_found(seen, name, factor):
    what_is_wrong, state = seen
    bad = with_network(state, name, params=scaled(getattr(state, name).params, factor))
    assert f"the {name} is not finite" in what_is_wrong(bad)


def test_batch_statistics_optimiser_and_average_count_too(seen):
    what_is_wrong, state = seen
    network = state.discriminator
    bad = with_network(state, "discriminator", batch_stats=filled(network.batch_stats, np.inf))
    assert what_is_wrong(bad) == "the discriminator is not finite"
    bad = with_network(state, "discriminator", opt_state=filled(network.opt_state, np.inf))
    assert what_is_wrong(bad) == "the discriminator is not finite"
    bad = dataclasses.replace(state, average=scaled(state.average, 1e25))
    assert what_is_wrong(bad) == "their average is not finite"


def test_an_unusable_checkpoint_gives_way_to_the_one_before(tmp_path):
    checkpoints, lines = Checkpoints(tmp_path / "checkpoints"), []
    for step in (1, 2, 3):
        checkpoints.save(step, {"weight": np.float32(step)})
    shapes = {"weight": np.float32(0)}

    def look(state, step):
        assert state["weight"] == step
        return "" if step < 3 else "something"

    step, state = resume(checkpoints, shapes, look, say=lines.append)
    assert (step, float(state["weight"])) == (2, 2.0)
    assert (tmp_path / "unusable" / "3-0" / "manifest.json").is_file()
    assert "checkpoints/3: found weights that cannot be used (something); moved to" in lines[0]
    assert lines[0].endswith("going on from the one before")
    assert resume(checkpoints, shapes, lambda *_: "it", say=lines.append) == (0, None)
    assert lines[-1].endswith("beginning again") and checkpoints.steps() == []


def test_a_blow_up_is_not_saved_and_a_lower_rate_begins_again(discs, tmp_path):
    fields = dict(sr="none", optim__warmup_steps=0, loss__adversarial=0, train__steps=2)
    error = fault_of(train, tiny_config("softgan:quick", discs, optim__lr=1e20, **fields), tmp_path)
    assert error.what == "step 1" and "optim.lr" in error.remedy
    (line,) = (tmp_path / "softgan" / "log.jsonl").read_text().splitlines()
    assert np.isfinite(json.loads(line)["generator"]), "the losses alone did not tell"
    assert not (tmp_path / "softgan" / "checkpoints").exists()
    assert train(tiny_config("softgan:quick", discs, **fields), tmp_path).steps == 2


def test_a_blow_up_of_an_earlier_version_is_set_aside(discs, tmp_path, capsys):
    config = tiny_config("softgan:quick", discs, sr="none", train__checkpoint_every=1)
    expected = train(config, tmp_path)
    resolved = resolve(config)
    state = restore_stage(resolved, tmp_path, 4)
    (tmp_path / "softgan" / "result.json").unlink()
    checkpoints = Checkpoints(tmp_path / "softgan" / "checkpoints", measure=measure(resolved))
    bad = with_network(state, "generator", params=scaled(state.generator.params, 1e20))
    shutil.rmtree(checkpoints.directory / "4")
    checkpoints.save(4, bad, score=1.0)
    assert train(config, tmp_path).validation == expected.validation
    assert "checkpoints/4: found weights that cannot be used" in capsys.readouterr().err
    assert (tmp_path / "softgan" / "unusable" / "4-0").is_dir()
