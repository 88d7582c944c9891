"""Table 5, shrunk: features are made once, and soft rows are compared with the binary one."""

import dataclasses
import json

import pytest

import launch.experiments
from casgan_jax.commands.program import words
from casgan_jax.experiments import rows as experiment_rows
from casgan_jax.experiments.plan import DataSet, load_experiment, prepares
from casgan_jax.experiments.runner import run_experiment
from datasets.base import prepare
from tests.faults import fault_of
from tests.radiomics.rated import ManyRated
from tests.radiomics.regions import needs_pyradiomics

pytestmark = pytest.mark.slow


@pytest.fixture
def experiment(tmp_path):
    """Table 5 on discs with spicules, and the folder of its data."""
    path = prepare(ManyRated, tmp_path / "data", workers=0, show_progress=False).path
    directory = f"{path.parent.name}/{path.name}"
    data_set = DataSet(directory, (prepares("discs"),), paper="LNSM")
    table = load_experiment(launch.experiments, "table5:quick")
    fields = {"per_class": "18", "folds": "2", "inner_folds": "2"}
    return dataclasses.replace(table, data_sets=(data_set,), fields=fields), path.parents[1]


@needs_pyradiomics
def test_a_shrunk_table_is_measured_and_reported(experiment, tmp_path):
    plan, data_dir = experiment
    names = ["binary, SVM", "soft_any, SVM"]
    output = tmp_path / "out"
    outcomes = run_experiment(plan, plan.chosen(names), data_dir, output, "command", words)
    assert [outcome.reason for outcome in outcomes] == [""] * 4
    (table,) = json.loads((output / "results.json").read_text())["tables"]
    assert (table["lesions"], table["patients"]) == (36, 36)
    rows = {row["name"]: row for row in table["rows"]}
    assert "features: binary" not in rows
    for name in names:
        assert 0.5 < rows[name]["values"]["auc"]["mean"] <= 1
        assert len(rows[name]["values"]["correct"]["seeds"]) == 1
    found = rows["soft_any, SVM"]["against"]["auc"]
    assert found["row"] == "binary, SVM"
    areas = (rows[name]["values"]["auc"]["mean"] for name in ("soft_any, SVM", "binary, SVM"))
    assert found["difference"] == pytest.approx(next(areas) - next(areas))
    assert rows["binary, SVM"]["against"] == {}
    assert rows["soft_any, SVM"]["paper"] == {"correct": 0.88, "auc": 0.91}
    markdown = (output / "report.md").read_text()
    assert "| time |\n" in markdown  # no columns of networks after it
    assert "<svg" not in (output / "report.html").read_text()


def test_a_table_without_ratings_says_where_they_belong(experiment, tmp_path):
    plan, data_dir = experiment
    rated = dataclasses.replace(
        plan.data_sets[0], fields=(("data.ratings", "DATA_DIR/lidc/ratings.csv"),)
    )
    plan = dataclasses.replace(plan, data_sets=(rated,))
    outcomes = run_experiment(
        plan, plan.chosen(["binary, SVM"]), data_dir, tmp_path / "o", "c", words
    )
    assert [outcome.status for outcome in outcomes] == ["failed", "failed"]
    assert outcomes[1].reason.startswith("features: binary: ")
    assert f"{data_dir / 'lidc' / 'ratings.csv'}: found no such file" in outcomes[1].reason


def test_each_soft_row_meets_the_binary_one_with_its_classifier():
    rows = load_experiment(launch.experiments, "table5").rows
    compared = [row for row in rows if row.against]
    assert len(compared) == 12
    for row in compared:
        assert row.against == f"binary, {row.name.split(', ')[1]}"
        assert row.uses["table"].split(": ")[1] == row.fields["features"]


def test_other_ratings_are_another_configuration(experiment, tmp_path, monkeypatch):
    plan, data_dir = experiment
    ratings = tmp_path / "ratings.csv"
    rated = dataclasses.replace(plan.data_sets[0], fields=(("data.ratings", str(ratings)),))
    rows = plan.chosen(["features: binary"])
    (task,) = experiment_rows.tasks_of(plan, rated, rows, data_dir, tmp_path / "out")
    monkeypatch.setattr(experiment_rows, "_run", lambda command: (0, ""))
    ratings.write_text("some")
    assert experiment_rows.run_task(task, words).status == "done"
    ratings.write_text("others")
    assert fault_of(experiment_rows.run_task, task, words).what == "output"
