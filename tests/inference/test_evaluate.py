"""What a run measures as it ends."""

import pytest

from casgan_jax.commands.told import measured_lines
from casgan_jax.inference.evaluate import evaluate_workdir
from casgan_jax.training.loop import train
from tests import damage
from tests.training.test_loop import tiny_config

pytestmark = pytest.mark.slow


def test_validation_is_measured_where_there_is_no_test_split(discs, tmp_path, capsys):
    data = damage.copied(discs, tmp_path)
    damage.drop_split(data, "test")
    train(tiny_config("softgan:quick", data, sr="none", train__steps=1), tmp_path / "run")
    told = capsys.readouterr().err
    line = f"{data} has no test split: validation will be measured in the end"
    assert told.index(line) < told.index("softgan:"), "before the progress bar of training"
    lines = measured_lines(evaluate_workdir(tmp_path / "run", progress=False))
    assert lines[0] == f"validation split, as {data} has no test split:"
    assert lines[-1].endswith("evaluation/validation/worst.png")
    assert (tmp_path / "run" / "evaluation" / "validation" / "metrics.json").is_file()
