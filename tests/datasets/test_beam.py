"""A build with Apache Beam is the local build."""

import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from tests.faults import fault_of

pytest.importorskip("apache_beam", reason="needs the extra beam")

from datasets import build as data_build
from datasets.base import prepare
from datasets.beam import beam_run
from tests.datasets import toy
from tests.datasets.toy import Toy
from tests.datasets.trees import write_lidc_tree
from tests.processes import alive, wait_for

ROOT = Path(__file__).parents[2]
PROCESSES = ("direct_num_workers=2",)
HERE = ("direct_num_workers=1", "direct_running_mode=in_memory")


def build(data_dir, builder=Toy, options=HERE, **more):
    beam = beam_run("DirectRunner", options)
    return prepare(builder, data_dir, beam=beam, show_progress=False, **more)


def build_here(data_dir, builder=Toy):
    return prepare(builder, data_dir, workers=0, show_progress=False)


def contents(path):
    return {p.name: p.read_bytes() for p in path.iterdir()}


@pytest.fixture
def swept():
    """Beam leaves files open where a pipeline fails; they are collected in the test's own time."""
    yield
    gc.collect()


@pytest.mark.parametrize("function", [toy.make_record, toy.skip_validation])
def test_data_set_is_that_of_a_local_build(tmp_path, function):
    builder = toy.toy(function)
    here, with_beam = build_here(tmp_path / "here", builder), build(tmp_path / "beam", builder)
    assert with_beam.built
    assert contents(here.path) == contents(with_beam.path)
    assert sorted(p.name for p in (tmp_path / "beam").iterdir()) == [".toy.lock", "toy"]


def test_records_in_several_shards_are_in_the_order_of_a_local_build(tmp_path, monkeypatch):
    here = build_here(tmp_path / "here").path
    config = tfds.download.DownloadConfig
    monkeypatch.setattr(tfds.download, "DownloadConfig", lambda **k: config(num_shards=3, **k))
    with_beam = build(tmp_path / "beam").path
    assert len(list(with_beam.glob("toy-train.array_record-0000?-of-00003"))) == 3
    keys, keys_with_beam = (
        [r["key"] for r in tfds.builder_from_directory(path).as_data_source("train")]
        for path in (here, with_beam)
    )
    assert keys == keys_with_beam


def test_real_builder_with_several_processes(tmp_path):
    tree = write_lidc_tree(tmp_path / "tree")
    (tree / "LIDC-IDRI-0002" / "nodule-0" / "images" / "slice-1.png").write_bytes(b"torn")
    printed, found = [], []
    for name, how in {
        "here": {"workers": 1},
        "beam": {"beam_runner": "DirectRunner", "beam_options": PROCESSES},
    }.items():
        path = data_build.build("lidc", str(tmp_path / name), manual_dir=str(tree), **how).path
        printed.append(data_build.summary(path).replace(str(tmp_path / name), "data"))
        found.append(contents(path))
    assert printed[0] == printed[1]
    assert found[0] == found[1]
    assert {"skipped.csv", "sources.sha256", "samples.png"} <= set(found[1])


@pytest.mark.usefixtures("swept")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_failed_overwrite_keeps_the_old_data_set(tmp_path):
    old = contents(build(tmp_path).path)
    with pytest.raises(RuntimeError, match="a bug"):
        build(tmp_path, toy.toy(toy.fail_at_five), overwrite=True)
    assert (
        fault_of(build, tmp_path, toy.toy(toy.name_one_patient), overwrite=True, varies=True).what
        == "patient the same"
    )
    assert contents(tmp_path / "toy" / "1.0.0") == old
    assert not list(tmp_path.glob(".incomplete*"))


@pytest.mark.usefixtures("swept")
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
# Beam's own threads end with an error, too.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_worker_that_dies_is_told_in_a_line(tmp_path):
    # Which work was lost is told in Beam's words.
    assert (
        fault_of(build, tmp_path, toy.toy(toy.die_at_five), PROCESSES, varies=True).what
        == "beam_runner"
    )
    assert [p.name for p in tmp_path.iterdir()] == [".toy.lock"]


INTERRUPTED = """
from tests.datasets import test_beam, toy
test_beam.build({data_dir!r}, toy.toy(toy.slowly), test_beam.PROCESSES)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_build_ends_its_workers(tmp_path, number):
    data_dir, pids = tmp_path / "data", tmp_path / "pids"
    pids.mkdir()
    environment = {**os.environ, "TOY_PIDS": str(pids)}
    script = INTERRUPTED.format(data_dir=str(data_dir))
    process = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=environment)
    try:
        # The first records are made by the process itself.
        wait_for(lambda: set(os.listdir(pids)) - {str(process.pid)}, "a worker", seconds=120)
    finally:
        process.send_signal(number)
        process.wait()
    wait_for(lambda: not any(map(alive, os.listdir(pids))), "the workers to end", seconds=60)
    assert not (data_dir / "toy").exists()
    if number == signal.SIGINT:
        assert os.listdir(data_dir) == [".toy.lock"]
    else:  # nothing can be tidied up, but the next build does
        assert build_here(data_dir).built
        assert sorted(os.listdir(data_dir)) == [".toy.lock", "toy"]


@pytest.mark.parametrize(
    ("runner", "options", "what"),
    [
        ("Flonk", [], "beam_runner"),
        ("no_module.Runner", [], "beam_runner=no_module.Runner"),
        ("os.Runner", [], "beam_runner"),
        ("DirectRunner", ["direct_num_wrkers=2"], "beam_options"),
        ("DirectRunner", ["direct_num_workers=two"], "beam_options"),
        ("FlinkRunner", ["flink_version=7"], "beam_options"),
    ],
)
def test_bad_runners_and_options_get_one_line(runner, options, what):
    # Beam's words, and the names that it knows, differ by its version.
    assert fault_of(beam_run, runner, options, varies=True).what == what


def test_direct_runner_has_a_process_for_each_core():
    options = beam_run("DirectRunner", []).options.get_all_options()
    assert options["direct_running_mode"] == "multi_processing"
    assert options["direct_num_workers"] == 0  # Beam's word for all


def test_job_servers_may_have_options_that_are_not_known_here():
    run = beam_run("FlinkRunner", ["parallelism=4", "flink_conf_dir=/etc/flink"])
    assert run.options.get_all_options()["parallelism"] == 4
