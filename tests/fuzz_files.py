"""Damaged headers of DICOM and NIfTI files by the thousand: each is read, or told in one line.

    python -m tests.fuzz_files --count=100000 --seconds=3000 --seed=0

Small whole files of every kind are damaged at random places, and read as labelling reads them: any
exception but `UserError`, a message of several lines, or ten CPU seconds is a failure, which
is printed with the seed that makes it again. Some of every kind are labelled into all formats, and
what is in the output folder must be whole. The test suite runs a few hundred
(`tests/test_fuzz_files.py`).
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import gzip
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydicom.dataset import Dataset

from casgan_jax.annotations import Annotation, Annotations
from casgan_jax.dicom.contours import read_contours
from casgan_jax.dicom.measurements import Found, lesions
from casgan_jax.dicom.presentation import read_presentation
from casgan_jax.dicom.report import read_report
from casgan_jax.errors import UserError
from casgan_jax.images import open_stack, read_scan
from casgan_jax.images.stack import Scan
from casgan_jax.labelling.batch import BatchOptions, label_batch
from casgan_jax.labelling.expand import lesions_of
from casgan_jax.labelling.files import FORMATS, KINDS, OBJECTS
from casgan_jax.labelling.marks import read_mask
from casgan_jax.labelling.study import read_study
from casgan_jax.labelling.study_lesions import study_lesions
from tests.dicom import reports
from tests.images.scans import HU, write_dicom, write_volume
from tests.images.segmentations import frame_group, write_segmentation
from tests.labelling.studies import axes_px, pixels, to_patient, write_series

_SECONDS = 10  # for one file
_LABELLED = 1000  # one of each kind in so many files is labelled, too
_FORMATS = ("png", "npy", "nifti", "nrrd", "mha", "nnunet")
_OF_DICOM = ("dicom", "rtstruct")
_WHOSE = {"StudyInstanceUID": "1.2.4", "PatientName": "A", "PatientBirthDate": "", "PatientSex": ""}
_NASTY = (
    b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80",
    b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0", b"-1", b"1e999", b"nan ", b"999999999", b"\\\\",
)  # fmt: skip
_EVENTS = 8  # at most, of damage to one file

Read = Callable[[Path], object]
Lesions = Callable[[Path], Annotations]


class Kind(NamedTuple):
    """Whole files of a kind, how they are read, and the lesions that they have."""

    name: str
    data: bytes
    suffix: str
    read: Read
    lesions: Lesions
    packed: bool = False


def kinds(folder: Path) -> list[Kind]:
    """Small files of every kind; the folder is for making them."""
    ends = axes_px()
    slices = write_series(folder / "study", 2, **_WHOSE)
    first, second = slices / "1.2.5-0.dcm", slices / "1.2.5-1.dcm"
    scan = read_scan(first)
    long = reports.length(reports.LONG, 24, reports.coordinates(ends[:2], "1.2.5.1"))
    short = reports.length(reports.SHORT, 24, reports.coordinates(ends[2:], "1.2.5.1"))
    spatial = reports.length(reports.LONG, 9, reports.coordinates(to_patient(ends[:2], 0), "1.2.8"))
    report = reports.write_report(
        folder / "sr.dcm", reports.group(long, short, name="a"), reports.group(spatial, uid="1.5")
    )
    around = np.concatenate([ends[[0, 2, 1, 3]], ends[:1]])
    outlines = reports.write_report(
        folder / "outlines.dcm",
        reports.group(reports.coordinates(around, "1.2.5.1"), name="a"),
        reports.group(reports.coordinates(to_patient(ends, 2), "1.2.8", kind="ELLIPSE")),
        reports.group(reports.coordinates(ends[:1], "1.2.5.1", kind="POINT"), name="b"),
    )
    area = reports.items(DisplayedAreaTopLeftHandCorner=[1, 1])
    area[0].DisplayedAreaBottomRightHandCorner = [96, 96]
    state = reports.write_state(
        folder / "pr.dcm",
        reports.graphic(ends[:2]),
        reports.graphic([[0.2, 0.2], [0.4, 0.2]], units="DISPLAY"),
        reports.graphic(around + 0.5),
        image="1.2.5.1",
        texts=[_length_text("24 mm", ends[0])],
        DisplayedAreaSelectionSequence=area,
    )
    contours = reports.write_contours(
        folder / "rt.dcm", {"A": [(to_patient(ends, 0), "1.2.5.1"), (to_patient(ends, 2), None)]}
    )
    mask = np.zeros((2, 96, 96), np.uint8)
    mask[:, 30:50, 40:60] = 1
    groups = [frame_group((-20, -30, z), 1, f"1.2.5.{z}") for z in (0, 2)]
    options = dict(spacing=[0.5, 0.8], names=("A",), FrameOfReferenceUID="1.2.8")
    binary = write_segmentation(folder / "seg.dcm", mask, groups, **options)
    shares = write_segmentation(
        folder / "share.dcm", mask, groups, kind="FRACTIONAL", MaximumFractionalValue=1, **options
    )
    frames = np.stack([pixels(size=24, centre=(12, 12)), pixels(size=24, centre=(9, 9))])
    several = write_dicom(
        folder / "frames.dcm",
        frames,
        **HU,
        PerFrameFunctionalGroupsSequence=[frame_group((0, 0, z)) for z in (0, 1)],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        PixelSpacing=[0.7, 0.7],
        SliceThickness=1,
        SeriesInstanceUID="1.2.6",
        FrameOfReferenceUID="1.2.8",
        **_WHOSE,
    )
    volume = write_volume(
        folder / "v.nii", frames.transpose(2, 1, 0) - 1024, np.diag([-0.7, -0.7, 2, 1])
    )
    read_marks = _marks_on(scan)
    reported = write_series(folder / "reported", 1, **_WHOSE)
    (reported / "sr.dcm").write_bytes(report.read_bytes())
    in_study, small = _lesions_of_study(slices), _lesion_with([5, 12, 19, 12, 12, 6, 12, 18])
    whole = _lesion_with(axes_px().ravel())
    on_image = _lesions_on(first)
    return [
        Kind("ct", first.read_bytes(), ".dcm", _read_image, whole),
        Kind("frames", several.read_bytes(), ".dcm", _read_image, small),
        Kind("report", report.read_bytes(), ".dcm", _found_by(read_report), in_study),
        Kind("outlines", outlines.read_bytes(), ".dcm", read_marks, on_image),
        Kind("state", state.read_bytes(), ".dcm", _found_by(read_presentation), in_study),
        Kind("contours", contours.read_bytes(), ".dcm", _contours_on(scan), on_image),
        Kind("segments", binary.read_bytes(), ".dcm", read_marks, on_image),
        Kind("shares", shares.read_bytes(), ".dcm", read_marks, on_image),
        Kind("nifti", volume.read_bytes(), ".nii", _read_image, small),
        Kind("packed", volume.read_bytes(), ".nii.gz", _read_image, small, packed=True),
        Kind("study", outlines.read_bytes(), ".dcm", in_study, in_study),
        Kind("headers", second.read_bytes(), ".dcm", *[_lesions_of_study(reported)] * 2),
    ]


def _length_text(words: str, place: np.ndarray) -> Dataset:
    (text,) = reports.items(UnformattedTextValue=words)
    text.AnchorPoint, text.AnchorPointAnnotationUnits = place.tolist(), "PIXEL"
    return text


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """A file with some bytes changed, most of them in its header."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, _EVENTS + 1))):
        end = len(changed) if rng.random() < 0.2 else min(len(changed), 1600)
        place = int(rng.integers(0, max(end, 1)))
        event = rng.random()
        if event < 0.5:
            changed[place : place + 1] = bytes([int(rng.integers(0, 256))])
        elif event < 0.8:
            nasty = _NASTY[int(rng.integers(len(_NASTY)))]
            changed[place : place + len(nasty)] = nasty
        elif event < 0.9:
            del changed[place : place + int(rng.integers(1, 9))]
        elif event < 0.97:
            changed[place:place] = bytes(rng.integers(0, 256, int(rng.integers(1, 9)), np.uint8))
        else:
            del changed[place:]
    return bytes(changed)


def fuzz(count: int, seed: int, seconds: float) -> tuple[collections.Counter[str], list[str]]:
    """Reads damaged files.

    Args:
      count: of files.
      seed: of the first; file k has the seed (seed, k).
      seconds: after which no more are read.

    Returns:
      How many of each kind were read, told and labelled; and the failures.
    """
    told: collections.Counter[str] = collections.Counter()
    failures: list[str] = []
    stop = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("error")
        # Of highdicom's segmentations, by Python 3.13.
        warnings.filterwarnings("ignore", "unclosed database in <sqlite3", ResourceWarning)
        found = kinds(Path(name))
        for number in range(count):
            if time.monotonic() > stop:
                break
            kind = found[number % len(found)]
            rng = np.random.default_rng((seed, number))
            path = Path(name) / f"damaged{kind.suffix}"
            data = damaged(kind.data, rng)
            path.write_bytes(gzip.compress(data, 1, mtime=0) if kind.packed else data)
            outcome = _outcome(kind.read, path)
            if number % _LABELLED < len(found) and outcome in ("read", "told"):
                outcome = _labelled(kind, path, Path(name) / "out", outcome)
            if outcome in ("read", "told", "labelled"):
                told[f"{kind.name} {outcome}"] += 1
            else:
                failures.append(f"{kind.name}, seed ({seed}, {number}): {outcome}")
    return told, failures


def _outcome(read: Read, path: Path) -> str:
    try:
        with _limited(_SECONDS):
            read(path)
    except UserError as error:
        line = str(error)
        fits = "\n" not in line and line.isprintable() and len(line) < 2000
        return "told" if fits else f"a message of several lines or too long: {line!r}"
    except Exception:
        return traceback.format_exc(limit=-6)
    return "read"


def _labelled(kind: Kind, path: Path, output: Path, outcome: str) -> str:
    """Labels the lesions of a file; the output is whole or not there."""
    try:
        with _limited(60):
            annotations = kind.lesions(path)
            of_dicom = _OF_DICOM if kind.suffix == ".dcm" else ()
            options = BatchOptions(formats=(*_FORMATS, *of_dicom))
            batch = label_batch(annotations, output, options, workers=0, progress=False)
    except UserError:  # of a study that has no lesion any more
        return outcome
    except Exception:
        return traceback.format_exc(limit=-6)
    left = {part.relative_to(output).as_posix() for part in output.rglob("*") if part.is_file()}
    files = set(KINDS) | set(OBJECTS) - {"segment"}
    named = {row[kind] for row in batch.rows for kind in files if row.get(kind)}
    keys = {row["key"] for row in batch.rows if row["status"] == "failed"}
    failed = {f"{key}{suffix}" for key in keys for suffix in FORMATS.values()}
    half = {name for name in left if name.endswith(".part") or Path(name).name in failed}
    if half | (named - left):
        return f"half-written output: {sorted(half | (named - left))}"
    return "labelled" if named else outcome


@contextlib.contextmanager
def _limited(seconds: int) -> Iterator[None]:
    """Raises after so many seconds of this process's own time: the machine may be busy."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"more than {seconds} seconds")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _read_image(path: Path) -> None:
    stack = open_stack(path)
    scan = stack.read(0)
    for volume in stack.volumes[:1]:
        volume.read((slice(0, 1), slice(0, 1), slice(0, 1)))
    assert scan.values.ndim == 2


def _marks_on(scan: Scan) -> Read:
    return lambda path: read_mask(path, scan, slice_index=None, segment=None)


def _contours_on(scan: Scan) -> Read:
    return lambda path: [one.mask(scan) for one in read_contours(path)]


def _found_by(read: Callable[[Path], Found]) -> Read:
    return lambda path: lesions(read(path).lines)


def _lesion_with(axes: Sequence[float] | np.ndarray) -> Lesions:
    def found(path: Path) -> Annotations:
        recist = np.asarray(axes, np.float32)
        one = Annotation(key="one", patient="1", image=path, slice_index=0, recist=recist)
        return Annotations((one,), ())

    return found


def _lesions_on(image: Path) -> Lesions:
    def found(path: Path) -> Annotations:
        one = Annotation(key="one", patient="1", image=image, mask=path)
        return Annotations(lesions_of(one, every_segment=True), ())

    return found


def _lesions_of_study(slices: Path) -> Lesions:
    def found(path: Path) -> Annotations:
        inside = slices / "damaged.dcm"
        inside.write_bytes(path.read_bytes())
        return study_lesions(read_study(slices))

    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    told, failures = fuzz(given.count, given.seed, given.seconds)
    for failure in failures:
        print(failure)
    for kind, count in sorted(told.items()):
        print(f"{count:8d} {kind}")
    print(f"{sum(told.values()) + len(failures)} files, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
