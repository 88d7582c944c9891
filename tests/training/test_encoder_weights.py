"""An encoder that starts from a file's weights: when they are read, where they go, what is said."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from casgan_jax.configs.schema.load import load_config
from casgan_jax.json_form import read_as
from casgan_jax.training import loop
from casgan_jax.training.encoder_weights import EncoderWeights
from casgan_jax.training.loop import resolve, train
from casgan_jax.training.restore import restore_stage
from casgan_jax.training.state import Network, TrainState
from casgan_jax.workdir.results import StageResult
from tests.faults import fault_of
from tests.models.test_resnet_weights import ARRAYS
from tests.training.test_loop import TINY, TINY_SR

pytestmark = pytest.mark.slow


def config_of(discs, weights, **changes):
    """CE-Net of 4 features."""
    fields = TINY | TINY_SR | {"data.dir": str(discs), "train.steps": "2"}
    del fields["model.levels"]
    fields |= {name.replace("__", "."): value for name, value in changes.items()}
    fields["model.encoder_weights"] = str(weights)
    return load_config("ce_net:quick", list(fields.items()))


class NotLooked:
    """In place of `Look`, whose compilation would be all that takes time here."""

    def __init__(self, *_):
        pass

    def what_is_wrong(self, *_):
        return ""

    def check(self, *_, **__):
        pass


@pytest.fixture(scope="module", autouse=True)
def not_looked():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "Look", NotLooked)
        yield


@pytest.fixture(scope="module")
def trained(discs, tmp_path_factory):
    """(config, workdir, result) of a run whose steps changed nothing and whose file is gone."""
    folder = tmp_path_factory.mktemp("encoder")
    np.savez(folder / "resnet34.npz", **ARRAYS)
    config = config_of(discs, folder / "resnet{depth}.npz")

    def stand_still(state, batch, variables):
        return state, {"generator": jnp.zeros(())}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "make_step", lambda *_: stand_still)
        result = train(config, folder / "run")
    (folder / "resnet34.npz").unlink()
    return config, folder / "run", result


def test_training_starts_from_the_file(trained):
    state = restore_stage(resolve(trained[0]), trained[1], trained[2].step)
    for variables in (state.generator.variables, state.average):
        encoder, statistics = variables["params"]["encoder"], variables["batch_stats"]["encoder"]
        np.testing.assert_array_equal(
            encoder["layer4_2"]["conv2"]["kernel"].transpose(3, 2, 0, 1),
            ARRAYS["layer4.2.conv2.weight"],
        )
        np.testing.assert_array_equal(encoder["bn1"]["bias"], ARRAYS["bn1.bias"])
        found = statistics["layer3_5"]["bn1"]["mean"]
        np.testing.assert_array_equal(found, ARRAYS["layer3.5.bn1.running_mean"])


def test_a_run_goes_on_without_the_file(trained):
    config, workdir, result = trained
    (workdir / "softgan" / "result.json").unlink()
    assert train(config, workdir) == result


def test_the_result_names_the_file_and_the_devices(trained):
    _, workdir, result = trained
    assert result == read_as(StageResult, workdir / "softgan" / "result.json", remedy="")
    name, sha256 = result.initial_weights.rstrip(")").split(" (sha256 ")
    assert name == "ImageNet: resnet34.npz" and len(bytes.fromhex(sha256)) == 6
    assert result.devices == "cpu"


def test_a_started_run_keeps_its_initial_weights(trained, discs):
    error = fault_of(train, config_of(discs, ""), trained[1], accept_config_changes=True)
    assert error.what == "workdir" and "encoder_weights" in error.found


def test_network_and_average_get_the_weights_and_all_else_stays():
    zeros = {"encoder": {"w": np.zeros(2)}, "head": {"w": np.zeros(2)}}
    network = Network(zeros, zeros, opt_state="optimiser")
    state = TrainState(jnp.zeros(()), network, network, network.variables, {}, "key")
    found = EncoderWeights({"w": np.ones(2)}, {"w": np.full(2, 2.0)}, "name").put_into(state)
    for variables in (found.generator.variables, found.average):
        assert jax.tree.leaves(jax.tree.map(np.mean, variables)) == [2, 0, 1, 0]
    assert found.average["params"]["encoder"]["w"] is not found.generator.params["encoder"]["w"]
    assert found.generator.opt_state == "optimiser"
    assert found.discriminator is network and state.generator.params is zeros


@pytest.mark.parametrize(
    ("file", "features", "what"),
    [
        ("nowhere.npz", "4", "nowhere.npz"),
        ("resnet34.npz", "8", "resnet34.npz"),
    ],
)
def test_a_file_that_does_not_fit_is_told_before_anything_is_trained(
    discs, tmp_path, file, features, what
):
    np.savez(tmp_path / "resnet34.npz", **ARRAYS)
    config = config_of(discs, tmp_path / file, sr="train", model__features=features)
    error = fault_of(train, config, tmp_path / "run")
    assert error.what.endswith(what) and "encoder_weights" in error.remedy
    assert not (tmp_path / "run" / "srgan").exists()


@pytest.mark.parametrize("name", ["softgan", "unet", "segnet", "unet_plus_plus", "cf_cnn"])
def test_networks_without_an_encoder_have_no_such_field(name):
    error = fault_of(load_config, name, [("model.encoder_weights", "resnet34.npz")], in_form=False)
    assert error.what == "config.model.encoder_weights"
