"""`casgan label --volume` and `casgan compare` in this process."""

import csv

import nibabel
import numpy as np
import pytest
from absl import flags

from tests.commands.loaded import loaded
from tests.dicom import images, reports
from tests.faults import fault_of
from tests.images.scans import write_volume
from tests.labelling.volumes import balls

AXES = ",".join(f"{x:g}" for x in balls.axes())


@pytest.fixture
def command(monkeypatch):
    """A function that runs a command with its flags, and returns its exit status."""

    def run(name, *arguments):
        with loaded(name) as found:
            if name == "label":
                monkeypatch.setattr(found, "keep_compilations", lambda: None)
            flags.FLAGS([name, *arguments])
            return found.main([])

    return run


def write_study(folder, radius, date):
    """A series of a ball, and a report with its axes."""
    balls.write_series(folder, study=date, radius=radius)
    ends = balls.axes(radius=radius).reshape(4, 2)
    image = f"{images.UID}.5.{balls.MIDDLE}"
    group = reports.group(
        reports.length(reports.LONG, None, reports.coordinates(ends[:2], image)),
        reports.length(reports.SHORT, None, reports.coordinates(ends[2:], image)),
        name="target",
        uid="1.2.77",
    )
    reports.write_report(folder / "report.dcm", group)
    return folder


@pytest.mark.slow
def test_two_studies_from_their_reports_to_a_category(command, tmp_path, capsys):
    labels = []
    for name, radius, date in (("one", 9.0, "20260101"), ("two", 6.0, "20260302")):
        study = write_study(tmp_path / name, radius, date)
        labels.append(tmp_path / f"labels-{name}")
        options = ("--volume", f"--input={study}", f"--output={labels[-1]}", "--noprogress")
        assert command("label", *options, "--format=nifti,dicom") == 0
        said = capsys.readouterr().out
        assert "target: " in said and "1 lesion labelled as volumes" in said
        assert list(labels[-1].glob("volumes/dicom/*/report.dcm"))
    output = tmp_path / "changes.csv"
    options = (f"--before={labels[0]}", f"--after={labels[1]}", f"--output={output}")
    assert command("compare", *options) is None
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == "RECIST 1.1: PR (partial response)"
    with output.open(newline="") as file:
        target, total = csv.DictReader(file)
    assert (target["lesion"], total["lesion"]) == ("target", "sum")
    assert -40 < float(target["change_%"]) < -25
    assert float(target["volume_change_%"]) < -50
    assert float(target["doubling_days"]) < 0
    command("compare", *options, "--gone=target")
    assert "CR (complete response)" in capsys.readouterr().out


def test_a_lesion_that_fails_is_told_and_the_status_is_one(command, tmp_path, capsys):
    series = balls.write_series(tmp_path / "series", 3)
    options = (f"--input={series}", "--slice=7", f"--recist={AXES}", "--noprogress")
    status = command("label", "--volume", *options, f"--output={tmp_path / 'out'}")
    assert status == 1
    assert "slice_index 7 for 3 slices" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("--scale=2", "scale"),
        ("--workers=2", "workers"),
        ("--readers_strategy=anchored", "readers_strategy"),
    ],
)
def test_what_is_of_single_slices_is_refused(command, tmp_path, option, name):
    options = ("--volume", f"--input={tmp_path}", f"--recist={AXES}", f"--output={tmp_path}")
    error = fault_of(command, "label", *options, option)
    assert error.what == name and "volume" in error.found


def test_folders_must_be_named(command):
    assert fault_of(command, "compare", "--after=there").what == "before"


@pytest.mark.slow
def test_every_value_of_a_mask_is_a_lesion_through_all_slices(command, tmp_path):
    image = balls.write_nifti(tmp_path / "a.nii.gz")
    mask = np.zeros((balls.SIDE, balls.SIDE, 13), np.uint8)
    mask[25:36, 23:34, 5:8] = 1
    mask[24:30, 50:56, 2:4] = 7
    affine = nibabel.load(image).affine
    write_volume(tmp_path / "mask.nii.gz", mask, affine)
    options = ("--volume", f"--input={image}", f"--output={tmp_path / 'out'}", "--noprogress")
    options += ("--window=-1000,400", "--segment=all")
    command("label", *options, f"--mask={tmp_path / 'mask.nii.gz'}")
    with (tmp_path / "out" / "volumes.csv").open(newline="") as file:
        rows = {row["key"]: row for row in csv.DictReader(file)}
    assert set(rows) == {"a_segment-1", "a_segment-7"}
    assert rows["a_segment-1"]["marked_slices"] == "5,6,7"
    assert 400 < float(rows["a_segment-1"]["volume_mm3"]) < balls.VOLUME
