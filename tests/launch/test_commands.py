"""The commands of the README, as a user types them, on a tiny data set."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.training.test_loop import TINY, TINY_SR

pytestmark = pytest.mark.slow

ROOT = __file__.rsplit("/tests/", 1)[0]


def command(module, *arguments):
    return subprocess.run(
        [sys.executable, "-m", f"launch.{module}", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def run(discs, tmp_path_factory):
    """Workdir and output of `launch.train`."""
    workdir = tmp_path_factory.mktemp("run")
    fields = TINY | TINY_SR | {"data.dir": str(discs), "data.label": "readers", "train.steps": "2"}
    done = command(
        "train",
        "--config=softgan:quick",
        f"--workdir={workdir}",
        *(f"--config.{name}={value}" for name, value in fields.items()),
    )
    assert done.returncode == 0, done.stderr
    return workdir, done.stdout


def test_training_ends_with_figures_a_picture_and_what_to_do_next(run, tmp_path):
    workdir, output = run
    assert "test split:" in output and "Dice" in output and "IoU" in output
    assert "soft MAE" in output
    assert f"python -m launch.evaluate {shlex.quote(f'--workdir={workdir}')}" in output
    (predict,) = re.findall(r"^  (.* -m launch\.predict .*)$", output, re.MULTILINE)
    image = np.random.default_rng(0).integers(0, 256, (40, 50), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "scan.png"), image)
    typed = predict.replace("IMAGE", str(tmp_path / "scan.png")).replace("X,Y", "20,22")
    typed = typed.replace("--output=predicted", f"--output={tmp_path / 'out'}")
    done = subprocess.run(typed, shell=True, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "scan_alpha.png").is_file()
    (picture,) = [line.split(": ")[1] for line in output.splitlines() if "pictures" in line]
    assert cv2.imread(picture).shape[2] == 3


def test_evaluation_says_where_all_its_figures_are(run):
    done = command("evaluate", f"--workdir={run[0]}", "--split=validation", "--noprogress")
    assert done.returncode == 0, done.stderr
    (path,) = re.findall("^all figures: (.*)$", done.stdout, re.MULTILINE)
    summary = json.loads(Path(path).read_text())
    assert summary["split"] == "validation" and summary["records"] > 0


def test_prediction_of_a_png(run, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (40, 50), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "scan.png"), image)
    done = command(
        "predict",
        f"--workdir={run[0]}",
        f"--input={tmp_path / 'scan.png'}",
        "--center=20,22",
        f"--output={tmp_path / 'out'}",
    )
    assert done.returncode == 0, done.stderr
    alpha = cv2.imread(str(tmp_path / "out" / "scan_alpha.png"), cv2.IMREAD_UNCHANGED)
    assert alpha.shape == image.shape and alpha.dtype == np.uint8


@pytest.mark.parametrize(
    ("module", "arguments", "line"),
    [
        (
            "train",
            ["--config=softgn"],
            "error: --config=softgn: found no such name",
        ),
        ("train", ["--config=softgan", "--config.optim.lr=x"], "error: --config.optim.lr: found"),
        ("train", ["--config=softgan", "--config.lr=1"], "'optim.lr'? --config.help shows all"),
        ("train", ["softgan"], "expected only --flag=value"),
        ("evaluate", ["--workdir=/nowhere"], "error: --workdir: found no config.json in /nowhere"),
        ("build", ["--dataset=phantm"], "error: --dataset: found 'phantm'"),
        ("benchmark", ["--suite=mating"], "error: --suite: found 'mating'"),
    ],
)
def test_mistakes_get_one_line_and_no_traceback(module, arguments, line):
    done = command(module, *arguments)
    assert done.returncode != 0
    assert line in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_the_fields_of_a_config_are_shown_with_what_was_set():
    done = command("train", "--config.help", "--config=unet:quick", "--config.optim.lr=0.5")
    assert done.returncode == 0, done.stderr
    lines = {line.split("=")[0]: line for line in done.stdout.splitlines()}
    assert lines["optim.lr"].endswith("largest learning rate; a number in (0, inf)")
    assert lines["optim.lr"].startswith("optim.lr=0.5 ")
    assert "batch normalisation" in lines["model.normalise"]


@pytest.mark.parametrize(
    "module",
    [
        "train",
        "evaluate",
        "predict",
        "build",
        "benchmark",
        "experiment",
        "label",
        "review",
        "compare",
        "annotate",
    ],
)
def test_help_teaches_by_example(module):
    done = command(module, "--help")
    assert done.returncode == 0
    assert f"python -m launch.{module} --" in done.stdout
