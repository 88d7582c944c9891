"""What a run of table 5 leaves behind, and what it refuses."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from casgan_jax.configs.schema.load import load_config
from casgan_jax.configs.schema.tree import replaced
from casgan_jax.json_form import from_json
from casgan_jax.radiomics.run import Scores, run
from casgan_jax.radiomics.scores import read_scores
from datasets.base import prepare
from tests.faults import fault_of
from tests.radiomics.rated import MANY, ManyRated
from tests.radiomics.regions import needs_pyradiomics

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    root = tmp_path_factory.mktemp("many")
    return prepare(ManyRated, root, workers=0, show_progress=False).path


def config(data, **fields):
    """Two repetitions of 2-fold cross-validation of the lesions' areas."""
    made = load_config("radiomics:quick", [("data.dir", str(data))])
    return replaced(made, **dict(features="area", folds=2, inner_folds=2, repetitions=2) | fields)


def test_a_run_leaves_lesions_figures_and_scores(many, tmp_path):
    done = run(config(many), tmp_path)
    folder = tmp_path / "evaluation" / "test"
    metrics = json.loads((folder / "metrics.json").read_text())
    assert (metrics["lesions"], metrics["patients"], metrics["features"]) == (36, 36, 1)
    assert metrics["auc"]["mean"] > 0.8  # the spiculated ones are larger
    assert metrics["auc"]["low"] <= metrics["auc"]["mean"] <= metrics["auc"]["high"]
    with (folder / "lesions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    drawn = {f"{row[0]}/nodule-0/slice-0": row[4] for row in MANY}
    assert [float(row["spiculated"]) for row in rows] == [drawn[row["key"]] for row in rows]
    assert np.mean([float(row["correct"]) for row in rows]) == metrics["acc"]["mean"]
    keys, result = read_scores(folder / "scores.npz")
    assert keys.tolist() == [row["key"] for row in rows]
    assert result.scores.shape == (2, 36)
    np.testing.assert_allclose(result.scores.mean(0), [float(row["score"]) for row in rows])
    assert json.loads((tmp_path / "config.json").read_text())["name"] == "radiomics"
    assert from_json(Scores, metrics) == done.scores
    assert (done.lesions, done.patients, done.features, done.file) == (
        *(36, 36, 1),
        folder / "lesions.csv",
    )


def test_features_of_another_run_are_taken(many, tmp_path):
    run(config(many, classifier="none"), tmp_path / "features")
    assert not (tmp_path / "features" / "evaluation").exists()
    for name, table in (("own", ""), ("taken", str(tmp_path / "features"))):
        run(config(many, table=table), tmp_path / name)
    own, taken = (
        (tmp_path / name / "evaluation" / "test" / "lesions.csv").read_text()
        for name in ("own", "taken")
    )
    assert own == taken
    assert not (tmp_path / "taken" / "features.npz").exists()


def test_refuses_features_of_other_lesions_or_of_no_run(many, tmp_path):
    table = str(tmp_path / "features")
    error = fault_of(run, config(many, table=table), tmp_path / "run")
    assert error.what.endswith("/config.json") and "table=" in error.remedy
    run(config(many, classifier="none"), Path(table))
    for field, value in (("per_class", 20), ("match_area", True), ("features", "binary")):
        error = fault_of(run, config(many, table=table, **{field: value}), tmp_path / "run")
        assert error.what == "table" and field in error.found
    (tmp_path / "features" / "features.npz").unlink()
    assert fault_of(run, config(many, table=table), tmp_path / "run").what.endswith("/features.npz")


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("features", "soft", "features"),
        ("classifier", "forest", "classifier"),
        ("per_class", 17, "per_class"),
        ("folds", 1, "folds"),
        ("inner_folds", 6, "inner_folds"),
        ("repetitions", 0, "repetitions"),
        ("seed", -1, "seed"),
        ("per_class", 25, "per_class"),
    ],
)
def test_refuses_fields(many, tmp_path, field, value, what):
    assert fault_of(run, config(many, **{field: value}), tmp_path).what == what


def test_refuses_data_that_do_not_tell_the_classes(discs, many, tmp_path):
    error = fault_of(run, config(discs), tmp_path)
    assert error.what == "data.ratings" and "data.ratings=FILE" in error.remedy
    there = replaced(config(many), data=dict(ratings=str(tmp_path / "ratings.csv")))
    assert fault_of(run, there, tmp_path).what.endswith("/ratings.csv")


def test_never_overwrites_the_config_of_a_training(many, tmp_path):
    (tmp_path / "config.json").write_text('{"name": "softgan"}')
    error = fault_of(run, config(many), tmp_path)
    assert error.what == "workdir" and "softgan" in error.found
    assert json.loads((tmp_path / "config.json").read_text())["name"] == "softgan"


@needs_pyradiomics
def test_features_of_regions(many, tmp_path):
    run(config(many, features="soft_any", classifier="none"), tmp_path)
    with np.load(tmp_path / "features.npz") as table:
        assert table["values"].shape == (36, 93)
        assert table["spiculated"].sum() == 18


def test_the_command_of_a_row_does_without_jax(many, tmp_path):
    run(config(many, classifier="none"), tmp_path / "features")
    overrides = (
        ("data.dir", many),
        ("features", "area"),
        ("table", tmp_path / "features"),
        ("folds", 2),
    )
    program = (
        "import runpy, sys\n"
        "try:\n    runpy.run_module('launch.train', run_name='__main__')\n"
        "finally:\n    print('jax' in sys.modules)\n"
    )
    arguments = [f"--config.{name}={value}" for name, value in overrides]
    done = subprocess.run(
        [sys.executable, "-c", program, "--config=radiomics:quick", *arguments]
        + [f"--workdir={tmp_path / 'run'}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "AUC" in done.stdout
    assert done.stdout.splitlines()[-1] == "False"
