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
several slices are joined (docs/volumes.md). OUTPUT gets volumes, volumes.csv, with volume, longest
diameter of all slices and the like, and volumes.html, a page with all slices. With --method=network
the network follows the lesion.

OUTPUT gets soft_masks, trimaps, overlays (and readers_mean, readers_spread), labels.csv with sizes
and quality of every lesion and the reason of every failure, and review.html. The same command
again does only what is missing or was made of other input or by other options. The exit status is
1 where a lesion failed.
"""

from __future__ import annotations

import dataclasses
import json
import math
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from absl import flags

from casgan_jax.annotations import Annotations, cells, read_annotations
from casgan_jax.commands import label_input
from casgan_jax.commands.entry import keep_compilations, run_main, with_flags
from casgan_jax.commands.label_input import (
    COMPONENTS,
    INPUT,
    SERIES,
    SPACING,
    check_without_input,
    lesions_of_input,
)
from casgan_jax.commands.label_volumes import tell_volumes
from casgan_jax.commands.path_flag import define_path
from casgan_jax.commands.program import typed
from casgan_jax.errors import Interrupted, Step, UserError, counted
from casgan_jax.grid import PAPER_THRESHOLD

if TYPE_CHECKING:  # imported where they are used, so that --help needs no JAX
    from casgan_jax.labelling.batch import Batch
    from casgan_jax.labelling.label import LabelOptions
    from casgan_jax.labelling.volumes.batch import VolumeBatch

flags.adopt_module_key_flags(label_input)
_LIST = define_path("list", None, "Folder whose series, measurements and segments are shown.")
_JSON = flags.DEFINE_bool("json", False, "Show --list as JSON.")
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
_LEAST_SCALE = 4  # at which lesions are labelled
_OF_DICOM = {"dicom", "rtstruct"}  # formats of whole studies


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
            _tell_window(annotations, volumes)
            status = tell_volumes(volumes)
        else:
            batch = slices = _label(annotations, Path(_OUTPUT.value))
            _tell_window(annotations, slices)
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
    # Below the imports that lead to it, JAX takes about half a second more on Python 3.11: at that
    # depth the interpreter's stack of frames grows and shrinks again at nearly every call.
    import jax  # noqa: F401

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
    for flag in (COMPONENTS, _SCALE, _WORKERS, _READERS_STRATEGY, SPACING):
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
    if _STORE.value is not None and not _OF_DICOM & set(_formats()):
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
    print(f"stored: {counted(count, 'object')} at {_STORE.value}")


def _tell(batch: Batch) -> int:
    """Prints what was done; returns the exit status."""
    from casgan_jax.commands.told import FEW, MOST, lesion_notes, sizes

    failed = [row for row in batch.rows if row["status"] == "failed"]
    for row in failed[:MOST]:
        print(f"error: {row['key']}: {with_flags(row['reason'])}", file=sys.stderr)
    labelled = [row for row in batch.rows if row["status"] != "failed"]
    for line in lesion_notes(labelled)[:MOST]:
        print(line, file=sys.stderr)
    if len(batch.rows) <= FEW:
        for row in labelled:
            print(f"{row['key']}: {sizes(row)}, quality {float(row['quality']):.2f}")
    print(f"{counted(len(labelled), 'lesion')} labelled, {batch.kept} of them before")
    print(f"table:  {batch.table}\nreview: {batch.pages[0]}")
    if labelled:
        step = Step("review", {"folder": str(batch.table.parent), "open": "true"})
        print(f"next:   {typed(step)}")
    if batch.others:
        without = "table, page and objects" if _OF_DICOM & set(_formats()) else "table and page"
        print(
            f"note: {batch.table.parent} has files of {counted(batch.others, 'lesion')} more, "
            f"which this command did not name; {without} leave them out"
        )
    if failed:
        print(
            f"{len(failed)} of {counted(len(batch.rows), 'lesion')} failed, {batch.table} has the "
            "reasons",
            file=sys.stderr,
        )
    return 1 if failed else 0


def _tell_window(annotations: Annotations, batch: Batch | VolumeBatch) -> None:
    """Says once that CT was matted in the lung's window where nobody named one."""
    from casgan_jax.commands.told import lung_note

    unnamed = any(one.window is None for one in annotations.annotations)
    if _WINDOW.value is None and _METHOD.value == "matting" and unnamed:
        for line in lung_note(batch.rows):
            print(line, file=sys.stderr)


def _annotations() -> Annotations:
    given, table = INPUT.value, _TABLE.value
    if given is not None and table is None:
        return lesions_of_input(Path(_OUTPUT.value or ""), progress=_PROGRESS.value)
    if table is None or given is not None:
        found = "both" if given else "none"
        raise UserError("input, table", found=found, expected="one of them", remedy="see `help`")
    check_without_input()
    return read_annotations(table)


def _list(folder: Path) -> int:
    from casgan_jax.labelling.listing import as_table, contents_of
    from casgan_jax.labelling.study import read_study

    found = contents_of(read_study(folder), SERIES.value)
    print(json.dumps(found, indent=2) if _JSON.value else as_table(found))
    return 1 if found["faults"] else 0


def _label_options() -> LabelOptions:
    from casgan_jax.labelling.label import LabelOptions

    return LabelOptions(
        # Coarser labels are means of fine ones, which are the better ones (docs/labelling.md).
        scale=_SCALE.value * math.ceil(_LEAST_SCALE / _SCALE.value),
        window=cells.window_of("--window", _WINDOW.value or ""),
        readers_strategy=_READERS_STRATEGY.value,
        threshold=_threshold(),
    )
