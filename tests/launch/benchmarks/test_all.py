"""Every suite in a process of its own: what fails or takes too long stops no other."""

import json
import sys
from types import SimpleNamespace

import pytest

from launch.benchmarks import all as all_suite
from launch.benchmarks.running import suites
from tests.faults import fault_of

pytestmark = pytest.mark.slow

PROGRAMS = {
    "matting": 'print(\'{"row": 1}\'); print(\'{"suite": "matting", "speed": 3}\')',
    "train": "import sys; print('{\"row\": 1}'); sys.exit('error: torch: found none')",
    "predict": "import time; print('{\"row\": 1}', flush=True); time.sleep(60)",
    "volume": 'print(\'{"suite": "volume"}\')',
}


@pytest.fixture
def options(tmp_path, monkeypatch):
    def command(suite, options, folder):
        return [sys.executable, "-c", PROGRAMS.get(suite, 'print(\'{"suite": "annotate"}\')')]

    monkeypatch.setattr(all_suite, "_command", command)
    return SimpleNamespace(
        output=str(tmp_path / "out"), data_dir=None, volume_dir="given", suite_seconds=2.0
    )


def test_every_suite_is_known():
    assert set(all_suite.SUITES) == set(suites()) - {"all"}


def test_others_go_on_where_one_fails(options, tmp_path):
    *rows, summary = all_suite.run(options)
    status = {row["measured"]: row["status"] for row in rows}
    assert status == {
        "matting": "done",
        "train": "failed: error: torch: found none",
        "predict": "failed: took more than 2 s",
        "input": "left out: no data_dir",
        "volume": "done",
        "marks": "left out: no data_dir",
        "label": "left out: no data_dir",
        "annotate": "done",
        "quality": "left out: no data_dir",
    }
    assert rows[0]["summary"] == {"suite": "matting", "speed": 3}
    assert (tmp_path / "out" / "predict.jsonl").read_text() == '{"row": 1}\n'
    assert summary["done"] == 3 and summary["suites"] == 9


def test_it_goes_on(options, monkeypatch):
    list(all_suite.run(options))
    monkeypatch.setitem(PROGRAMS, "matting", "import sys; sys.exit(1)")
    first = next(all_suite.run(options))
    assert first["status"] == "done" and first["before"]


def test_a_suite_is_asked_with_the_options_that_were_given(tmp_path):
    options = SimpleNamespace(
        **dict.fromkeys((*all_suite._PASSED, *all_suite._PATHS, "workdir")),
    )
    options.data_dir, options.seconds = "data/lidc", 300.0
    marks = all_suite._command("marks", options, tmp_path)
    assert marks[1:3] == ["-m", "launch.benchmark"]
    assert set(marks[3:]) == {
        "--suite=marks",
        "--data_dir=data/lidc",
        "--seconds=300.0",
        "--workdir=pretrained",
    }
    assert f"--workdir={tmp_path / 'quality'}" in all_suite._command("quality", options, tmp_path)


def test_a_folder_must_be_named():
    assert fault_of(lambda: next(all_suite.run(SimpleNamespace(output=None)))).what == "output"


def test_a_cut_off_line_is_no_summary(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"suite": "a"})[:-2])
    assert all_suite._summary("a", tmp_path / "a.jsonl") is None
