"""The values of the shipped configs: a few of each, so that none changes unseen."""

import pytest

from casgan_jax.configs.families.baseline import baseline
from casgan_jax.configs.schema.load import load_config
from casgan_jax.configs.schema.tree import flat
from tests.faults import fault_of

GOLDEN = {
    "softgan": {"model.levels": 0, "srgan.optim.batch_size": 16, "srgan.data.dir": ""},
    "softgan:paper": {"loss.l1": 100.0, "predict.symmetries": False, "srgan.optim.lr": 0.01},
    "softgan:cpu": {"model.levels": 5, "optim.schedule": "cosine", "train.steps": 10000},
    "softgan:quick": {"optim.average": 0.99, "data.label": "true_alpha", "train.steps": 500},
    "srgan:quick": {"data.patch": 32, "optim.batch_size": 4, "train.validation_records": 24},
    "unet:cpu": {"model.features": 16, "model.normalise": True, "data.label": "binary"},
    "unet_plus_plus": {"model.features": 32, "model.dropout": 0.0, "loss.adversarial": 0.0},
    "cf_cnn:quick": {"model.features": 4, "model.stride": 16, "model.predict_stride": 4},
    "ce_net": {"model.encoder_weights": "", "sr": "none", "model.initial_alpha": 0.03},
    "level_set": {"data.scale": 1, "parameters.iterations": 50, "parameters.band": 6.0},
    "radiomics:quick": {"per_class": 18, "repetitions": 1, "data.dir": "data/phantom/quick"},
}


@pytest.mark.parametrize("spec", GOLDEN)
def test_values_of_the_shipped_configs(spec):
    values = flat(load_config(spec, []))
    assert {name: values[name] for name in GOLDEN[spec]} == GOLDEN[spec]


def test_a_width_of_which_a_variant_leaves_nothing_is_told():
    error = fault_of(baseline, "quick", "my.Network", features=7, told_remedy=False)
    assert error.what == "features" and error.found == "7"


def test_a_network_s_own_fields_and_those_of_every_network_are_given_alike():
    made = baseline("", "my.Network", features=8, initial_alpha=0.5, blocks=3)
    assert (made.model.features, made.model.initial_alpha) == (8, 0.5)
    assert dict(made.model.options) == {"blocks": 3}


def test_only_the_options_of_a_config_s_own_network_can_be_set():
    assert "model.levels" not in flat(load_config("unet", []))
    error = fault_of(load_config, "unet", [("model.levels", "3")], in_form=False)
    assert error.what == "config.model.levels"
    assert load_config("softgan", [("model.levels", "3")]).model.options["levels"] == 3
