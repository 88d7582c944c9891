"""Experiments: which rows there are, what is run again, what a report is made of."""

import csv
import dataclasses
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import launch.experiments
from casgan_jax.commands.program import words
from casgan_jax.configs.schema import catalogue
from casgan_jax.configs.schema.load import load_config
from casgan_jax.errors import Interrupted, Step
from casgan_jax.experiments import rows as experiment_rows
from casgan_jax.experiments.figures import evenly_ranked
from casgan_jax.experiments.plan import DataSet, load_experiment, prepares
from casgan_jax.experiments.rows import tasks_of
from casgan_jax.experiments.runner import run_experiment
from casgan_jax.workdir.results import StageResult, write_result
from tests import damage
from tests.exchanged_discs import build_exchanged
from tests.faults import fault_of

ROOT = Path(__file__).parents[2]
# As small as a stage can be.
SHRUNK = {
    "data.patch": "16",
    "model.features": "4",
    "model.levels": "2",
    "model.discriminator_features": "2",
    "optim.batch_size": "2",
    "optim.warmup_steps": "0",
    "train.steps": "2",
    "train.evaluate_every": "2",
    "train.validation_records": "2",
    "predict.symmetries": "false",
}


@pytest.fixture
def experiment(discs):
    """Table 1 on the discs, and the folder of its data."""
    table = load_experiment(launch.experiments, "table1:quick")
    directory = f"{discs.parent.name}/{discs.name}"
    data_set = DataSet(directory, (prepares("discs"),), "discs")
    return dataclasses.replace(table, data_sets=(data_set,), fields=SHRUNK), discs.parents[1]


@pytest.fixture
def fake(monkeypatch):
    """Rows that are not trained: {name: Dice, or a reason to fail}; lists what was run."""
    run = []

    def faker(dice):
        def fake_run(command):
            workdir = Path(command[4].removeprefix("--workdir="))
            name = workdir.parent.name
            run.append(name)
            if isinstance(dice.get(name), BaseException):
                raise dice[name]
            if isinstance(dice.get(name), str):
                return 1, f"progress 10%\rerror: {dice[name]}\n"
            folder = workdir / "evaluation" / "test"
            folder.mkdir(parents=True, exist_ok=True)
            with (folder / "lesions.csv").open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["key", "patient", "label_dice_128"])
                for i in range(8):
                    writer.writerow([i, f"p{i}", dice.get(name, 0.5) + 0.01 * (i % 3)])
            return 0, ""

        monkeypatch.setattr(experiment_rows, "_run", fake_run)
        return run

    return faker


def run(experiment, output, names=None):
    plan, data_dir = experiment
    outcomes = run_experiment(plan, plan.chosen(names), data_dir, output, "command", words)
    return outcomes, json.loads((output / "results.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue.names(launch.experiments))
def test_every_row_of_every_variant_is_a_config(name):
    for variant in importlib.import_module(f"launch.experiments.{name}").VARIANTS:
        plan = load_experiment(launch.experiments, f"{name}:{variant}".rstrip(":"))
        names = [row.name for row in plan.rows]
        assert len(set(names)) == len(names)
        assert {row.against for row in plan.rows} <= {"", *names}
        folders = set()
        for data_set in plan.data_sets:
            tasks = tasks_of(plan, data_set, plan.chosen(None), Path("data"), Path("x"))
            for task in tasks:
                load_config(task.row.config, task.fields)
                folders.add(task.folder)
        assert len(folders) == len(plan.data_sets) * len(tasks)


def test_a_data_set_has_fields_and_a_test_set_of_its_own():
    plan = load_experiment(launch.experiments, "table4:quick")
    neurons, *_, prostates = plan.data_sets
    for data_set, patch in ((neurons, "256"), (prostates, "128")):
        (task, *_) = tasks_of(plan, data_set, plan.rows, Path("data"), Path("x"))
        assert dict(task.fields)["data.patch"] == patch
    plan = load_experiment(launch.experiments, "table2:quick")
    (task, *_) = tasks_of(plan, plan.data_sets[-1], plan.rows, Path("data"), Path("x"))
    assert dict(task.fields)["data.dir"] == "data/phantom/quick"
    assert dict(task.fields)["data.test_dir"] == "data/lidc/500"


def test_rows_come_with_what_they_use():
    plan = load_experiment(launch.experiments, "table1:quick")
    assert [row.name for row in plan.chosen(["CasGAN, soft"])] == ["SRGAN", "CasGAN, soft"]
    assert [row.name for row in plan.chosen(["U-Net"])] == ["U-Net"]
    error = fault_of(plan.chosen, ["Unet"])
    assert error.what == "rows" and error.found == "'Unet'" and "U-Net" in error.expected


def test_all_rows_are_asked_for_by_one_word_and_others_beside_them():
    plan = load_experiment(launch.experiments, "table1:quick")
    assert plan.chosen(["all"]) == plan.chosen(None)
    more = plan.with_configs(["all", "cf_cnn"])
    assert more.chosen(["all", "cf_cnn"]) == (*plan.chosen(None), more.rows[-1])
    error = fault_of(plan.chosen, ["U-Net", "cf_cnn:quick"])
    assert error.what == "rows" and "cf_cnn" in error.found
    error = fault_of(plan.chosen, ["xyz"])
    assert error.what == "rows"
    assert error.remedy == ""


def test_any_config_can_be_a_row():
    plan = load_experiment(launch.experiments, "table1:quick").with_configs(
        ["U-Net", "cf_cnn", "nonsense"]
    )
    assert plan.rows[-1].name == "cf_cnn"
    assert plan.rows[-1].config == "cf_cnn:quick"
    assert plan.chosen(["cf_cnn"]) == plan.rows[-1:]
    error = fault_of(plan.chosen, ["nonsense"])
    assert error.what == "rows" and error.found == "'nonsense'"


def test_a_field_of_the_command_line_is_one_of_every_row_that_has_it(experiment, tmp_path, fake):
    plan, data_dir = experiment
    names = ["U-Net", "CE-Net"]
    weights = ("model.encoder_weights", "resnet{depth}.npz")
    changed = plan.with_fields([("train.steps", "3"), weights], names)
    assert "train.steps=3, model.encoder_weights=resnet{depth}.npz" in changed.notes[-1]
    assert plan.with_fields([], names) == plan
    tasks = tasks_of(changed, changed.data_sets[0], changed.chosen(names), data_dir, tmp_path)
    for task, has in zip(tasks, (False, True), strict=True):
        fields = dict(task.fields)
        assert fields["train.steps"] == "3" and (weights[0] in fields) is has
        assert load_config(task.row.config, task.fields).train.steps == 3
    fake({})
    run(experiment, tmp_path, names)
    error = fault_of(run, (plan.with_fields([weights], names), data_dir), tmp_path, names)
    assert error.what == "output" and "encoder_weights" in error.found


@pytest.mark.parametrize(
    ("field", "text", "what"),
    [
        ("model.encoder_weight", "a.npz", "config.model.encoder_weight"),
        ("train.steps", "many", "config.train.steps"),
        ("data.dir", "data", "config.data.dir"),
        ("data.label", "alpha", "config.data.label"),
    ],
)
def test_fields_that_rows_cannot_share_are_refused(field, text, what):
    plan = load_experiment(launch.experiments, "table1:quick")
    error = fault_of(plan.with_fields, [(field, text)], ["CE-Net", "CasGAN, soft"], in_form=False)
    assert error.what == what
    error = fault_of(
        plan.with_fields, [("model.encoder_weights", "a.npz")], ["U-Net"], in_form=False
    )
    assert error.what == "config.model.encoder_weights"


def test_a_report_names_what_rows_were_trained_on(experiment, tmp_path, fake):
    fake({})
    _, results = run(experiment, tmp_path, ["U-Net"])
    processor = results["machine"]
    assert processor.endswith(" cores")
    (kept,) = tmp_path.glob("*/u-net/seed-0/row.json")
    (kept.parent / "softgan").mkdir()
    facts = StageResult(
        stage="softgan",
        step=2,
        steps=2,
        parameters=1234,
        initial_weights="ImageNet: a.npz",
        devices="1 x NVIDIA H100",
        threshold=0.5,
        warning="",
        validation={"dice": 0.5},
        grid="best.png",
    )
    write_result(facts, kept.parent / "softgan" / "result.json")
    _, results = run(experiment, tmp_path, ["U-Net"])
    assert results["machine"] == f"{processor}, trained on 1 x NVIDIA H100"
    rows = {row["name"]: row for row in results["tables"][0]["rows"]}
    assert rows["U-Net"]["initial_weights"] == "ImageNet: a.npz"
    assert rows["CE-Net"]["initial_weights"] is None


def test_a_network_that_predicts_nothing_has_collapsed(experiment, tmp_path, fake):
    fake({})
    _, results = run(experiment, tmp_path, ["U-Net"])
    (kept,) = tmp_path.glob("*/u-net/seed-0/row.json")
    metrics = kept.parent / "evaluation" / "test" / "metrics.json"
    for empty, full, dice, reason in (
        (8, 0, 0.0, "every mask is empty"),
        (0, 8, 0.1, "every mask is full"),
        (7, 0, 0.04, "7 of 8 masks are empty, others astray"),
        (7, 0, 0.1, ""),
    ):
        counts = {"records": 8, "empty_predictions": empty, "full_predictions": full}
        mean = {"mean": dice, "low": None, "high": None, "n": 8, "patients": 8}
        headline = {"population": "all", "metric": "label_dice", "chosen": mean, "paper": mean}
        metrics.write_text(json.dumps(counts | {"headline": headline}))
        _, results = run(experiment, tmp_path, ["U-Net"])
        rows = {row["name"]: row for row in results["tables"][0]["rows"]}
        assert (rows["U-Net"]["status"], rows["U-Net"]["reason"]) == ("done", reason)
        assert ("collapsed: " in (tmp_path / "report.md").read_text()) == bool(reason)


def test_how_many_readers_the_lesions_have_is_said(experiment, tmp_path, fake):
    fake({})
    _, results = run(experiment, tmp_path, ["U-Net"])
    assert results["tables"][0]["note"] == "discs"
    (table,) = tmp_path.glob("*/u-net/seed-0/evaluation/test/lesions.csv")
    first, *lines = table.read_text().splitlines()
    lines = [f"{line},{4 if index < 3 else 1}" for index, line in enumerate(lines)]
    table.write_text("\n".join([f"{first},n_readers", *lines]) + "\n")
    _, results = run(experiment, tmp_path, ["U-Net"])
    told = "discs; 3 of 8 lesions have four readers, 5 have one"
    assert results["tables"][0]["note"] == told


@pytest.mark.slow
def test_a_row_on_other_records_is_refused(experiment, discs, tmp_path, fake):
    damage.copied(discs, tmp_path)
    fake({})
    own = experiment[0], tmp_path
    run(own, tmp_path / "table", ["U-Net"])
    build_exchanged(tmp_path)
    assert fault_of(run, own, tmp_path / "table", ["U-Net"]).what == "output"


def test_a_row_that_does_not_know_its_records_goes_on_and_is_told_once(
    experiment, tmp_path, fake, capsys
):
    fake({})
    run(experiment, tmp_path, ["U-Net"])
    (kept,) = tmp_path.glob("*/u-net/seed-0/row.json")
    row = json.loads(kept.read_text())
    row["made_from"] = {"config": row["made_from"]["config"], "data_set": "of its description"}
    kept.write_text(json.dumps(row))
    capsys.readouterr()
    for told in (1, 0):
        again = fake({})
        again.clear()
        run(experiment, tmp_path, ["U-Net"])
        assert again == []
        assert capsys.readouterr().err.count("did not keep of which data set") == told


def test_a_finished_row_is_not_run_again_and_a_failed_one_is(experiment, tmp_path, fake):
    names = ["U-Net", "SegNet"]
    assert fake({"segnet": "step 3: found generator = nan"}) is not None
    outcomes, results = run(experiment, tmp_path, names)
    assert [outcome.status for outcome in outcomes] == ["done", "failed"]
    rows = {row["name"]: row for row in results["tables"][0]["rows"]}
    assert rows["SegNet"]["reason"] == "step 3: found generator = nan"
    assert rows["CE-Net"]["status"] == "not run"
    assert rows["U-Net"]["values"]["label_dice_128"]["mean"] == pytest.approx(0.50875)
    again = fake({})
    again.clear()
    outcomes, results = run(experiment, tmp_path, names)
    assert again == ["segnet"]
    assert [outcome.status for outcome in outcomes] == ["done", "done"]


def test_results_of_another_configuration_are_never_mixed_in(experiment, tmp_path, fake):
    ran = fake({})
    run(experiment, tmp_path, ["U-Net"])
    plan, data_dir = experiment
    other = dataclasses.replace(plan, fields={**SHRUNK, "train.steps": "3"})
    assert fault_of(run, (other, data_dir), tmp_path, ["U-Net"]).what == "output"
    assert ran == ["u-net"]


def test_rows_finished_before_stay_in_the_report(experiment, tmp_path, fake):
    fake({})
    run(experiment, tmp_path, ["U-Net"])
    _, results = run(experiment, tmp_path, ["SegNet"])
    status = {row["name"]: row["status"] for row in results["tables"][0]["rows"]}
    assert (status["U-Net"], status["SegNet"], status["CE-Net"]) == ("done", "done", "not run")


def test_casgan_is_compared_with_the_best_baseline(experiment, tmp_path, fake):
    fake({"u-net": 0.7, "segnet": 0.6, "casgan-soft": 0.8})
    names = ["U-Net", "SegNet", "CasGAN, soft"]
    _, results = run(experiment, tmp_path, names)
    rows = {row["name"]: row for row in results["tables"][0]["rows"]}
    found = rows["CasGAN, soft"]["against"]["label_dice_128"]
    assert found["row"] == "U-Net"
    assert found["difference"] == pytest.approx(0.1)
    assert found["p"] < 0.05
    assert rows["U-Net"]["against"] == {}
    assert rows["U-Net"]["paper"]["label_dice_128"] == 0.831
    assert results["tables"][0]["lesions"] == 8


def test_a_row_may_name_the_one_that_it_is_compared_with(experiment, tmp_path, fake):
    fake({"u-net": 0.7, "segnet": 0.6, "ce-net": 0.65})
    plan, data_dir = experiment
    named = [
        dataclasses.replace(row, against="SegNet") if row.name == "CE-Net" else row
        for row in plan.rows
    ]
    names = ["U-Net", "SegNet", "CE-Net"]
    changed = dataclasses.replace(plan, rows=tuple(named))
    _, results = run((changed, data_dir), tmp_path, names)
    rows = {row["name"]: row["against"] for row in results["tables"][0]["rows"]}
    assert rows["CE-Net"]["label_dice_128"]["row"] == "SegNet"
    assert rows["CE-Net"]["label_dice_128"]["difference"] == pytest.approx(0.05)
    assert rows["U-Net"] == rows["SegNet"] == {}
    assert "Each row minus the one that its cell names" in (tmp_path / "report.md").read_text()


def test_a_row_fails_with_the_one_that_it_uses(experiment, tmp_path, fake):
    ran = fake({"srgan": "no room"})
    outcomes, results = run(experiment, tmp_path, ["CasGAN, soft", "U-Net"])
    assert [outcome.status for outcome in outcomes] == ["failed", "failed", "done"]
    rows = {row["name"]: row for row in results["tables"][0]["rows"]}
    assert rows["CasGAN, soft"]["reason"] == "SRGAN: no room"
    assert ran == ["srgan", "u-net"]


def test_two_tables_of_one_directory_do_not_share_a_folder(experiment, tmp_path):
    plan, data_dir = experiment
    (whole,) = plan.data_sets
    part = dataclasses.replace(
        whole, part="half of it", fields=(("data.label", "DATA_DIR/x"), ("no.such.field", "1"))
    )
    rows = plan.chosen(["U-Net"])
    first, second = (tasks_of(plan, one, rows, data_dir, tmp_path)[0] for one in (whole, part))
    assert first.folder.parent.name == second.folder.parent.name == "u-net"
    assert second.folder.parents[1].name == f"{first.folder.parents[1].name}-half-of-it"
    assert dict(second.fields)["data.dir"] == dict(first.fields)["data.dir"]
    assert dict(second.fields)["data.label"] == f"{data_dir}/x"
    assert "no.such.field" not in dict(second.fields)


def test_an_interruption_ends_the_experiment(experiment, tmp_path, fake):
    fake({"segnet": Interrupted("stopped", signal.SIGINT)})
    with pytest.raises(Interrupted):
        run(experiment, tmp_path, ["U-Net", "SegNet", "CE-Net"])
    (kept,) = tmp_path.glob("*/segnet/seed-0/row.json")
    assert json.loads(kept.read_text())["status"] == "interrupted"
    again = fake({})
    again.clear()
    run(experiment, tmp_path, ["U-Net", "SegNet", "CE-Net"])
    assert again == ["segnet", "ce-net"]


def test_a_row_is_told_when_the_experiment_shall_stop(tmp_path):
    """SIGTERM of a scheduler reaches one process alone; the row ends in its own way."""
    ready, saved = tmp_path / "ready", tmp_path / "saved"
    row = f"""
import pathlib, signal, sys, time
def save(number, frame):
    pathlib.Path({str(saved)!r}).touch()
    sys.exit(128 + number)
signal.signal(signal.SIGTERM, save)
pathlib.Path({str(ready)!r}).touch()
time.sleep(60)
"""

    def stop_when_ready():
        deadline = time.monotonic() + 30
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        if ready.exists():
            os.kill(os.getpid(), signal.SIGTERM)

    scheduler = threading.Thread(target=stop_when_ready)
    scheduler.start()
    with pytest.raises(Interrupted, match="stopped by SIGTERM"):
        experiment_rows._run([sys.executable, "-c", row])
    scheduler.join()
    assert saved.exists()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_data_set_that_is_not_there_names_its_command(tmp_path, capsys):
    plan = load_experiment(launch.experiments, "table1:quick")
    error = fault_of(
        run_experiment, plan, plan.chosen(None), tmp_path, tmp_path / "out", "command", words
    )
    assert error.what == "data_dir"
    step = prepares("phantom/quick")
    assert error.step == Step("build", step.options | {"data_dir": str(tmp_path)})
    typed = f"-m launch.build --dataset=phantom/quick --data_dir={tmp_path}"
    assert typed in capsys.readouterr().err


def test_a_data_set_says_what_else_it_needs(tmp_path, capsys):
    plan = load_experiment(launch.experiments, "table5:quick")
    error = fault_of(
        run_experiment, plan, plan.chosen(None), tmp_path, tmp_path / "out", "command", words
    )
    assert error.what == "data_dir"
    told = capsys.readouterr().err
    assert f"--manual_dir=LIDC-IDRI-slices, and put the readers' ratings into {tmp_path}/" in told


@pytest.mark.parametrize("name", catalogue.names(launch.experiments))
def test_every_directory_has_the_command_that_prepares_it(name):
    for variant in importlib.import_module(f"launch.experiments.{name}").VARIANTS:
        plan = load_experiment(launch.experiments, f"{name}:{variant}".rstrip(":"))
        for data_set in plan.data_sets:
            steps = data_set.missing(Path("nowhere"))
            assert set(steps) == set(data_set.directories)
            for directory, step in steps.items():
                assert directory.startswith(step.options["dataset"])
                assert step.options["data_dir"] == "nowhere"


def test_killed_rows_are_told_from_failed_ones(experiment, tmp_path, monkeypatch):
    monkeypatch.setattr(experiment_rows, "_run", lambda command: (-9, "epoch 1"))
    outcomes, _ = run(experiment, tmp_path, ["U-Net"])
    assert outcomes[0].reason == "killed by signal 9 (out of memory?)"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_a_shrunk_table_is_trained_and_reported(experiment, tmp_path):
    names = ["U-Net", "CasGAN, without SR"]
    outcomes, results = run(experiment, tmp_path, names)
    assert [outcome.reason for outcome in outcomes] == ["", ""]
    rows = {row["name"]: row for row in results["tables"][0]["rows"]}
    for name in names:
        assert 0 <= rows[name]["values"]["label_dice_128"]["mean"] <= 1
        assert rows[name]["parameters"] > 0
        assert rows[name]["training"]["steps"] == [2]
        assert rows[name]["initial_weights"] == "random"
        assert (tmp_path / rows[name]["worst"]).is_file()
    page = (tmp_path / "report.html").read_text()
    assert "CasGAN, without SR" in page and "0.831" in page


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_classical_methods_are_rows_like_any_other(discs, tmp_path):
    table = load_experiment(launch.experiments, "table3:quick")
    data_set = DataSet(f"{discs.parent.name}/{discs.name}", (prepares("discs"),), "discs")
    table = dataclasses.replace(table, data_sets=(data_set,), fields=SHRUNK)
    names = ["Graph cut", "Deep prior + graph cut"]
    outcomes, results = run((table, discs.parents[1]), tmp_path, names)
    assert [outcome.reason for outcome in outcomes] == ["", "", ""]  # U-Net, the prior, is between
    rows = {row["name"]: row for row in results["tables"][0]["rows"]}
    for name in names:
        assert rows[name]["inference_images_per_second"] > 0
        assert rows[name]["images_per_second"] is None and rows[name]["parameters"] is None
        assert (tmp_path / rows[name]["worst"]).is_file()
    assert rows["Graph cut"]["values"]["consensus_dice"]["mean"] > 0.7
    assert rows["U-Net"]["inference_images_per_second"] is None
    assert "images/s, inference" in (tmp_path / "report.md").read_text()


def test_help_lists_the_experiments():
    command = [sys.executable, "-m", "launch.experiment", "--config=help"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert all(name in found for name in catalogue.names(launch.experiments))


def test_cases_are_chosen_by_rank():
    values = {("p", f"{i}"): i / 10 for i in range(11)}
    assert evenly_ranked(values, 3) == ["10", "5", "0"]
    assert evenly_ranked(values, 99) == [f"{i}" for i in range(10, -1, -1)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_a_figure_draws_its_tables_rows(experiment, tmp_path):
    table, data_dir = experiment
    (row,) = table.chosen(["CasGAN, without SR"])
    row = dataclasses.replace(row, fields={"data.label": "alpha", "sr": "none"})
    figure = dataclasses.replace(
        load_experiment(launch.experiments, "figure7:quick"),
        rows=(row,),
        data_sets=table.data_sets,
        fields=SHRUNK,
    )
    outcomes, results = run((figure, data_dir), tmp_path / "figure7-quick")
    assert [outcome.reason for outcome in outcomes] == [""]
    assert list(tmp_path.glob("table2-quick/*/*/seed-0/row.json"))
    (picture,) = results["pictures"]
    assert (tmp_path / "figure7-quick" / picture["file"]).stat().st_size > 1000
    assert picture["title"] in (tmp_path / "figure7-quick" / "report.html").read_text()
    # The table finds the row there, and has readers and network with each other.
    table = dataclasses.replace(
        load_experiment(launch.experiments, "table2:quick"), rows=(row,), fields=SHRUNK
    )
    table = dataclasses.replace(table, data_sets=figure.data_sets)
    (outcome,), results = run((table, data_dir), tmp_path / "table2-quick")
    assert outcome.seconds == outcomes[0].seconds
    (measured,) = results["tables"][0]["rows"]
    agreement = measured["agreement"]
    assert agreement["names"][-2:] == ["consensus", "network"]
    dice = measured["values"]["consensus_dice"]["mean"]
    assert agreement["dice"][5][4] == pytest.approx(dice, abs=1e-4)
    human = measured["values"]["human_dice"]["mean"]
    assert sum(agreement["others"]) / 4 == pytest.approx(human, abs=1e-4)
    assert "0.863" in (tmp_path / "table2-quick" / "report.md").read_text()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_a_shrunk_table_4_gives_a_system_the_soft_masks_of_another(experiment, tmp_path):
    table, data_dir = experiment
    plan = dataclasses.replace(
        load_experiment(launch.experiments, "table4:quick"), data_sets=table.data_sets
    )
    plan = dataclasses.replace(plan, fields=SHRUNK | {"data.scale": "1"})
    outcomes, results = run((plan, data_dir), tmp_path, ["CasGAN++"])
    assert [outcome.reason for outcome in outcomes] == ["", ""]
    rows = {row["name"]: row for row in results["tables"][0]["rows"]}
    assert 0 <= rows["CasGAN++"]["values"]["consensus_acc"]["mean"] <= 1
    assert rows["CasGAN, soft"]["status"] == "done" and rows["CE-Net"]["status"] == "not run"
