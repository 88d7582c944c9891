"""`python -m launch.build` as a user runs it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from casgan_jax.images import write_png
from datasets import build as data_build
from datasets import catalogue
from datasets.samples import samples_sheet
from tests.datasets.trees import (
    disc,
    nodule,
    write_deeplesion_slice,
    write_lidc_slice,
    write_lidc_tree,
)
from tests.faults import fault_of

ROOT = Path(__file__).parents[2]


def run(*arguments):
    command = [sys.executable, "-m", "launch.build", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_lidc_end_to_end(tmp_path):
    tree = write_lidc_tree(tmp_path / "tree")
    far = [disc(4, (50, 64)), disc(4, (70, 64))]
    write_lidc_slice(tree, "LIDC-IDRI-0001/nodule-1/slice-0", nodule(4, 9), far)
    (tree / "LIDC-IDRI-0002" / "nodule-0" / "images" / "slice-1.png").write_bytes(b"torn")
    flags = ["--dataset=lidc", f"--data_dir={tmp_path / 'data'}", f"--manual_dir={tree}"]
    first = run(*flags)
    assert first.returncode == 0, first.stderr
    lines = first.stdout.splitlines()
    assert "train               2         1        1" in lines
    assert "test                1         1        1" in lines
    assert any(line.strip() == "skipped 1: empty intersection" for line in lines)
    assert any(line.strip() == "skipped 1: unreadable image" for line in lines)
    path = tmp_path / "data" / "lidc" / "x4" / "1.0.0"
    assert f"data set: {path}" in lines
    assert (path / "samples.png").is_file()
    assert lines[-1].startswith("next: ") and "-m launch.train --config=softgan" in lines[-1]
    assert "building lidc: 7 of 7 records (100%)" in first.stderr
    assert "Traceback" not in first.stderr
    again = run(*flags)
    assert again.returncode == 0
    assert again.stdout.startswith("already there")
    assert again.stdout.splitlines()[1:] == lines[1:]


@pytest.mark.slow
def test_bad_flags_get_one_line():
    for arguments, match in [
        (["--dataset=lidk"], "did you mean 'lidc'?"),
        ([], "dataset: found none, expected one of deeplesion, "),
        (["--dataset=lidc"], "manual_dir: found none"),
        (["--dataset=phantom", "--beam_options=a=b"], "beam_options: found 'a=b' and no"),
    ]:
        failed = run(*arguments)
        assert failed.returncode == 1
        assert match in failed.stderr
        assert len(failed.stderr.splitlines()) == 1


def test_beam_is_an_extra_and_has_workers_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    monkeypatch.delitem(sys.modules, "datasets.beam", raising=False)
    arguments = {"dataset": "phantom/quick", "data_dir": str(tmp_path / "data")}
    error = fault_of(data_build.build, **arguments, beam_runner="DirectRunner")
    assert (
        error.what == "beam_runner"
        and "apache_beam" in error.found
        and "casgan_jax[beam]" in error.remedy
    )
    error = fault_of(data_build.build, **arguments, beam_runner="DirectRunner", workers=2)
    assert error.what == "workers" and "beam_runner=DirectRunner" in error.found
    assert not (tmp_path / "data").exists()


def test_names_and_configs():
    assert {"deeplesion", "lidc"} <= set(catalogue.dataset_names())
    builder, config = catalogue.find_builder("lidc/x2")
    assert (builder.name, config) == ("lidc", "x2")
    error = fault_of(catalogue.find_builder, "lidc/x3")
    assert error.what == "dataset=lidc/" and error.found == "'x3'"
    assert fault_of(catalogue.find_builder, "deeplesion/x4").what == "dataset=deeplesion/x4"
    lines = catalogue.describe_datasets().splitlines()
    assert any(line.startswith("lidc ") for line in lines)
    assert any(line.startswith("  lidc/x4 ") for line in lines)
    assert all(len(line.split()) > 2 for line in lines)


def test_build_of_slices_without_labels(tmp_path):
    rng = np.random.default_rng(0)
    hu = rng.integers(-1000, 400, (512, 512)).astype(np.int16)
    write_deeplesion_slice(tmp_path / "source", "000001_01_01", "001", hu)
    path = data_build.build(
        "deeplesion", str(tmp_path / "data"), manual_dir=str(tmp_path / "source"), workers=0
    ).path
    assert "empty: no patient of this split gave a record" in data_build.summary(path)
    picture = samples_sheet(path)
    assert picture.ndim == 3 and picture.dtype == np.uint8
    write_png(tmp_path / "again.png", picture)
    assert (tmp_path / "again.png").read_bytes() == (path / "samples.png").read_bytes()
