"""`python -m launch.label` as a user types it."""

import csv
import json
import os
import shlex
import subprocess
import sys

import numpy as np
import pydicom
import pytest

from casgan_jax.dicom.web import fetch, parse_address, store
from casgan_jax.images import read_image, write_npy
from tests import orthanc
from tests.dicom import images, reports
from tests.labelling import lesions
from tests.labelling.studies import FRAME, axes_px, to_patient, write_series
from tests.launch.test_commands import ROOT, command

pytestmark = pytest.mark.slow

CENTRE, RADIUS = (90.0, 60.0), 8.0
AXES = ",".join(f"{x:g}" for x in lesions.axes(RADIUS, CENTRE))

NOBODY = "http://127.0.0.1:9/dicom-web"  # the port "discard"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An image in HU with a disc of known place, masks of it, and a table."""
    folder = tmp_path_factory.mktemp("images")
    picture = lesions.picture(RADIUS, CENTRE)
    lesions.write_image(folder / "a.png", picture)
    write_npy(folder / "hu.npy", (picture.astype(np.float32) * 5 - 1000).astype(np.int16))
    for radius in (7, 8, 9):
        lesions.write_mask(folder / f"{radius}.png", lesions.disc(radius, CENTRE))
    (folder / "lesions.csv").write_text(
        "image,recist,mask,reader_masks\n"
        f'a.png,"{AXES}",,\na.png,,8.png,\na.png,,,7.png;8.png;9.png\nb.png,,8.png,\n'
    )
    return folder


def label(folder, *arguments):
    return command("label", f"--output={folder / 'out'}", "--noprogress", *arguments)


def rows(folder):
    with (folder / "out" / "labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def check_next(said):
    """The command that is printed as the next one works as it is, in the same folder."""
    (line,) = [line for line in said.splitlines() if line.startswith("next: ")]
    no_browser = {**os.environ, "BROWSER": f"{shlex.quote(sys.executable)} -c pass %s"}
    shell = line.removeprefix("next: ").strip()
    done = subprocess.run(
        shell, shell=True, cwd=ROOT, env=no_browser, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "review: " in done.stdout


def test_one_lesion_by_its_axes(folder, tmp_path):
    done = label(
        tmp_path,
        "--input",
        str(folder / "hu.npy"),
        "--recist",
        AXES,
        "--window",
        "-1000,200",
        "--spacing_mm=0.5",
        "--hu_offset=0",
        "--key=nodule",
    )
    assert done.returncode == 0, done.stderr
    assert "1 lesion labelled, 0 of them before" in done.stdout
    check_next(done.stdout)
    (row,) = rows(tmp_path)
    assert (row["key"], row["patient"], row["window"]) == ("nodule", "hu", "-1000,200")
    assert float(row["given_long_mm"]) == 8 and abs(float(row["long_mm"]) - 8) < 0.7
    soft = read_image(tmp_path / "out" / "soft_masks" / "nodule.png")
    assert soft[60, 90] == 255 and soft[60, 110] == 0
    page = (tmp_path / "out" / "review.html").read_text()
    assert 'data-key="nodule"' in page


def test_a_table_with_a_failure_then_the_rest(folder, tmp_path):
    done = label(tmp_path, f"--table={folder / 'lesions.csv'}", "--scale=2")
    assert done.returncode == 1
    assert "error: b: " in done.stderr and "b.png: found no such file" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("1 of 4 lesions failed, ")
    assert [row["strategy"] for row in rows(tmp_path)] == ["recist", "mask", "readers", ""]
    again = label(tmp_path, f"--table={folder / 'lesions.csv'}", "--scale=2")
    assert "3 lesions labelled, 3 of them before" in again.stdout
    one = label(tmp_path, f"--input={folder / 'a.png'}", f"--mask={folder / '8.png'}")
    assert one.returncode == 0, one.stderr
    assert "has files of 3 lesions more" in one.stdout


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """CT slices, a report of two lesions on them and contours of a third."""
    folder = write_series(tmp_path_factory.mktemp("pacs") / "study", 3, step=2.5)
    ends = axes_px()
    groups = [
        reports.group(
            reports.length(reports.LONG, 24, reports.coordinates(ends[:2], f"1.2.5.{number}")),
            reports.length(reports.SHORT, 24, reports.coordinates(ends[2:], f"1.2.5.{number}")),
            name=f"L{number}",
        )
        for number in (1, 2)
    ]
    reports.write_report(folder / "sr.dcm", *groups)
    square = to_patient(ends[[0, 2, 1, 3]], 5.0)
    reports.write_contours(folder / "rt.dcm", {"GTV": [(square, None)]}, frame=FRAME)
    return folder


def test_a_study_by_one_command(study, tmp_path):
    done = label(tmp_path, f"--input={study}", "--format=nifti")
    assert done.returncode == 0, done.stderr
    assert "3 lesions labelled" in done.stdout
    found = {row["key"]: row for row in rows(tmp_path)}
    assert set(found) == {"L1", "L2", "GTV_slice-2"}
    assert [float(found[key]["given_long_mm"]) for key in ("L1", "L2")] == [24, 24]
    assert abs(float(found["L2"]["long_mm"]) - 24) < 1


def test_what_a_study_holds(study, tmp_path):
    done = label(tmp_path, f"--list={study}")
    assert done.returncode == 0, done.stderr
    assert "5       3       96 x 96  0.8 x 0.5 x 2.5  CT    whole" in done.stdout
    assert "sr.dcm       L1      24.0     24.0" in done.stdout
    assert "rt.dcm     1        GTV" in done.stdout and "3 lesions to label" in done.stdout
    found = json.loads(label(tmp_path, f"--list={study}", "--json").stdout)
    assert [one["key"] for one in found["lesions"]] == ["L1", "L2", "GTV_slice-2"]
    assert found["series"][0]["uid"] == "1.2.5" and not found["faults"]


def test_axes_in_the_patient_tell_their_slice(study, tmp_path):
    points = ",".join(f"{value:g}" for value in to_patient(axes_px(), 2.5).ravel())
    done = label(tmp_path, f"--input={study}", f"--recist={points}", "--recist_units=lps")
    assert done.returncode == 0, done.stderr
    (row,) = rows(tmp_path)
    assert (row["slice"], float(row["given_long_mm"])) == ("1", 24)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "error: --input, --table: found none"),
        (["--input=a.png", "--mask=m.png", "--recist=1"], "found --recist and --mask"),
        (["--input=a.png", "--recist=1,2,3"], "error: --recist: found '1,2,3'"),
        (["--input=a.png", "--mask=m.png", "--spacing_mm=-1"], "error: --spacing_mm: found '-1'"),
        (["--input=a.png", "--mask=m.png", "--hu_offset=nan"], "error: --hu_offset: found 'nan'"),
        (["--input=a.png", "--mask=m.png", "--key=a/b"], "error: --key: found 'a/b'"),
        (["--input=a.png", "--mask=m.png", "--threshold=2"], "error: --threshold: found 2"),
        (["--input=a.png", "--recist=1,2,3,4", "--recist_units=lps"], "error: --recist: found"),
        (["--input=a.png", "--recist=1,2,3,4", "--components"], "--components: found without"),
        (["--input=docs", "--recist_units=mm"], "error: --recist_units: found with a study"),
        (["--input=docs", "--series=4"], "error: --series: found '4', which docs does not hold"),
        (["--list=none"], "error: none: found no such folder"),
        (["--table=t.csv", "--slice=0"], "error: --slice: found with --table"),
        (["--table=t.csv"], "error: t.csv: found no such file"),
        (["--table=t.csv", "--store=https://a.b/c"], "error: --store: found with --format=png"),
        (
            ["--input=https://pacs.example/dicom-web", "--recist=1"],
            "error: --input: found https://pacs.example/dicom-web, expected https://HOST/",
        ),
        (
            [f"--input={NOBODY}/studies/1.2.3", f"--recist={AXES}"],
            f"error: --input: found no answer from {NOBODY}/studies/1.2.3 (connection refused)",
        ),
    ],
)
def test_mistakes_get_one_line_and_write_nothing(tmp_path, arguments, line):
    done = label(tmp_path, *arguments)
    assert done.returncode == 1
    assert line in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_an_interruption_says_how_to_go_on(tmp_path):
    program = (
        "import signal, os, casgan_jax.labelling.batch as batch\n"
        "batch.label_batch = lambda *_, **__: os.kill(os.getpid(), signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from casgan_jax.commands import label\n"
        "label.run()\n"
    )
    arguments = ["--input=a.png", "--mask=b.png", f"--output={tmp_path}"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 130
    assert done.stderr.startswith("label: interrupted") and "Traceback" not in done.stderr


def test_from_an_archive_and_back_by_one_command(tmp_path):
    study, series = images.TAGS["StudyInstanceUID"], images.TAGS["SeriesInstanceUID"]
    slices = [images.write_slice(tmp_path / f"{n}.dcm", n) for n in range(3)]
    with orthanc.running(tmp_path / "run", OverwriteInstances=True) as url:
        store(url, slices, progress=False)
        axes = ",".join(f"{x:g}" for x in lesions.axes(9, (30, 28)))
        arguments = [
            f"--input={url}/studies/{study}/series/{series}",
            *("--slice=1", f"--recist={axes}", "--key=nodule"),
            *("--format=png,dicom", f"--store={url}"),
        ]
        for kept in (0, 1):
            done = label(tmp_path, *arguments)
            assert done.returncode == 0, done.stderr
            assert f"1 lesion labelled, {kept} of them before" in done.stdout
            assert f"stored: 3 objects at {url}" in done.stdout
        again = fetch(parse_address(f"{url}/studies/{study}"), tmp_path / "again", ours=True)
    found = [pydicom.dcmread(path) for path in again.glob("*/*.dcm")]
    assert sorted(one.Modality for one in found) == ["CT"] * 3 + ["SEG", "SEG", "SR"]
    assert {(one.PatientID, one.StudyInstanceUID) for one in found} == {("A-7", study)}
