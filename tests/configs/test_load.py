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
from tests.lines import line_of


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
    with pytest.raises(ValueError, match="predict.symmetries: found 'no', expected .* type bool"):
        load_config("softgan", overrides)


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
    ("spec", "overrides", "line"),
    [
        ("sofgan", [], "config=sofgan: no such name, did you mean 'softgan'"),
        ("softgan:quik", [], "did you mean 'quick'"),
        ("softgan", [("optim.lrr", "1")], "config.optim.lrr: .* did you mean 'optim.lr'"),
        ("softgan", [("lr", "1")], "did you mean 'optim.lr'"),
        ("softgan", [("optim", "1")], "config.optim: no such name"),
        ("softgan", [("optim.lr", "fast")], "found 'fast', expected a value of type float"),
        ("softgan", [("optim.batch_size", "2.5")], "expected a value of type int"),
    ],
)
def test_mistakes_get_one_line(spec, overrides, line):
    with pytest.raises(ValueError, match=line) as caught:
        load_config(spec, overrides)
    assert "\n" not in str(caught.value)


def test_a_config_without_variants_is_told_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "made_here").mkdir()
    (tmp_path / "made_here" / "__init__.py").touch()
    (tmp_path / "made_here" / "mine.py").write_text("def get_config(variant): ...")
    monkeypatch.syspath_prepend(tmp_path)
    package = importlib.import_module("made_here")
    for function, arguments in ((catalogue.find, ("mine",)), (catalogue.help_text, ())):
        assert line_of(function, package, *arguments) == (
            "made_here.mine: found no VARIANTS, expected {variant: its line of help}; define it, "
            "or import it and name it in __all__"
        )


def test_overrides_are_separated_from_flags():
    others, overrides = split_overrides(
        ["--config=softgan", "--config.optim.lr=1e-4", "--config.seed", "3", "--workdir=x"]
    )
    assert others == ["--config=softgan", "--workdir=x"]
    assert overrides == [("optim.lr", "1e-4"), ("seed", "3")]


def test_a_wish_for_help_takes_no_value():
    others, overrides = split_overrides(["--config.help", "--workdir=x"])
    assert (others, overrides) == (["--workdir=x"], [(HELP, "")])
