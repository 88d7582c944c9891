"""Lesions of whole images, one after the other: read, predicted, written."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from casgan_jax.annotations import Annotation
from casgan_jax.dicom.finding import Finding
from casgan_jax.dicom.objects import KINDS_OF_FORMATS
from casgan_jax.errors import UserError
from casgan_jax.files import make_folder
from casgan_jax.grid import normalise
from casgan_jax.images import read_scan
from casgan_jax.images.stack import Scan
from casgan_jax.inference.beside import SlicesBeside
from casgan_jax.inference.jobs import Job
from casgan_jax.inference.levels import levels_of, trained_window
from casgan_jax.inference.objects import (
    ObjectsFailed,
    ObjectsWritten,
    predicted_finding,
    write_findings,
)
from casgan_jax.inference.predict import predict
from casgan_jax.inference.volumes import check_formats, write_volumes
from casgan_jax.inference.written import Written, write_prediction
from casgan_jax.json_form import to_json
from casgan_jax.labelling.files import diameters
from casgan_jax.soft_mask.recist import EXCHANGED, longer_first, slips

if TYPE_CHECKING:  # so that a command that only shows its help needs no JAX
    from casgan_jax.inference.load import LoadedSystem

LARGEST_OFFSET = 1e6  # far beyond the offsets between stored values and Hounsfield units


class Predicted(NamedTuple):
    """A job that is done.

    Attributes:
      job: its axes in order, its spacing as far as it is known.
      window: the source values that were 0 and 1.
      written: what was written.
    """

    job: Job
    window: tuple[float, float]
    written: Written

    def as_json(self) -> dict[str, Any]:
        """One object of all that is worth telling; sizes are named as labelling names them."""
        job, spacing = self.job, self.job.spacing_mm
        told: dict[str, Any] = {"file": str(job.file), "center": list(job.centre)}
        if job.recist is not None:
            told["recist"] = np.round(job.recist.astype(np.float64), 4).tolist()
        told |= {"window": list(self.window), **to_json(self.written)}
        sizes: dict[str, float] = {}
        if job.recist is not None:
            sizes |= diameters("given_", job.recist, spacing)
        if self.written.measured_recist is not None:
            sizes |= diameters("", np.array(self.written.measured_recist), spacing)
        if spacing is not None:
            told["spacing_mm"] = list(spacing)
            sizes["area_mm2"] = self.written.area_px * spacing[0] * spacing[1]
        told |= {name: round(size, 2) for name, size in sizes.items()}
        return told | ({"note": "; ".join(job.notes)} if job.notes else {})


class Failed(NamedTuple):
    """A job that could not be done."""

    job: Job
    error: UserError

    @property
    def place(self) -> str:
        """The file and the mark, in words."""
        x, y = self.job.centre
        return f"{self.job.file} at {x:g},{y:g}"

    @property
    def reason(self) -> UserError:
        """The error beside the place: one of the file itself does not name it again."""
        reason = self.error.within("")
        if reason.what == str(self.job.file):
            reason.what = ""
        return reason


def run_jobs(
    system: LoadedSystem,
    jobs: Iterable[Job],
    output: Path,
    *,
    threshold: float | None = None,
    window: tuple[float, float] | None = None,
    hu_offset: float = 0.0,
    formats: Collection[str] = (),
) -> Iterator[Predicted | Failed | ObjectsWritten | ObjectsFailed]:
    """Reads, predicts and writes every job.

    Args:
      system: of `casgan_jax.inference.load.load_system`.
      jobs: of `plan`.
      output: folder, made if it is not there.
      threshold: of the binary mask; the system's by default.
      window: see `levels_of`.
      hu_offset: added to the images' values first.
      formats: of `casgan_jax.inference.volumes`, beside what is always written.

    Yields:
      What was written for every job, in order, or why it failed; in the end the same of each series
      of images whose objects were written.

    Raises:
      UserError: the output folder cannot be made, `hu_offset` is no offset, or `formats` are none.
    """
    if not abs(hu_offset) <= LARGEST_OFFSET:
        raise UserError(
            "hu_offset",
            found=f"{hu_offset:g}",
            expected=f"a number in [-{LARGEST_OFFSET:g}, {LARGEST_OFFSET:g}]",
            remedy="DeepLesion's files need -32768",
        )
    check_formats(formats)
    make_folder(output, field="output")
    threshold = system.threshold if threshold is None else threshold
    trained = trained_window(system) if window is None else window
    beside = SlicesBeside(system)
    findings: list[Finding] = []
    for job in jobs:
        try:
            scan = read_scan(job.file, slice_index=job.slice_index)
            job = _in_order(job, scan)
            recist = None if job.recist is None else longer_first(job.recist)
            image = _values(job, scan, hu_offset)
            levels = levels_of(system, image, job.centre, trained=trained, given=window)
            place = _place(job, hu_offset)
            slices = beside.shown(place, job.centre, trained=trained, given=window)
            prediction = predict(
                system,
                image,
                job.centre,
                window=levels,
                recist=recist,
                neighbours=slices,
            ).as_stored()
            if KINDS_OF_FORMATS.keys() & set(formats):
                findings.append(predicted_finding(job.name, scan, prediction, threshold))
            written = write_prediction(
                output,
                job.name,
                normalise(image, levels),
                prediction,
                threshold=threshold,
                recist=recist,
            )
            alpha = prediction.alpha
            more = write_volumes(output, job.name, alpha, scan, formats, threshold)
            written = written._replace(files=(*written.files, *map(str, more)))
        except UserError as error:
            yield Failed(job, error)
        else:
            yield Predicted(job, levels, written)
    yield from write_findings(output, findings, formats)


def _in_order(job: Job, scan: Scan) -> Job:
    """The job with the spacing that is known, and that axis first which is longer in mm; systems
    are shown that one first which is longer in pixels."""
    spacing = job.spacing_mm or scan.spacing_mm
    job = job._replace(spacing_mm=spacing)
    if job.recist is None:
        return job
    ordered = longer_first(job.recist, spacing or (1.0, 1.0))
    notes = (*job.notes, *((EXCHANGED,) if ordered is not job.recist else ()))
    return job._replace(recist=ordered, notes=(*notes, *slips(ordered, scan.values.shape)))


def _place(job: Job, hu_offset: float) -> Annotation:
    """Where a job's slice is, and what makes its values HU."""
    return Annotation(
        key=job.name,
        patient="",
        image=job.file,
        slice_index=job.slice_index,
        hu_offset=job.hu_offset or hu_offset or None,
    )


def _values(job: Job, scan: Scan, hu_offset: float) -> np.ndarray:
    """The values of a job's slice, with its own offset or else the one for all."""
    offset = job.hu_offset or hu_offset
    if not offset:
        return scan.values
    if scan.unit == "HU":
        raise UserError(
            "hu_offset",
            found=f"{offset:g} for an image that is in HU already",
            expected="none",
            remedy="leave it out",
        )
    return scan.values.astype(np.float32) + np.float32(offset)
