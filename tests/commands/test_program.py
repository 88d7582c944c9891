"""How commands are shown is how they can be typed."""

import shutil
import sys

import pytest

from casgan_jax.commands import program
from casgan_jax.errors import Step

TRAIN, BUILD = Step("train", {"config": "unet", "workdir": "a b"}), Step("build")


@pytest.fixture
def found(monkeypatch, tmp_path):
    """Sets what the shell finds: {name: path}."""
    monkeypatch.chdir(tmp_path)
    paths = {}
    monkeypatch.setattr(shutil, "which", paths.get)
    return paths


def script(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return str(path)


def test_in_the_checkout_by_the_interpreter_that_runs(found, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["launch/train.py"])
    monkeypatch.setattr(sys, "executable", script(tmp_path / ".venv" / "bin" / "python"))
    shown = ".venv/bin/python -m launch.train --config=unet '--workdir=a b'"
    assert program.typed(TRAIN) == shown
    found["python"] = script(tmp_path / "other" / "python")
    assert program.typed(TRAIN) == shown
    found["python"] = sys.executable
    assert program.typed(TRAIN) == "python -m launch.train --config=unet '--workdir=a b'"


def test_environments_of_one_interpreter_are_told_apart(found, monkeypatch, tmp_path):
    real = script(tmp_path / "usr" / "python")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "python").symlink_to(real)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "one" / "python"))
    found["python"] = str(tmp_path / "two" / "python")
    assert program.interpreter() == "one/python"


def test_installed(found, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", [script(tmp_path / "bin" / "casgan")])
    monkeypatch.setattr(sys, "executable", "/opt/bin/python")
    assert program.words(Step("label")) == ["bin/casgan", "label"]
    found["casgan"] = sys.argv[0]
    assert program.typed(TRAIN) == "casgan train --config=unet '--workdir=a b'"
    assert program.typed(BUILD) == "/opt/bin/python -m launch.build"


def test_a_command_is_typed_again_with_more_options(found, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["launch/experiment.py", "--rows=U-Net;CasGAN, soft"])
    monkeypatch.setattr(sys, "executable", "/opt/bin/python")
    typed = program.typed_again("experiment", ["--config.seed=3"])
    assert typed == (
        "/opt/bin/python -m launch.experiment '--rows=U-Net;CasGAN, soft' --config.seed=3"
    )


def test_texts_show_what_is_typed(found, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["launch/label.py"])
    monkeypatch.setattr(sys, "executable", "/opt/bin/python")
    text = "casgan label --a\npython -m launch.build; casgan_jax, casgan"
    assert program.as_typed(text) == (
        "/opt/bin/python -m launch.label --a\n/opt/bin/python -m launch.build; casgan_jax, casgan"
    )
