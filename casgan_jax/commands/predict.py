"""Predicts soft masks of lesions in whole images, from a mark on each.

    casgan predict --workdir=runs/softgan --input=slice.png --center=212,305 --output=out
    casgan predict --workdir=runs/softgan --table=marks.csv --output=out
    casgan predict --workdir=runs/marked --input=slice.png --recist=102,88,131,97,113,101,119,84 \\
        --output=out
    casgan predict --workdir=runs/softgan --input='scans/*.png' --table=marks.csv \\
        --output=out --hu_offset=-32768

Images are PNG, TIFF or NPY, one grey slice each. A mark is a pixel in the middle of the lesion: x
counts columns, y rows, both from 0. A table has the columns file,x,y and a line for each lesion,
its files are relative to its folder; with --input, only lines of those files count. A system that
was trained to see RECIST axes (--config=softgan:marked) takes those, too, by --recist.

What black and white mean is the training data's window, for images in Hounsfield units as much as
for 8-bit ones. An image that holds other values than the training data needs --window=LOW,HIGH in
its own values; --hu_offset is added first (-32768 for DeepLesion's 16-bit PNG files).

For every lesion, OUTPUT gets NAME_alpha.png and .npy (soft mask on the image's grid),
NAME_alpha_x4.png (the patch four times as fine), NAME_mask.png (binary, at --threshold or the one
chosen in training) and NAME_overlay.png, and one JSON line is printed. A lesion that fails gets an
error line, the others go on, and the exit status is 1.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from absl import flags

from casgan_jax.annotations.cells import recist_of
from casgan_jax.commands.entry import keep_compilations, run_main
from casgan_jax.commands.path_flag import define_multi_path, define_path
from casgan_jax.errors import UserError
from casgan_jax.inference import predict as prediction

_WORKDIR = define_path("workdir", None, "Folder of a training.")
_INPUT = define_multi_path("input", [], "Image file or glob; may be repeated.")
_CENTER = flags.DEFINE_multi_string(
    "center", [], "X,Y of the mark in pixels; one for all inputs, or repeated for each."
)
_RECIST = flags.DEFINE_multi_string(
    "recist", [], "x1,y1,...,x4,y4 of the lesion's axes in pixels, in place of --center."
)
_TABLE = define_path("table", None, "CSV of marks with the columns file,x,y.")
_OUTPUT = define_path("output", None, "Folder to write to; made if it is not there.")
_THRESHOLD = flags.DEFINE_float(
    "threshold", None, "Soft values from here on are lesion; by default the one of the training."
)
_WINDOW = flags.DEFINE_string(
    "window", None, "LOW,HIGH image values that map to 0 and 1; by default the training data's."
)
_HU_OFFSET = flags.DEFINE_float("hu_offset", 0.0, "Added to the image's values before --window.")


def run() -> None:
    """The command."""
    run_main(main)


def main(_: list[str]) -> int:
    for name, flag in (("workdir", _WORKDIR), ("output", _OUTPUT)):
        if not flag.value:
            raise UserError(
                name,
                found="none",
                expected="a folder",
                remedy="see `help`",
            )
    threshold = _THRESHOLD.value
    if threshold is not None and not 0.0 < threshold <= 1.0:
        raise UserError(
            "threshold",
            found=f"{threshold:g}",
            expected="a number in (0, 1], like 0.5",
        )
    window = prediction.parse_window(_WINDOW.value) if _WINDOW.value else None
    centres = [prediction.parse_pair("--center", text) for text in _CENTER.value]
    axes = [recist_of("--recist", text) for text in _RECIST.value]
    table = Path(_TABLE.value) if _TABLE.value else None
    if axes and (centres or table):
        raise UserError(
            "recist",
            found="beside `center` or `table`",
            expected="one of them",
            remedy="drop one",
        )
    if axes:
        jobs = prediction.plan_axes(_INPUT.value, axes)
    else:
        jobs = prediction.plan(_INPUT.value, centres, table)

    keep_compilations()
    from casgan_jax.inference.load import load_system

    cascade = load_system(_WORKDIR.value)
    failures = 0
    for outcome in prediction.run_jobs(
        cascade,
        jobs,
        Path(_OUTPUT.value),
        threshold=threshold,
        window=window,
        hu_offset=_HU_OFFSET.value,
    ):
        if isinstance(outcome, str):
            failures += 1
            print(f"error: {outcome}", file=sys.stderr)
        else:
            print(json.dumps(outcome), flush=True)
    if failures:
        print(f"{failures} of {len(jobs)} lesions failed", file=sys.stderr)
    return 1 if failures else 0
