"""Systems beside each other, with ones whose masks are known in place of trained networks."""

import dataclasses
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from casgan_jax.records.identity import hashed, patients
from casgan_jax.workdir.trained_on import TrainedOn
from launch.benchmarks import quality
from launch.benchmarks.peers import ours, tasks
from launch.benchmarks.peers.tasks import LIDC, PACKAGE, Task, among
from launch.benchmarks.peers.trained import Point, Trained, steps_within
from tests.faults import fault_of

pytestmark = pytest.mark.slow

PATCH = 32


class GreyIsAlpha:
    """Takes grey level for alpha, as bright as it is told."""

    patch, scale, mark_kinds, axis_share, threshold = PATCH, 1, (), 0.0, 0.5
    neighbours = 0

    def __init__(self, gain):
        self.gain = gain

    def __call__(self, patches):
        return {"alpha": (self.gain * patches).clip(0, 1)}


def stand_in(gain, calls):
    def train(data, folder, seconds):
        calls.append(str(folder))
        curve = (Point(1.0, 0.5), Point(seconds, 0.8))
        return Trained(GreyIsAlpha(gain), seconds, 7, curve)

    return train


@pytest.fixture
def task():
    calls = []
    systems = {"Good": stand_in(1.1, calls), "Poor": stand_in(0.72, calls)}
    made = Task(
        name="lidc",
        systems=systems,
        folded=True,
        population="four_readers",
        columns=LIDC.columns,
        is_clicked=True,
        kinds=("a", "b"),
        kind_of=lambda record, window: "a" if record["image"].max() > 180 else "b",
        sizes={"small": (0, 40), "large": (41, np.inf)},
    )
    return made, calls


def options(discs, workdir):
    return SimpleNamespace(
        data_dir=str(discs),
        isbi_dir=None,
        workdir=str(workdir),
        seconds=3.0,
        folds=3,
        first_folds=2,
        peers=[],
    )


def test_rows_of_folds_of_all_folds_and_the_difference(task, discs, tmp_path, monkeypatch):
    made, calls = task
    monkeypatch.setattr(quality, "LIDC", made)
    *rows, summary = quality.run(options(discs, tmp_path))
    of_folds, of_all = rows[:4], rows[4:]
    assert [(row["fold"], row["system"]) for row in of_folds] == [
        (0, "Good"),
        (0, "Poor"),
        (1, "Good"),
        (1, "Poor"),
    ]
    assert [row["system"] for row in of_all] == ["Good", "Poor"]
    good, poor = (float(row["dice"].split()[0]) for row in of_all)
    assert good > 0.9 > poor
    # What sees nothing of where it was clicked does as well elsewhere, as far as the patch goes.
    assert float(of_all[0]["dice_clicked_elsewhere"].split()[0]) == pytest.approx(good, abs=0.05)
    tested = sum(row["slices"] for row in of_folds if row["system"] == "Good")
    groups = [of_all[0][name] for name in ("small", "large", "a", "b") if name in of_all[0]]
    counts = [int(text.rpartition(" of ")[2]) for text in groups]
    assert sum(counts) == 2 * tested  # by size and by kind
    lidc = summary["lidc"]
    assert lidc["difference"] == pytest.approx(good - poor, abs=2e-3)
    assert lidc["low"] <= lidc["difference"] <= lidc["high"] and lidc["low"] > 0
    assert lidc["best_peer"].startswith("Poor ")
    assert summary["folds"] == "2 of 3"
    assert len(calls) == 4
    assert cv2.imread(lidc["learning_curves"]).shape[1] > 1000


def test_what_is_trained_is_kept(task, discs, tmp_path, monkeypatch):
    made, calls = task
    monkeypatch.setattr(quality, "LIDC", made)
    first = list(quality.run(options(discs, tmp_path)))
    assert list(quality.run(options(discs, tmp_path))) == first and len(calls) == 4


def test_the_network_of_the_package_beside_a_peer(task, discs, tmp_path, monkeypatch):
    made, calls = task

    def package(data, folder, seconds):
        return dataclasses.replace(
            PACKAGE.systems["network of the package"](data, folder, seconds),
            system=GreyIsAlpha(1.0),
        )

    systems = {"package": package, "Poor": made.systems["Poor"], "Good": made.systems["Good"]}
    alone = dataclasses.replace(made, systems=systems, folded=False)
    monkeypatch.setattr(quality, "PACKAGE", alone)
    asked = options(discs, tmp_path)
    asked.peers = ["Good"]
    *rows, summary = quality.run(asked, "package")
    assert [row["system"] for row in rows] == ["package", "Good"] * 2 and len(calls) == 1
    assert rows[0]["steps"] == 0 and float(rows[0]["dice"].split()[0]) > 0.5
    assert summary["lidc"]["best_peer"].startswith("Good ") and "folds" not in summary


def test_the_package_is_not_measured_on_patients_that_it_knows(discs, tmp_path, monkeypatch):
    theirs = TrainedOn("", hashed(patients(str(discs), "test")))
    monkeypatch.setattr(tasks, "of_weights", lambda facts: theirs)
    measure = PACKAGE.systems["network of the package"]
    fault = fault_of(measure, discs, tmp_path, 1.0)
    assert fault.what == "data_dir" and fault.found.startswith(f"{len(theirs.patients)} of ")


def test_no_such_peer():
    fault = fault_of(lambda: among(LIDC, ["MONAI BasicUNet", "nnU-Net"]))
    assert fault.what == "peers" and "'nnU-Net'" in fault.found and "DynUNet" in fault.expected


def test_without_data():
    asked = SimpleNamespace(data_dir=None, isbi_dir=None, peers=[])
    assert fault_of(lambda: next(quality.run(asked))).what == "data_dir"


def test_steps_that_fit_a_budget():
    assert steps_within(100.0, start=20.0, step=0.5) == 160
    assert steps_within(1.0, start=20.0, step=0.5) == 8


def test_time_of_training_is_without_validations(monkeypatch):
    monkeypatch.setattr(ours, "_clock", lambda line: line["cpu_seconds"])
    lines = [
        dict(kind="train", step=10, cpu_seconds=30.0),
        dict(kind="train", step=20, cpu_seconds=40.0),
        dict(kind="validation", step=20, cpu_seconds=65.0, dice=0.5),
        dict(kind="train", step=30, cpu_seconds=75.0),
        dict(kind="validation", step=30, cpu_seconds=99.0, dice=0.6),
    ]
    assert ours._pace(lines) == dict(start=20.0, step=1.0)  # 50 s after 30 steps
    assert ours._curve(lines) == (Point(40.0, 0.5), Point(50.0, 0.6))
