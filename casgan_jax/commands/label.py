"""Turns rough marks on lesions into soft masks, and shows which ones to look at first.

    casgan label --input=scan.dcm --recist=102,88,131,97,113,101,119,84 --output=out
    casgan label --input=slice.png --mask=lesion.png --output=out
    casgan label --input=slice.png --reader_masks=a.png,b.png,c.png --output=out
    casgan label --input=series --slice=40 --mask=seg.dcm --segment=Tumour --output=out
    casgan label --input=series --slice=40 --reader_masks=rt.dcm --segment=Ann,Bob --output=out
    casgan label --input=study --output=out
    casgan label --list=study
    casgan label --table=lesions.csv --output=out
    casgan label --table=lesions.csv --output=out --method=network
    casgan label --table=DeepLesion/DL_info.csv --output=out --workers=8
    casgan label --volume --input=study --output=out --format=nifti,dicom
    casgan label --input=https://pacs/dicom-web/studies/UID/series/UID --slice=40 \\
        --recist=102,88,131,97,113,101,119,84 --output=out --format=png,dicom

Marks are two RECIST axes (x1,y1,x2,y2 of the long one, then x3,y3,x4,y4 of the short one, pixels,
the first pixel's centre being 0,0; --recist_units=mm, lps or ras says otherwise), the long axis
alone, one binary mask, or the masks of several readers. Images are DICOM, NIfTI, MetaImage, NRRD,
TIFF, PNG, PGM or NPY; of volumes, --slice says which slice, else each slice that a mask marks is a
lesion. A table has the columns of casgan_jax/annotations/table.py, or is DeepLesion's DL_info.csv
as published.

A study, which is a folder of DICOM images and of what was measured and marked on them (SR, GSPS,
SEG, RTSTRUCT, JSON of OHIF), needs neither marks nor table: every measurement is a lesion, and so
is each slice that a segment is marked on. --list shows what there is, --series chooses.

A study or a series of a DICOMweb service is fetched into OUTPUT/source, with the credentials of the
environment (DICOMWEB_TOKEN, or DICOMWEB_USER and DICOMWEB_PASSWORD). --format=dicom and rtstruct
make what a PACS keeps beside DICOM images (docs/pacs.md); --store=URL stores it there.

--method=network asks a trained network that sees axes, or else the middle of the marks, instead of
matting: the one that comes with the package has learnt from lung nodules in CT, and --threshold is
then the one that was chosen for it.

--volume labels the whole lesion through all slices of its series or volume: marks of one lesion on
several slices are joined (docs/volumes.md). OUTPUT gets volumes and volumes.csv, with volume,
longest diameter of all slices and the like. With --method=network the network follows the lesion.

OUTPUT gets soft_masks, trimaps, overlays (and readers_mean, readers_spread), labels.csv with sizes
and quality of every lesion and the reason of every failure, and review.html. The same command
again does only what is missing or was made of other input or by other options. The exit status is
1 where a lesion failed.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from casgan_jax.annotations import Annotation, Annotations, cells, read_annotations
from casgan_jax.annotations.axes import UNITS, axes_of, units_of
from casgan_jax.annotations.readers import readers_of
from casgan_jax.annotations.table import check_key, default_key
from casgan_jax.commands.entry import keep_compilations, run_main, with_flags
from casgan_jax.commands.label_volumes import tell_volumes
from casgan_jax.commands.path_flag import define_path, define_paths
from casgan_jax.commands.program import typed
from casgan_jax.errors import Interrupted, Step, UserError
from casgan_jax.grid import PAPER_THRESHOLD

if TYPE_CHECKING:  # imported where they are used, so that --help needs no JAX
    from casgan_jax.labelling.batch import Batch
    from casgan_jax.labelling.label import LabelOptions
    from casgan_jax.labelling.volumes.batch import VolumeBatch

_INPUT = define_path(
    "input",
    None,
    "Image of one lesion, folder of a DICOM series or study, or URL of one of those by DICOMweb.",
)
_LIST = define_path("list", None, "Folder whose series, measurements and segments are shown.")
_JSON = flags.DEFINE_bool("json", False, "Show --list as JSON.")
_SERIES = flags.DEFINE_string(
    "series", None, "Number or UID of the series, where --input or --list has several."
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
_COMPONENTS = flags.DEFINE_bool(
    "components", False, "A lesion for each connected part of the mask of --input."
)
_SPACING = flags.DEFINE_string(
    "spacing_mm", None, "Side of a pixel of --input, or ROW,COLUMN; by default what the file says."
)
_HU_OFFSET = flags.DEFINE_string(
    "hu_offset", None, "Added to the values of --input it gives HU (-32768 for DeepLesion's PNG)."
)
_KEY = flags.DEFINE_string(
    "key", None, "Name of the lesion of --input and of its files; by default the image's."
)
_VOLUME = flags.DEFINE_bool(
    "volume", False, "Label lesions through all slices, as volumes in mm3, not slice by slice."
)
_TABLE = define_path("table", None, "CSV file with a line a lesion.")
_OUTPUT = define_path("output", None, "Folder to write to; made if it is not there.")
_WINDOW = flags.DEFINE_string(
    "window",
    None,
    "LOW,HIGH values that are black and white, for all lesions; by default the "
    "table's, -1000,400 for HU, or what the file says.",
)
_SCALE = flags.DEFINE_integer(
    "scale", 1, "Pixels of the soft mask a pixel of the image.", lower_bound=1, upper_bound=8
)
_FORMAT = flags.DEFINE_list(
    "format",
    None,
    "Of soft masks, one or more with commas between them: 8-bit png (the default); float32 npy, "
    "nifti (the default of --volume), nrrd, mha; of DICOM images dicom (soft and binary SEG, SR) "
    "and rtstruct, one set a series; nnunet, images and hard labels in nnU-Net's layout.",
)
_STORE = flags.DEFINE_string(
    "store", None, "URL of a DICOMweb service, to store what --format=dicom and rtstruct made."
)
_THRESHOLD = flags.DEFINE_float(
    "threshold", None, "Where soft masks are measured and outlined; by default 128/255."
)
_READERS_STRATEGY = flags.DEFINE_enum(
    "readers_strategy",
    "matting",
    ["matting", "anchored"],
    "Of several readers: the image decides where they disagree, or both do (docs/labels.md).",
)
_METHOD = flags.DEFINE_enum(
    "method",
    "matting",
    ["matting", "network"],
    "What makes a soft mask of the marks: a trimap and closed-form matting, or a trained network.",
)
_WORKDIR = define_path(
    "workdir", None, "Of --method=network; by default the one that comes with the package."
)
_WORKERS = flags.DEFINE_integer(
    "workers",
    None,
    "Processes; by default one for each core, none for a few lesions.",
    lower_bound=0,
)
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Label again what is labelled already.")
_PROGRESS = flags.DEFINE_bool("progress", True, "Show a progress bar.")
_OF_MARKS = (_RECIST, _MASK, _READER_MASKS)
_OF_INPUT = (_SERIES, _RECIST_UNITS, _SLICE, _SEGMENT, _COMPONENTS, _SPACING, _HU_OFFSET, _KEY)
_LEAST_SCALE = 4  # at which lesions are labelled
_EVERY = "all"  # of --segment
_MOST_TOLD = 10  # failures; labels.csv and the page have all of them


def run() -> None:
    """The command."""
    run_main(main)


def main(_: list[str]) -> int:
    if _LIST.value:
        return _list(Path(_LIST.value))
    if not _OUTPUT.value:
        raise UserError(
            "output",
            found="none",
            expected="a folder",
            remedy="see `help`",
        )
    _check_store()
    if _VOLUME.value:
        _check_volume()
    if _WORKDIR.value is not None and _METHOD.value != "network":
        raise UserError(
            "workdir",
            found=f"with `method={_METHOD.value}`",
            expected="it with a network",
            remedy="add `method=network`",
        )
    annotations = _annotations()
    keep_compilations()
    try:
        batch: Batch | VolumeBatch
        if _VOLUME.value:
            batch = volumes = _label_volumes(annotations, Path(_OUTPUT.value))
            status = tell_volumes(volumes)
        else:
            batch = slices = _label(annotations, Path(_OUTPUT.value))
            status = _tell(slices)
    except KeyboardInterrupt:
        raise Interrupted(
            "label: interrupted; what was labelled is kept, the same command does the rest",
            signal.SIGINT,
        ) from None
    if _STORE.value is not None:
        _store(batch, _STORE.value)
    return status


def _formats() -> tuple[str, ...]:
    return tuple(_FORMAT.value or (["nifti"] if _VOLUME.value else ["png"]))


def _label(annotations: Annotations, folder: Path) -> Batch:
    from casgan_jax.labelling.batch import BatchOptions, label_batch

    options = _label_options()
    if _METHOD.value == "network":
        from casgan_jax.inference.load import load_system
        from casgan_jax.inference.proposing import with_proposals
        from casgan_jax.pretrained import NAME

        system, window = load_system(_WORKDIR.value or NAME), options.window
        annotations = with_proposals(system, annotations, window=window, progress=_PROGRESS.value)
        if _THRESHOLD.value is None:
            options = dataclasses.replace(options, threshold=system.threshold)
    return label_batch(
        annotations,
        folder,
        BatchOptions(label=options, formats=_formats(), scale=_SCALE.value),
        workers=_WORKERS.value,
        overwrite=_OVERWRITE.value,
        progress=_PROGRESS.value,
    )


def _label_volumes(annotations: Annotations, folder: Path) -> VolumeBatch:
    from casgan_jax.labelling.volumes.batch import VolumeBatchOptions, label_volumes
    from casgan_jax.labelling.volumes.labelled import VolumeOptions

    window = cells.window_of("--window", _WINDOW.value or "")
    label = VolumeOptions(window=window, threshold=_threshold())
    network = None
    if _METHOD.value == "network":
        from casgan_jax.inference.proposing import network_of_volumes
        from casgan_jax.pretrained import NAME

        network = network_of_volumes(_WORKDIR.value or NAME)
    return label_volumes(
        annotations,
        folder,
        VolumeBatchOptions(label=label, formats=_formats()),
        network=network,
        overwrite=_OVERWRITE.value,
        progress=_PROGRESS.value,
    )


def _check_volume() -> None:
    """Refuses what is of single slices alone."""
    for flag in (_COMPONENTS, _SCALE, _WORKERS, _READERS_STRATEGY, _SPACING):
        if flag.value != flag.default:
            raise UserError(
                flag.name,
                found="with `volume`",
                expected="it without, for lesions on single slices",
                remedy="leave it out",
            )


def _threshold() -> float:
    return PAPER_THRESHOLD if _THRESHOLD.value is None else _THRESHOLD.value


def _check_store() -> None:
    if _STORE.value is not None and not {"dicom", "rtstruct"} & set(_formats()):
        raise UserError(
            "store",
            found=f"with `format={','.join(_formats())}`",
            expected="something that a PACS keeps",
            remedy="add dicom or rtstruct to `format`",
        )


def _store(batch: Batch | VolumeBatch, address: str) -> None:
    """Stores the objects of the lesions that were labelled."""
    from casgan_jax.dicom.web import store
    from casgan_jax.labelling.objects import files_of

    files = files_of(batch.table.parent, batch.rows)
    try:
        count = store(address, files, progress=_PROGRESS.value)
    except KeyboardInterrupt:
        raise Interrupted(
            "label: interrupted; what was stored stays, the same command stores all", signal.SIGINT
        ) from None
    print(f"stored: {count} object{'' if count == 1 else 's'} at {_STORE.value}")


def _tell(batch: Batch) -> int:
    """Prints what was done; returns the exit status."""
    failed = [row for row in batch.rows if row["status"] == "failed"]
    for row in failed[:_MOST_TOLD]:
        print(f"error: {row['key']}: {with_flags(row['reason'])}", file=sys.stderr)
    print(f"{_lesions(len(batch.rows) - len(failed))} labelled, {batch.kept} of them before")
    print(f"table:  {batch.table}\nreview: {batch.pages[0]}")
    step = Step("review", {"folder": str(batch.table.parent), "open": "true"})
    print(f"next:   {typed(step)}")
    if batch.others:
        print(
            f"note: {batch.table.parent} has files of {_lesions(batch.others)} more, which this "
            "command did not name; table and page leave them out"
        )
    if failed:
        print(
            f"{len(failed)} of {_lesions(len(batch.rows))} failed, {batch.table} has the reasons",
            file=sys.stderr,
        )
    return 1 if failed else 0


def _lesions(count: int) -> str:
    return f"{count} lesion" if count == 1 else f"{count} lesions"


def _annotations() -> Annotations:
    given, table = _INPUT.value, _TABLE.value
    if given is not None and table is None:
        return _lesions_of_input(_image(given))
    if table is None or given is not None:
        found = "both" if given else "none"
        raise UserError("input, table", found=found, expected="one of them", remedy="see `help`")
    for flag in (*_OF_MARKS, *_OF_INPUT):
        if flag.value is not None and flag.value is not False:
            raise UserError(
                flag.name,
                found="with `table`",
                expected="with `input`",
                remedy="give it in the table's columns",
            )
    return read_annotations(table)


def _lesions_of_input(image: Path) -> Annotations:
    """The lesion of an image, those of a mask of it, or those of a study."""
    every = _SEGMENT.value == _EVERY
    if os.path.isdir(image) and not any(flag.value for flag in _OF_MARKS):
        for flag in (_RECIST_UNITS, _KEY, _SPACING, _HU_OFFSET):
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
            series=_SERIES.value,
            segment=None if every else _SEGMENT.value,
            slice_index=_SLICE.value,
            components=_COMPONENTS.value,
        )
    one = _one_lesion(image)
    if one.mask is None:
        every = every and not one.reader_masks
        for name, value in (("components", _COMPONENTS.value), ("segment", every)):
            if value:
                raise UserError(
                    name, found="without `mask`", expected="with it", remedy="leave it out"
                )
        return Annotations((one,), ())
    if not (image.exists() and one.mask.exists()):  # told of the lesion, as if it were in a table
        return Annotations((one,), ())
    from casgan_jax.labelling.expand import lesions_of

    found = lesions_of(one, every_segment=every, components=_COMPONENTS.value)
    return Annotations(found, ())


def _list(folder: Path) -> int:
    from casgan_jax.labelling.listing import as_table, contents_of
    from casgan_jax.labelling.study import read_study

    found = contents_of(read_study(folder), _SERIES.value)
    print(json.dumps(found, indent=2) if _JSON.value else as_table(found))
    return 1 if found["faults"] else 0


def _image(given: str) -> Path:
    """The image, fetched first where it is a URL."""
    from casgan_jax.dicom.web import fetch, is_address, parse_address

    if not is_address(given):
        return Path(given)
    address = parse_address(given)
    folder = Path(_OUTPUT.value or "") / "source" / address.study
    try:
        return fetch(address, folder, progress=_PROGRESS.value)
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
        series=_SERIES.value,
        mask=Path(_MASK.value) if _MASK.value else None,
        spacing_mm=cells.spacing_of("--spacing_mm", _SPACING.value or ""),
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


def _label_options() -> LabelOptions:
    from casgan_jax.labelling.label import LabelOptions

    return LabelOptions(
        # Coarser labels are means of fine ones, which are the better ones (docs/labelling.md).
        scale=_SCALE.value * math.ceil(_LEAST_SCALE / _SCALE.value),
        window=cells.window_of("--window", _WINDOW.value or ""),
        readers_strategy=_READERS_STRATEGY.value,
        threshold=_threshold(),
    )
