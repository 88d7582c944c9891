"""Weights in half the size, without a path of the machine that made them."""

import json

import numpy as np
import pytest

from casgan_jax.workdir.packing import pack
from casgan_jax.workdir.weights import read_weights, write_weights
from tests.faults import fault_of

RNG = np.random.default_rng(0)
TREE = {
    "params": {"kernel": RNG.normal(size=(3, 3, 4, 4)).astype(np.float32), "count": np.int32(7)},
    "batch_stats": {},
}
FACTS = {"stage": "softgan", "threshold": 0.4, "config": {}}
FACTS["config"] = {
    "data": {"dir": "/home/me/data/lidc", "patch": 64},
    "srgan": {"data": {"dir": "/home/me/data/lidc"}, "loss": {"vgg19": "/home/me/vgg19.npz"}},
    "prior": "runs/first",
}


@pytest.fixture
def run(tmp_path):
    (tmp_path / "run" / "softgan").mkdir(parents=True)
    write_weights(tmp_path / "run" / "softgan" / "weights", TREE, {}, FACTS)
    return tmp_path / "run"


def test_values_are_those_of_float16_and_used_in_float32(run, tmp_path):
    packed = read_weights(pack(run, tmp_path / "packed"))
    kernel = packed.generator["params"]["kernel"]
    assert kernel.dtype == np.float32
    expected = TREE["params"]["kernel"].astype(np.float16)
    np.testing.assert_array_equal(kernel, expected)
    assert packed.generator["params"]["count"] == 7 and packed.generator["batch_stats"] == {}
    sizes = [
        (folder / "weights.safetensors").stat().st_size
        for folder in (run / "softgan" / "weights", tmp_path / "packed")
    ]
    assert sizes[1] < 0.75 * sizes[0]


def test_no_path_of_the_machine_is_left(run, tmp_path):
    folder = pack(run, tmp_path / "packed")
    facts = json.loads((folder / "system.json").read_text())
    assert facts["config"]["data"] == {"dir": "data/lidc", "patch": 64}
    assert facts["config"]["srgan"]["loss"]["vgg19"] == "vgg19.npz"
    assert facts["config"]["prior"] == "runs/first" and facts["threshold"] == 0.4
    assert all(b"/home/me" not in path.read_bytes() for path in folder.iterdir())


def test_weights_are_replaced_and_other_files_are_not(run, tmp_path):
    folder = pack(run, tmp_path / "packed")
    assert pack(run, folder) == folder
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert fault_of(pack, run, tmp_path / "mine").what == "to"
    assert (tmp_path / "mine" / "thesis.txt").is_file()


def test_a_value_beyond_float16_is_named(tmp_path):
    (tmp_path / "softgan").mkdir()
    large = {"params": {"scale": np.float32([1e6])}}
    write_weights(tmp_path / "softgan" / "weights", large, {}, FACTS)
    error = fault_of(pack, tmp_path, tmp_path / "packed")
    assert error.what == "weights generator/params/scale" and "1e+06" in error.found
    assert not (tmp_path / "packed").exists()
