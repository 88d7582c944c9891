"""Checksums of what a data set was made from."""

import hashlib
import subprocess
from pathlib import Path

import pytest
import tensorflow_datasets as tfds

from datasets.base import prepare
from datasets.checksums import checksums, listing
from datasets.outcomes import SOURCES_FILE
from datasets.task import Task
from tests.datasets.toy import Toy


class ToyOfFiles(Toy, skip_registration=True):
    """Toys that say they were made from files."""

    name = "toy_of_files"
    MANUAL_DOWNLOAD_INSTRUCTIONS = "name a folder"

    def tasks(self, manual_dir):
        self.note_source(manual_dir / "table.csv")
        files = (manual_dir / "b" / "image", manual_dir / "none")
        return [Task(*task[:3], files) for task in super().tasks(manual_dir)]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "source" / "b").mkdir(parents=True)
    (tmp_path / "source" / "table.csv").write_text("a,b\n")
    (tmp_path / "source" / "b" / "image").write_bytes(b"\0" * 9)
    return tmp_path / "source"


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1])
def test_sums_lie_beside_the_records(folder, tmp_path, workers):
    path = prepare(
        ToyOfFiles, tmp_path / "data", manual_dir=folder, workers=workers, show_progress=False
    ).path
    listed = (path / SOURCES_FILE).read_text()
    assert [line.split("  ")[1] for line in listed.splitlines()] == ["b/image", "table.csv"]
    checked = subprocess.run(["sha256sum", "--check", path / SOURCES_FILE], cwd=folder)
    assert checked.returncode == 0
    metadata = tfds.builder_from_directory(path).info.metadata
    digest = hashlib.sha256(listed.encode()).hexdigest()
    assert metadata["sources"] == {"files": 2, "sha256": digest}


def test_a_file_that_changes_has_another_sum(folder):
    path = folder / "table.csv"
    first = checksums([path, folder / "none", folder])
    assert first == {str(path): hashlib.sha256(b"a,b\n").hexdigest()}
    path.write_text("a,b,c\n")
    assert checksums([path]) == {str(path): hashlib.sha256(b"a,b,c\n").hexdigest()}


def test_listing_does_not_depend_on_order_or_place():
    there = {"/there/b/image": "2", "/there/a": "1"}
    elsewhere = {"/elsewhere/a": "1", "/elsewhere/b/image": "2"}
    expected = "1  a\n2  b/image\n"
    assert listing(there, Path("/there")) == listing(elsewhere, Path("/elsewhere")) == expected
