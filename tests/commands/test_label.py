"""`casgan label` in this process."""

import csv
import importlib
import sys

import numpy as np
import pytest
from absl import flags

from tests.dicom import published, reports


@pytest.fixture
def label(monkeypatch):
    """A function that runs the command, and returns its exit status."""
    name = "casgan_jax.commands.label"
    before = set(flags.FLAGS)
    command = importlib.import_module(name)
    monkeypatch.setattr(command, "keep_compilations", lambda: None)  # those of this process stay
    made = sorted(set(flags.FLAGS) - before)

    def run(*arguments):
        flags.FLAGS(["label", *arguments])
        return command.main([])

    yield run
    for flag in made:  # other commands have flags of the same names
        delattr(flags.FLAGS, flag)
    del sys.modules[name]


def disc_axes(radius):
    """(4, 2) both axes of a smaller disc within the published one's."""
    x, y = published.CENTRE
    return np.array([[x - radius, y], [x + radius, y], [x, y - radius], [x, y + radius]], float)


def test_all_measurements_of_a_published_study_by_one_command(label, tmp_path, capsys):
    study, output = tmp_path / "study", tmp_path / "labels"
    study.mkdir()
    first, _, third = published.write_study(study)
    ends = disc_axes(published.RADIUS)
    groups = [
        reports.group(
            reports.length(reports.LONG, None, reports.coordinates(ends[:2], uid)),
            reports.length(reports.SHORT, None, reports.coordinates(ends[2:], uid)),
            name=name,
        )
        for name, uid in (("above", third), ("below", first))
    ]
    reports.write_report(study / "more.dcm", *groups)
    assert label(f"--input={study}", f"--output={output}", "--noprogress") == 0
    assert "3 lesions labelled" in capsys.readouterr().out
    with (output / "labels.csv").open(newline="") as file:
        rows = {row["key"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"sr", "above", "below"}
    assert [rows[key]["image"][-5] for key in ("below", "sr", "above")] == ["0", "1", "2"]
    assert float(rows["sr"]["given_long_mm"]) == pytest.approx(published.LONG_MM, abs=0.01)
    assert float(rows["sr"]["given_short_mm"]) == pytest.approx(published.SHORT_MM, abs=0.01)
    for key, row in rows.items():
        assert (row["status"], row["patient"]) == ("labelled", "PD-1-Lung-00018")
        assert (output / row["soft_mask"]).is_file()
        if key != "sr":
            found = sorted(float(row[name]) for name in ("long_mm", "short_mm"))
            across, down = 2 * published.RADIUS * np.sort(published.SPACING)
            assert found == pytest.approx([across, down], abs=1)
