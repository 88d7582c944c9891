"""`casgan label` in this process."""

import csv
import re

import numpy as np
import pytest
from absl import flags

from casgan_jax.images import write_png
from casgan_jax.inference.load import load_system
from datasets.phantom.marked_images import write_example
from tests.commands.loaded import loaded
from tests.dicom import published, reports
from tests.faults import fault_of

pytestmark = pytest.mark.slow


@pytest.fixture
def label(monkeypatch):
    """A function that runs the command, and returns its exit status."""
    with loaded("label") as command:
        # Those of this process stay.
        monkeypatch.setattr(command, "keep_compilations", lambda: None)

        def run(*arguments):
            flags.FLAGS(["label", *arguments])
            return command.main([])

        yield run


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
    said, told = capsys.readouterr()
    assert "3 lesions labelled" in said
    assert told.count("note: window") == 1
    assert "note: window -1000 to 400 HU (lung); --window=LOW,HIGH for another\n" in told
    assert re.search(r"^sr: [\d.]+ x [\d.]+ mm \(given 64\.[45] x 43\.0\), quality 0\.", said, re.M)
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


def test_what_the_network_is_not_sure_of_is_told(label, tmp_path, capsys):
    y, x = np.mgrid[:128, :128] // 8
    write_png(tmp_path / "board.png", ((x + y) % 2 * 255).astype(np.uint8))
    recist = "--recist=58.25,70,69.5,60,68.42,70.33,60.07,60.94"
    arguments = (f"--input={tmp_path / 'board.png'}", f"--output={tmp_path / 'labels'}", recist)
    assert label(*arguments, "--method=network", "--noprogress") == 0
    told = capsys.readouterr()
    assert re.search(r"^note: board: .* the system may not know such lesions", told.err, re.M)
    assert re.search(r"^board: .* px \(given 15\.\d x 12\.\d\), quality", told.out, re.M)


def test_the_lungs_window_is_told_of_ct_alone_and_where_none_was_named(label, tmp_path, capsys):
    table = write_example(tmp_path / "example", 2, seed=0)
    arguments = (f"--table={table}", "--noprogress")
    for more, told in (
        ((), 1),
        (("--window=-160,240",), 0),
        (("--method=network",), 0),
    ):
        output = f"--output={tmp_path / '-'.join(['out', *more]).replace('=', '')}"
        assert label(*arguments, output, *more) == 0
        assert capsys.readouterr().err.count("note: window -1000 to 400 HU (lung)") == told, more
    rows = table.read_text().splitlines()
    text = "\n".join([rows[0] + ",window", *(f'{row},"-1000,400"' for row in rows[1:])])
    table.write_text(text)
    assert label(f"--table={table}", f"--output={tmp_path / 'named'}", "--noprogress") == 0
    assert "note: window" not in capsys.readouterr().err


def test_a_table_by_the_network_of_the_package(label, tmp_path, capsys):
    table = write_example(tmp_path / "example", 2, seed=0)
    output = tmp_path / "labels"
    arguments = (f"--table={table}", f"--output={output}", "--method=network", "--noprogress")
    for kept in (0, 2):
        assert label(*arguments) == 0
        assert f"2 lesions labelled, {kept} of them before" in capsys.readouterr().out
    with (output / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    threshold = load_system("pretrained").threshold
    for row in rows:
        assert row["strategy"] == "network"
        assert float(row["threshold"]) == pytest.approx(threshold, rel=1e-5)
    assert float(rows[0]["axes_agreement"]) > 0.7
    error = fault_of(
        label, f"--table={table}", f"--output={output}", "--method=matting", "--workdir=x"
    )
    assert error.what == "workdir" and "method=matting" in error.found
