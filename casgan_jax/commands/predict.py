"""Predicts soft masks of lesions in whole images, from a mark on each.

    casgan predict --input=slice.dcm --center=212,305 --output=out
    casgan predict --input=slice.dcm --recist=102,88,131,97,113,101,119,84 --output=out
    casgan predict --workdir=runs/softgan --input=slice.png --center=212,305 --output=out
    casgan predict --workdir=runs/softgan --input=series --slice=40 --center=212,305 --output=out
    casgan predict --workdir=runs/softgan --input=study --output=out
    casgan predict --workdir=runs/softgan --table=marks.csv --output=out
    casgan predict --workdir=runs/softgan --input='scans/*.png' --table=marks.csv \\
        --output=out --hu_offset=-32768

Without --workdir the system that comes with the package predicts: it was trained on lung nodules in
CT, sees a click or RECIST axes, and is no medical device (casgan_jax/pretrained/marked.md).

Images are all that `label` reads: DICOM files and series, NIfTI, MetaImage, NRRD, TIFF, PNG, PGM or
NPY; of several slices --slice says which. A mark is a pixel in the middle of the lesion: x counts
columns, y rows, both from 0. A table has the columns file,x,y and a line for each lesion, its files
are relative to its folder; with --input, only lines of those files count. A table of `label`, or a
study folder with reports, segmentations or contours in it, has a mark in the middle of each lesion.
A system that was trained to see RECIST axes (--config=softgan:marked) takes those, too: by
--recist, or of such a table or study where it has them.

What black and white mean is the training data's window, for images in Hounsfield units as much as
for 8-bit ones; the network of the package stretches what is around the mark, whatever it is. An
image that holds other values than the training data needs --window=LOW,HIGH in
its own values; --hu_offset is added first (-32768 for DeepLesion's 16-bit PNG files).

A mask that has little to do with the axes that it was shown is told by a warning; axes that were
given in the other order are exchanged, which a note tells.

For every lesion, OUTPUT gets NAME_alpha.png and .npy (soft mask on the image's grid),
NAME_alpha_xR.png (the patch R times as fine, 2 or 4), NAME_mask.png (binary, at --threshold or the
one chosen in training) and NAME_overlay.png, and one JSON line is printed (docs/files.md), beside
the axes in mm where there are few lesions; --format adds volumes
and what goes into a PACS (docs/pacs.md). A lesion that fails gets an error line, the others go on,
and the exit status is 1.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
from absl import flags

from casgan_jax.annotations import read_annotations
from casgan_jax.annotations.cells import recist_of
from casgan_jax.commands.entry import error_line, keep_compilations, run_main
from casgan_jax.commands.marked_jobs import (
    Planned,
    is_lesion_table,
    plan_annotations,
    plan_slices,
    plan_study,
)
from casgan_jax.commands.path_flag import define_multi_path, define_path
from casgan_jax.commands.told import FEW, sizes
from casgan_jax.errors import UserError, counted
from casgan_jax.inference import run as predictions
from casgan_jax.inference.jobs import Point, parse_pair, parse_window, plan, plan_axes
from casgan_jax.inference.objects import ObjectsFailed
from casgan_jax.pretrained import NAME
from casgan_jax.progress import followed, say

_WORKDIR = define_path(
    "workdir", NAME, "Folder of a training, or of weights; by default those of the package."
)
_INPUT = define_multi_path("input", [], "Image file or glob; may be repeated.")
_CENTER = flags.DEFINE_multi_string(
    "center", [], "X,Y of the mark in pixels; one for all inputs, or repeated for each."
)
_RECIST = flags.DEFINE_multi_string(
    "recist", [], "x1,y1,...,x4,y4 of the lesion's axes in pixels, in place of --center."
)
_TABLE = define_path("table", None, "CSV of marks with the columns file,x,y, or one of lesions.")
_SLICE = flags.DEFINE_integer("slice", None, "Slice of --input, from 0.", lower_bound=0)
_SERIES = flags.DEFINE_string(
    "series", None, "Number or UID of the series, or its end, where --input is a folder of several."
)
_SEGMENT = flags.DEFINE_string("segment", None, "The only segment of a study, by number or name.")
_OUTPUT = define_path("output", None, "Folder to write to; made if it is not there.")
_THRESHOLD = flags.DEFINE_float(
    "threshold", None, "Soft values from here on are lesion; by default the one of the training."
)
_WINDOW = flags.DEFINE_string(
    "window",
    None,
    "LOW,HIGH image values that map to 0 and 1; by default the training data's, or for a network "
    "of stretched crops, such as the package's, the extremes around the mark.",
)
_HU_OFFSET = flags.DEFINE_float("hu_offset", 0.0, "Added to the image's values before --window.")


_FORMAT = flags.DEFINE_list(
    "format",
    [],
    "Also write, several with commas between them: float32 volumes where the image lies, nifti, "
    "nrrd, mha; hard masks as nnunet writes its own; of DICOM images dicom (soft and binary SEG, "
    "SR) and rtstruct, one set a series.",
)


def run() -> None:
    """The command."""
    run_main(main)


def main(_: list[str]) -> int:
    workdir, output = _folder("workdir", _WORKDIR.value), _folder("output", _OUTPUT.value)
    threshold = _THRESHOLD.value
    if threshold is not None and not 0.0 < threshold <= 1.0:
        raise UserError(
            "threshold",
            found=f"{threshold:g}",
            expected="a number in (0, 1], like 0.5",
        )
    window = parse_window(_WINDOW.value) if _WINDOW.value else None
    centres = [parse_pair("--center", text) for text in _CENTER.value]
    axes = [recist_of("--recist", text) for text in _RECIST.value]
    planned = _plan_axes(axes, centres) if axes else _plan(centres)

    keep_compilations()
    from casgan_jax.inference.load import load_system

    system = load_system(workdir)
    if not axes:
        planned = planned.shown_to(system.mark_kinds)
    failures = len(planned.failures)
    for line in planned.failures:
        print(f"error: {line}", file=sys.stderr)
    for outcome in predictions.run_jobs(
        system,
        followed(planned.jobs, "predict", total=len(planned.jobs), unit="lesion", passing=True),
        output,
        threshold=threshold,
        window=window,
        hu_offset=_HU_OFFSET.value,
        formats=tuple(_FORMAT.value),
    ):
        if isinstance(outcome, predictions.Failed | ObjectsFailed):
            failures += 1
            print(f"error: {outcome.place}: {error_line(outcome.reason)}", file=sys.stderr)
        else:
            say(json.dumps(outcome.as_json()), sys.stdout)
            if isinstance(outcome, predictions.Predicted):
                _tell(outcome, sized=len(planned.jobs) <= FEW)
    if failures:
        total = len(planned.jobs) + len(planned.failures)
        print(f"{failures} of {counted(total, 'lesion')} failed", file=sys.stderr)
    return 1 if failures else 0


def _tell(done: predictions.Predicted, *, sized: bool) -> None:
    """What a reader is told of a lesion beside its line of JSON, its sizes if asked."""
    name, written = done.job.name, done.written
    for note in done.job.notes:
        print(f"note: {name}: {note}", file=sys.stderr)
    if sized:
        told = sizes(done.as_json())
        print(f"{name}: {told}, certainty {written.certainty:.2f}", file=sys.stderr)
    if written.warning:
        print(f"warning: {name}: {written.warning}", file=sys.stderr)


def _folder(name: str, value: str | None) -> Path:
    if not value:
        raise UserError(name, found="none", expected="a folder", remedy="see `help`")
    return Path(value)


def _plan_axes(axes: list[np.ndarray], centres: list[Point]) -> Planned:
    """What to predict, by axes that are given."""
    if centres or _TABLE.value:
        raise UserError(
            "recist",
            found="beside `center` or `table`",
            expected="one of them",
            remedy="drop one",
        )
    jobs = plan_axes(_INPUT.value, axes)
    return plan_slices(jobs, _SERIES.value, _SLICE.value)


def _plan(centres: list[Point]) -> Planned:
    """What to predict, by the marks that are given or those of a table or a study."""
    table = Path(_TABLE.value) if _TABLE.value else None
    if table is not None and is_lesion_table(table):
        if _INPUT.value or centres:
            raise UserError(
                "table",
                found="lesions, beside `input` or `center`",
                expected="one of them",
                remedy="drop one",
            )
        return plan_annotations(read_annotations(table))
    if len(_INPUT.value) == 1 and os.path.isdir(_INPUT.value[0]) and not (centres or table):
        study = Path(_INPUT.value[0])
        return plan_study(study, _SERIES.value, _SEGMENT.value, _SLICE.value)
    jobs = plan(_INPUT.value, centres, table)
    return plan_slices(jobs, _SERIES.value, _SLICE.value)
