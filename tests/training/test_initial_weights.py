"""A training that starts from a trained system's weights."""

import jax
import numpy as np
import pytest

from casgan_jax.configs.schema.checks import check_fields
from casgan_jax.configs.schema.load import load_config
from casgan_jax.pretrained import MARKED
from casgan_jax.training import loop
from casgan_jax.training.data_of_stages import data_of_stages
from casgan_jax.training.initial_weights import initial_weights, read_initial_weights
from casgan_jax.workdir.weights import read_facts, read_weights
from tests.faults import fault_of
from tests.training.test_loop import tiny_config

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(discs, tmp_path_factory):
    workdir = tmp_path_factory.mktemp("first")
    loop.train(tiny_config("softgan:marked", discs), workdir)
    return workdir


def test_a_run_goes_on_from_the_weights_of_another(trained, discs, tmp_path):
    changes = dict(init=trained, optim__lr=1e-9, optim__average=0.0, seed=2)
    result = loop.train(tiny_config("softgan:marked", discs, **changes), tmp_path)
    assert result.initial_weights.startswith(f"{trained} (sha256 ")
    assert initial_weights(tmp_path / "softgan") == result.initial_weights
    runs = (trained, tmp_path)
    first, second = (read_weights(run / "softgan/weights").generator["params"] for run in runs)
    for before, after in zip(*map(jax.tree.leaves, (first, second)), strict=True):
        np.testing.assert_allclose(before, after, atol=1e-6)
    again = loop.train(tiny_config("softgan:marked", discs, **changes), tmp_path)
    assert again == result


def test_a_folder_of_weights_alone_will_do(trained, discs, tmp_path):
    config = loop.resolve(tiny_config("softgan:marked", discs, init=trained / "softgan/weights"))
    found, by_run = (
        read_initial_weights(one, tmp_path)
        for one in (config, loop.resolve(tiny_config("softgan:marked", discs, init=trained)))
    )
    jax.tree.map(np.testing.assert_array_equal, found.generator, by_run.generator)


def test_what_the_other_has_learnt_from_counts(discs, tmp_path):
    # The package's network has the shipped config's architecture, not a tiny one's.
    config = loop.resolve(tiny_config("softgan:marked", discs, init="pretrained"))
    theirs = set(read_facts(MARKED)["trained_on"]["patients"])
    own = data_of_stages(loop.resolve(tiny_config("softgan:marked", discs)))["softgan"]
    assert theirs and data_of_stages(config)["softgan"].patients == own.patients | theirs
    error = fault_of(read_initial_weights, config, tmp_path)
    assert error.what == "init"
    for field in ("model.features=24", "model.levels=4"):
        assert f"`{field}`" in error.remedy
    assert "discriminator" not in error.remedy


def test_the_package_has_weights_for_the_shipped_config(discs, tmp_path):
    fields = {"data.dir": str(discs), "data.patch": "32", "init": "pretrained"}
    config = loop.resolve(load_config("softgan:marked", list(fields.items())))
    found = read_initial_weights(config, tmp_path)
    assert found.name.startswith("pretrained (sha256 ")
    jax.tree.map(np.testing.assert_array_equal, found.generator, read_weights(MARKED).generator)


def test_a_system_that_sees_other_marks_does_not_fit(trained, discs, tmp_path):
    changes = dict(init=trained, data__marks__click=0, data__marks__share=0)
    config = loop.resolve(tiny_config("softgan:marked", discs, **changes))
    error = fault_of(read_initial_weights, config, tmp_path)
    assert error.what == "init"
    assert error.remedy == "set `data.marks.click=0.5`"


def test_weights_of_the_package_name_their_config(discs, tmp_path):
    fields = {
        "data.dir": str(discs),
        "data.label": "alpha",
        "data.patch": "32",
        "init": "pretrained",
    }
    config = loop.resolve(load_config("softgan:cpu", [*fields.items(), ("sr", "none")]))
    error = fault_of(read_initial_weights, config, tmp_path)
    assert error.what == "init"
    assert error.remedy == "set `config=softgan:marked`"


def test_a_folder_without_a_run_is_named(discs, tmp_path):
    config = loop.resolve(tiny_config("softgan:marked", discs, init=tmp_path / "none"))
    assert fault_of(read_initial_weights, config, tmp_path).what == "init: workdir"


def test_a_network_starts_from_one_of_both():
    fields = {"init": "pretrained", "model.encoder_weights": "FILE"}
    config = load_config("ce_net", list(fields.items()))
    error = fault_of(check_fields, config)
    assert error.what == "init" and "pretrained" in error.found and "encoder_weights" in error.found
