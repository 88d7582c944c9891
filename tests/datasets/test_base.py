"""The base of all builders: counts, order, atomicity."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from casgan_jax.records.splits import SPLITS, split_of
from datasets.base import prepare
from tests.datasets import toy
from tests.datasets.toy import N_TASKS, Toy
from tests.faults import fault_of
from tests.processes import alive, wait_for

ROOT = Path(__file__).parents[2]


def build(data_dir, builder=Toy, workers=0, **options):
    return prepare(builder, data_dir, workers=workers, show_progress=False, **options)


def contents(path):
    return {p.name: p.read_bytes() for p in path.iterdir()}


def test_records_and_counts_survive_on_disk(tmp_path):
    prepared = build(tmp_path)
    assert prepared.built
    assert prepared.path == tmp_path / "toy" / "1.0.0"
    builder = tfds.builder_from_directory(prepared.path)
    good = [i for i in range(N_TASKS) if i % 10 != 3]
    for split in SPLITS:
        found = sorted(int(r["image"][0, 0]) for r in builder.as_data_source(split))
        assert found == [i for i in good if split_of(f"patient-{i // 2}") == split]
    metadata = builder.info.metadata
    assert metadata["kind"] == "super_resolution"
    assert metadata["notes"] == ["toys have no spacing"]
    assert sum(metadata["patients"].values()) == N_TASKS // 2
    assert sum(n["ends in three"] for n in metadata["skipped"].values()) == N_TASKS // 10
    with (prepared.path / "skipped.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {r["key"] for r in rows} == {"key-3", "key-13", "key-23", "key-33"}
    assert {r["detail"] for r in rows} == {"index 3", "index 13", "index 23", "index 33"}
    assert builder.info.description.startswith("Small integers.")


@pytest.mark.slow
def test_result_does_not_depend_on_the_number_of_workers(tmp_path):
    alone = contents(build(tmp_path / "0", workers=0).path)
    two = contents(build(tmp_path / "2", workers=2).path)
    assert alone == two


BUILT_ELSEWHERE = """
from tests.datasets.test_base import build
build({data_dir!r})
"""


@pytest.mark.slow
def test_another_process_writes_the_same_bytes(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    script = BUILT_ELSEWHERE.format(data_dir=str(there))
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
    assert contents(build(here).path) == contents(there / "toy" / "1.0.0")


def test_what_is_there_is_not_built_again_unless_told(tmp_path):
    path = build(tmp_path).path
    (path / "mark").touch()
    again = build(tmp_path)
    assert not again.built and (path / "mark").exists()
    assert build(tmp_path, overwrite=True).built
    assert not (path / "mark").exists()
    assert not list(tmp_path.glob(".incomplete*"))


def test_failed_overwrite_keeps_the_old_data_set(tmp_path):
    old = contents(build(tmp_path).path)
    with pytest.raises(RuntimeError, match="a bug") as caught:
        build(tmp_path, toy.toy(toy.fail_at_five), overwrite=True)
    assert caught.value.__notes__ == ["while making the record key-5"]
    assert contents(tmp_path / "toy" / "1.0.0") == old
    assert not list(tmp_path.glob(".incomplete*"))


def test_finish_adds_files_before_the_data_set_appears(tmp_path):
    def finish(path):
        assert json.loads((path / "metadata.json").read_text())["scale"] == 1
        assert not (tmp_path / "toy" / "1.0.0").exists()
        (path / "samples.png").touch()

    assert (build(tmp_path, finish=finish).path / "samples.png").exists()


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (toy.skip_all, "toy"),
        (toy.name_one_patient, "patient the same"),
    ],
)
def test_bad_sources_leave_nothing(tmp_path, function, what):
    error = fault_of(build, tmp_path, toy.toy(function), in_form=False)
    assert error.what == what
    assert [p.name for p in tmp_path.iterdir()] == [".toy.lock"]


def test_bucket_is_no_folder():
    assert fault_of(build, "gs://bucket/data").what == "data_dir"


@pytest.mark.slow
def test_worker_that_dies_is_told_in_a_line(tmp_path):
    assert fault_of(build, tmp_path, toy.toy(toy.die_at_five), workers=1).what == "worker processes"
    assert [p.name for p in tmp_path.iterdir()] == [".toy.lock"]


KILLED = """
from tests.datasets import toy
from datasets.base import prepare
if __name__ == "__main__":
    prepare(toy.toy(toy.slowly), {data_dir!r}, workers=1, show_progress=False)
"""


@pytest.mark.slow
def test_killed_build_leaves_no_data_set_and_is_run_again(tmp_path):
    data_dir, pids = tmp_path / "data", tmp_path / "pids"
    pids.mkdir()
    script = tmp_path / "build.py"
    script.write_text(KILLED.format(data_dir=str(data_dir)))
    environment = {**os.environ, "TOY_PIDS": str(pids), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, str(script)], env=environment)
    try:
        wait_for(lambda: any(pids.iterdir()), "the first record")
        assert fault_of(build, data_dir).what.endswith("/.toy.lock")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert list(data_dir.glob(".incomplete*"))
    assert not (data_dir / "toy").exists()
    wait_for(lambda: not any(alive(p.name) for p in pids.iterdir()), "the workers to end")
    assert build(data_dir).built
    assert sorted(p.name for p in data_dir.iterdir()) == [".toy.lock", "toy"]
