"""The lesions that the flags of `casgan label` for one --input describe: an image with a mark, an
image with a mask of many, a study."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from absl import flags

from casgan_jax.annotations import Annotation, Annotations, cells
from casgan_jax.annotations.axes import UNITS, axes_of, units_of
from casgan_jax.annotations.readers import readers_of
from casgan_jax.annotations.table import check_key, default_key
from casgan_jax.commands.path_flag import define_path, define_paths
from casgan_jax.errors import Interrupted, UserError

INPUT = define_path(
    "input",
    None,
    "Image of one lesion, folder of a DICOM series or study, or URL of one of those by DICOMweb.",
)
SERIES = flags.DEFINE_string(
    "series", None, "Number or UID of the series, or its end, where --input or --list has several."
)
_RECIST = flags.DEFINE_string(
    "recist", None, "x1,y1,...,x4,y4 of the lesion of --input; x1,y1,x2,y2 is a long axis alone."
)
_RECIST_UNITS = flags.DEFINE_enum(
    "recist_units",
    None,
    UNITS,
    "Of --recist: pixel (the default), mm from the first one, or x,y,z of each end in the patient.",
)
_MASK = define_path("mask", None, "Binary mask of the lesion of --input, SEG or RTSTRUCT.")
_READER_MASKS = define_paths("reader_masks", None, "Masks of readers of --input.")
_SLICE = flags.DEFINE_integer("slice", None, "Slice of --input, from 0.", lower_bound=0)
_SEGMENT = flags.DEFINE_string(
    "segment",
    None,
    "Which mark of a mask with several is the lesion's: its value, or its number or name in SEG, "
    "RTSTRUCT or SR; all: a lesion each. Of --reader_masks one for all files, or one a reader with "
    "commas between them; all: each mark of the file is a reader's.",
)
COMPONENTS = flags.DEFINE_bool(
    "components", False, "A lesion for each connected part of the mask of --input."
)
SPACING = flags.DEFINE_string(
    "spacing_mm", None, "Side of a pixel of --input, or ROW,COLUMN; by default what the file says."
)
_HU_OFFSET = flags.DEFINE_string(
    "hu_offset", None, "Added to the values of --input it gives HU (-32768 for DeepLesion's PNG)."
)
_KEY = flags.DEFINE_string(
    "key", None, "Name of the lesion of --input and of its files; by default the image's."
)
_OF_MARKS = (_RECIST, _MASK, _READER_MASKS)
_OF_INPUT = (SERIES, _RECIST_UNITS, _SLICE, _SEGMENT, COMPONENTS, SPACING, _HU_OFFSET, _KEY)
_EVERY = "all"  # of --segment


def check_without_input() -> None:
    """Refuses flags that describe the lesion of an --input, for lesions of a table.

    Raises:
      UserError: one is given.
    """
    for flag in (*_OF_MARKS, *_OF_INPUT):
        if flag.value is not None and flag.value is not False:
            raise UserError(
                flag.name,
                found="with `table`",
                expected="with `input`",
                remedy="give it in the table's columns",
            )


def lesions_of_input(output: Path, *, progress: bool) -> Annotations:
    """The lesion of --input, those of a mask of it, or those of a study.

    Args:
      output: folder that gets what is fetched.
      progress: whether to show how far fetching is.

    Raises:
      UserError: flags that do not go together, or nothing that can be read.
      Interrupted: fetching was.
    """
    image = _image(INPUT.value or "", output, progress=progress)
    every = _SEGMENT.value == _EVERY
    if os.path.isdir(image) and not any(flag.value for flag in _OF_MARKS):
        for flag in (_RECIST_UNITS, _KEY, SPACING, _HU_OFFSET):
            if flag.value is not None:
                raise UserError(
                    flag.name,
                    found="with a study",
                    expected="with `recist`, `mask` or `reader_masks`",
                    remedy="leave it out",
                )
        from casgan_jax.labelling.study import read_study
        from casgan_jax.labelling.study_lesions import study_lesions

        study = read_study(image)
        for line in study.skipped:
            print(f"note: {line}", file=sys.stderr)
        return study_lesions(
            study,
            series=SERIES.value,
            segment=None if every else _SEGMENT.value,
            slice_index=_SLICE.value,
            components=COMPONENTS.value,
        )
    one = _one_lesion(image)
    if one.mask is None:
        every = every and not one.reader_masks
        for name, value in (("components", COMPONENTS.value), ("segment", every)):
            if value:
                raise UserError(
                    name, found="without `mask`", expected="with it", remedy="leave it out"
                )
        return Annotations((one,), ())
    if not (image.exists() and one.mask.exists()):  # told of the lesion, as if it were in a table
        return Annotations((one,), ())
    from casgan_jax.labelling.expand import lesions_of

    found = lesions_of(one, every_segment=every, components=COMPONENTS.value)
    return Annotations(found, ())


def _image(given: str, output: Path, *, progress: bool) -> Path:
    """The image, fetched first where it is a URL."""
    from casgan_jax.dicom.web import fetch, is_address, parse_address

    if not is_address(given):
        return Path(given)
    address = parse_address(given)
    folder = output / "source" / address.study
    try:
        return fetch(address, folder, progress=progress)
    except KeyboardInterrupt:
        raise Interrupted(
            "label: interrupted; what was fetched is kept, the same command does the rest",
            signal.SIGINT,
        ) from None


def _one_lesion(image: Path) -> Annotation:
    marks = [flag.name for flag in _OF_MARKS if flag.value]
    if len(marks) != 1:
        raise UserError(
            "input",
            found=f"{' and '.join(f'--{name}' for name in marks) or 'no marks'}",
            expected="one of `recist`, `mask`, `reader_masks`",
            remedy="see `help`",
        )
    index = "" if _SLICE.value is None else str(_SLICE.value)
    units = units_of("--recist_units", _RECIST_UNITS.value or "")
    axes = axes_of("--recist", _RECIST.value, units) if _RECIST.value else {}
    return Annotation(
        key=check_key(_KEY.value or default_key(image.name, index)),
        patient=default_key(image.name, ""),
        image=image,
        slice_index=_SLICE.value,
        series=SERIES.value,
        mask=Path(_MASK.value) if _MASK.value else None,
        spacing_mm=cells.spacing_of("--spacing_mm", SPACING.value or ""),
        hu_offset=cells.offset_of("--hu_offset", _HU_OFFSET.value or ""),
        **axes,
        **_segments(),
    )


def _segments() -> dict[str, Any]:
    """Which marks of masks are meant, as fields of the annotation, with those of readers."""
    every = _SEGMENT.value == _EVERY
    if not _READER_MASKS.value:
        return {"segment": None if every else _SEGMENT.value}
    files = [Path(name) for name in _READER_MASKS.value]
    named = [name.strip() for name in (_SEGMENT.value or "").split(",") if name.strip()]
    if every:
        from casgan_jax.labelling.expand import segments_of

        named = [str(one.number) for path in files for one in segments_of(path)]
    return readers_of(files, named)
