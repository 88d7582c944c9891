import json
import shutil

import numpy as np
import pytest

from casgan_jax.workdir.seal import seal
from casgan_jax.workdir.weights import read_weights, stage_weights, write_weights
from tests import damage
from tests.faults import fault_of

GENERATOR = {
    "params": {"a": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3)}},
    "batch_stats": {},
}
FROZEN = {
    "srgan": {
        "params": {"b": np.ones(3, np.float32), "slope": np.float32(0.2)},
        "batch_stats": {},
    }
}


@pytest.fixture
def folder(tmp_path):
    write_weights(tmp_path / "weights", GENERATOR, FROZEN, {"stage": "softgan", "threshold": 0.4})
    return tmp_path / "weights"


def test_what_was_written_is_read_wherever_the_folder_is(folder, tmp_path):
    moved = shutil.move(folder, tmp_path / "elsewhere")
    found = read_weights(moved)
    kernel = found.generator["params"]["a"]["kernel"]
    np.testing.assert_array_equal(kernel, GENERATOR["params"]["a"]["kernel"])
    assert kernel.dtype == np.float32
    assert found.generator["batch_stats"] == found.frozen["srgan"]["batch_stats"] == {}
    np.testing.assert_array_equal(found.frozen["srgan"]["params"]["b"], np.ones(3))
    assert found.frozen["srgan"]["params"]["slope"].shape == ()
    assert (found.facts["stage"], found.facts["threshold"]) == ("softgan", 0.4)


def test_writing_again_replaces_and_leaves_nothing_beside(folder):
    write_weights(folder, GENERATOR, {}, {"stage": "softgan", "threshold": 0.5})
    assert read_weights(folder).facts["threshold"] == 0.5
    assert [path.name for path in folder.parent.iterdir()] == ["weights"]


def test_who_may_read_the_folder_may_read_all_of_it(folder):
    assert len({path.stat().st_mode & 0o777 for path in folder.iterdir()}) == 1


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(
            lambda f: damage.flip(f / "weights.safetensors", 200),
            id="weights.safetensors is not what",
        ),
        pytest.param(
            lambda f: damage.cut(f / "weights.safetensors", 40),
            id="weights.safetensors is not what",
        ),
        pytest.param(
            lambda f: (f / "weights.safetensors").unlink(), id="weights.safetensors is missing"
        ),
        pytest.param(lambda f: damage.flip(f / "system.json", 20), id="system.json is not what"),
        pytest.param(lambda f: (f / "manifest.json").unlink(), id="manifest.json is missing"),
    ],
)
def test_damage_is_named_and_nothing_is_read(folder, harm):
    harm(folder)
    assert fault_of(read_weights, folder).what.endswith("/weights")


def test_another_format_is_told_from_damage(folder):
    facts = json.loads((folder / "system.json").read_text())
    (folder / "system.json").write_text(json.dumps(facts | {"format": 9}))
    (folder / "manifest.json").unlink()
    seal(folder, {})
    assert fault_of(read_weights, folder).what.endswith("/system.json")


def test_a_stage_without_weights_says_what_to_do(tmp_path):
    error = fault_of(stage_weights, tmp_path, "softgan")
    assert error.what == "workdir"
    assert error.step.command == "train"
    (tmp_path / "softgan").mkdir()
    (tmp_path / "softgan" / "result.json").write_text("{}")
    error = fault_of(stage_weights, tmp_path, "softgan")
    assert error.what == "workdir"
    assert error.step.command == "export"
