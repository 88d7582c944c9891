import importlib

import pytest

from casgan_jax.configs.schema import catalogue
from casgan_jax.configs.schema.load import (
    HELP,
    config_help,
    config_names,
    load_config,
    split_overrides,
)
from tests.faults import fault_of


def test_every_config_and_variant_loads_and_is_listed():
    text = config_help()
    for name in config_names():
        assert name in text
    assert load_config("softgan:quick", []).name == "softgan"
    assert "softgan:cpu" in text


def test_any_field_can_be_set():
    overrides = [("optim.lr", "1e-4"), ("srgan.loss.perceptual", "0"), ("predict.symmetries", "no")]
    config = load_config("softgan", overrides[:2] + [("data.augmentation.flip", "false")])
    assert config.optim.lr == 1e-4
    assert config.srgan.loss.perceptual == 0.0
    assert config.data.augmentation.flip is False
    error = fault_of(load_config, "softgan", overrides)
    assert error.what == "config.predict.symmetries" and error.found == "'no'"


def test_paper_variants_keep_the_papers_numbers():
    config = load_config("softgan:paper", [])
    assert (config.loss.l1, config.loss.mse, config.loss.adversarial) == (100.0, 1.0, 1.0)
    assert (config.optim.lr, config.train.epochs, config.optim.constant) == (0.002, 70.0, 0.5)
    sr = config.srgan
    assert (sr.loss.mse, sr.loss.adversarial, sr.loss.perceptual, sr.loss.tv) == (
        1.0,
        0.001,
        0.008,
        2e-8,
    )
    assert (sr.optim.lr, sr.train.epochs, sr.model.blocks, sr.data.scale) == (0.01, 40.0, 5, 4)


@pytest.mark.parametrize(
    ("spec", "overrides", "what"),
    [
        ("sofgan", [], "config=sofgan"),
        ("softgan:quik", [], "config=softgan:quik"),
        ("softgan", [("optim.lrr", "1")], "config.optim.lrr"),
        ("softgan", [("lr", "1")], "config.lr"),
        ("softgan", [("optim", "1")], "config.optim"),
        ("softgan", [("optim.lr", "fast")], "config.optim.lr"),
        ("softgan", [("optim.batch_size", "2.5")], "config.optim.batch_size"),
    ],
)
def test_mistakes_get_one_line(spec, overrides, what):
    error = fault_of(load_config, spec, overrides, in_form=False)
    assert error.what == what


def test_a_config_without_variants_is_told_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "made_here").mkdir()
    (tmp_path / "made_here" / "__init__.py").touch()
    (tmp_path / "made_here" / "mine.py").write_text("def get_config(variant): ...")
    monkeypatch.syspath_prepend(tmp_path)
    package = importlib.import_module("made_here")
    for function, arguments in ((catalogue.find, ("mine",)), (catalogue.help_text, ())):
        error = fault_of(function, package, *arguments)
        assert error.what == "made_here.mine" and "__all__" in error.remedy


def test_overrides_are_separated_from_flags():
    others, overrides = split_overrides(
        ["--config=softgan", "--config.optim.lr=1e-4", "--config.seed", "3", "--workdir=x"]
    )
    assert others == ["--config=softgan", "--workdir=x"]
    assert overrides == [("optim.lr", "1e-4"), ("seed", "3")]


def test_a_wish_for_help_takes_no_value():
    others, overrides = split_overrides(["--config.help", "--workdir=x"])
    assert (others, overrides) == (["--workdir=x"], [(HELP, "")])
