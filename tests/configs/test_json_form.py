"""Configs in files: read as they were written, and as earlier versions wrote them."""

import json
import pickle

import pytest

from casgan_jax.configs.schema.json_form import from_dict, to_dict, to_json
from casgan_jax.configs.schema.load import config_names, load_config
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.configs.schema.tree import replaced
from tests.faults import fault_of


@pytest.fixture(params=config_names())
def config(request):
    return load_config(request.param, [])


def test_configs_are_read_as_they_were_written(config):
    assert from_dict(json.loads(to_json(config))) == config
    assert pickle.loads(pickle.dumps(config)) == config
    assert hash(replaced(config, seed=0)) == hash(config)
    assert replaced(config, seed=1) != config


def test_a_resolved_config_is_read_as_it_was_written():
    other = replaced(load_config("unet:quick", []), data=dict(window=(-1000, 400)))
    config = replaced(load_config("softgan", []), prior="runs/unet", prior_config=other)
    found = json.loads(to_json(config))
    assert found["prior_config"]["data"]["window"] == [-1000, 400]
    assert "window" not in found["data"] and "teacher_config" not in found
    assert from_dict(found) == config


def test_a_field_that_is_younger_than_a_run_has_its_default():
    found = to_dict(load_config("softgan:cpu", []))
    del found["predict"], found["optim"]["average"], found["srgan"]["optim"]["lr"]
    config = from_dict(found)
    assert config.predict.symmetries is True and config.optim.average == 0.999
    assert config.srgan.optim.lr == 1e-4 and config.srgan.optim.batch_size == 8
    # The options of a network are those of the run, whatever the default network has.
    assert dict(from_dict({"name": "softgan", "model": {"features": 3}}).model.options) == {}
    assert from_dict({"name": "softgan"}) == SoftganConfig()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (
            {"speed": 1},
            "speed",
        ),
        ({"optim": {"lrr": 1}}, "optim.lrr"),
        ({"srgan": {"train": {"best": "last"}}}, "srgan.train.best"),
        ({"optim": 3}, "optim"),
        ({"optim": {"lr": "fast"}}, "optim.lr"),
        ({"optim": {"batch_size": 1.5}}, "optim.batch_size"),
        ({"predict": {"symmetries": 1}}, "predict.symmetries"),
        ({"dtype": 8}, "dtype"),
        ({"data": {"window": [1]}}, "data.window"),
        ({"model": {"levels": "5"}}, "model.levels"),
        ({"model": {"encoder_weights": 5}}, "model.encoder_weights"),
        ({"model": {"own": [1]}}, "model.own"),
        ({"prior_config": {"data": {"x": 1}}}, "prior_config.data.x"),
        ({"name": "srgam"}, "name"),
    ],
)
def test_what_cannot_be_read_is_named(changes, what):
    assert fault_of(from_dict, {"name": "softgan"} | changes).what == what
