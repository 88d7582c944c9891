"""What the built wheel puts on a user's machine, and that it works there, away from the checkout.

The wheel is installed into an empty environment that sees the packages of this one, and so needs no
network; `casgan_jax` comes from the wheel alone.
"""

import csv
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

from casgan_jax.images import read_image, write_png
from datasets.phantom.marked_images import write_example
from tests.training.test_loop import TINY

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
LESIONS = 3  # marked by axes, by one mask, by several readers
PAGES = ("base.html", "base.css", "base.js", "tables.html", "review.html", "experiment.html")


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of the files that are in the repository, or are about to be."""
    source, output = (tmp_path_factory.mktemp(name) for name in ("source", "wheel"))
    listed = ("ls-files", "--cached", "--others", "--exclude-standard")
    for name in run("git", *listed, cwd=ROOT).splitlines():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    # Where the build's own requirement is there, it is not fetched.
    here = ["--no-build-isolation"] if importlib.util.find_spec("setuptools") else []
    run(*PIP, "wheel", "--no-deps", *here, "--wheel-dir", output, source)
    (built,) = output.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The bin folder of an environment that has the wheel, and sees the packages of this one."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    run(*PIP, "--python", python, "install", "--no-deps", "--no-index", wheel)
    (packages,) = folder.glob("lib/python*/site-packages")
    others = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    (packages / "packages_of_the_tests.pth").write_text("\n".join(others) + "\n")
    return python.parent


@pytest.fixture(scope="module")
def elsewhere(discs, tmp_path_factory):
    """A folder with the example's lesions and a prepared data set."""
    folder = tmp_path_factory.mktemp("elsewhere")
    write_example(folder / "example", LESIONS, 0)
    shutil.copytree(discs, folder / "data")
    return folder


@pytest.fixture(scope="module")
def casgan(installed, elsewhere):
    """Runs the installed command in that folder, with nothing of the checkout in its way."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def casgan(*arguments):
        return run(installed / "casgan", *arguments, cwd=elsewhere, env=environment)

    return casgan


@pytest.fixture(scope="module")
def trained(casgan):
    """What the training of a tiny network printed."""
    fields = TINY | {"data.dir": "data", "data.label": "readers", "sr": "none", "train.steps": "2"}
    given = (f"--config.{name}={value}" for name, value in fields.items())
    return casgan("train", "--config=softgan:quick", "--workdir=run", *given)


def test_the_wheel_holds_casgan_jax_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert top == {"casgan_jax"}
    assert "casgan_jax/soft_mask/closed_form.py" in names
    assert "casgan_jax/training/loop.py" in names
    assert {f"casgan_jax/report/templates/{name}" for name in PAGES} <= set(names)
    assert {"casgan_jax/annotate/page/index.html", "casgan_jax/annotate/page/main.js"} <= set(names)
    assert {"casgan_jax/py.typed", "casgan_jax/commands/casgan.py"} <= set(names)


def test_what_is_imported_is_the_wheel_s(installed, elsewhere):
    code = (
        "import casgan_jax, importlib.util as found; print(casgan_jax.__file__);"
        "print(found.find_spec('launch'), found.find_spec('datasets'))"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    shown = run(installed / "python", "-c", code, cwd=elsewhere, env=environment).splitlines()
    assert Path(shown[0]).is_relative_to(installed.parent / "lib")
    assert shown[1] == "None None"


def test_the_example_is_labelled(casgan, elsewhere):
    said = casgan("label", "--table=example/lesions.csv", "--output=labels", "--noprogress")
    assert f"{LESIONS} lesions labelled" in said
    written = (elsewhere / "labels" / "labels.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(io.StringIO(written))
    assert [row["status"] for row in rows] == ["labelled"] * LESIONS
    alpha = read_image(elsewhere / "labels" / "soft_masks" / "phantom-00.png")
    assert alpha.shape == read_image(elsewhere / "example" / "phantom-00.png").shape
    assert "review --folder=labels --open=true" in said


def test_a_training_ends_with_figures_and_with_commands_that_are_typed_so(trained, elsewhere):
    assert "test split:" in trained and "Dice" in trained
    assert "evaluate --workdir=run --split=test" in trained
    assert (elsewhere / "run" / "softgan" / "weights" / "system.json").is_file()


def test_the_trained_network_predicts(trained, casgan, elsewhere):
    image = np.random.default_rng(0).integers(0, 256, (40, 50), dtype=np.uint8)
    write_png(elsewhere / "scan.png", image)
    casgan("predict", "--workdir=run", "--input=scan.png", "--center=20,22", "--output=out")
    assert read_image(elsewhere / "out" / "scan_alpha.png").shape == image.shape


def test_the_trained_network_is_evaluated(trained, casgan, elsewhere):
    said = casgan("evaluate", "--workdir=run", "--split=validation", "--noprogress")
    (path,) = re.findall("^all figures: (.*)$", said, re.MULTILINE)
    summary = json.loads((elsewhere / path).read_text())
    assert summary["split"] == "validation" and summary["records"] > 0
