"""Many lesions labelled into one folder, on all cores, in as many sittings as it takes.

    batch = label_batch(read_annotations("lesions.csv"), Path("out"), BatchOptions())
    [row for row in batch.rows if row["status"] == "failed"]

The folder gets the files of each lesion (`casgan_jax.labelling.files`), and when all lesions were
gone through, what goes into a PACS (`casgan_jax.labelling.objects`), labels.csv and review.html
(`casgan_jax.labelling.review`).

A lesion is done when its record, records/KEY.json, is there (`casgan_jax.labelling.keeping`), whose
fingerprint is of all that the label depends on: the marks, the options, the version of this
package, and name, size and time of the files. What has no record with the right fingerprint is
labelled again, and so is what failed.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from casgan_jax.annotations import Annotation, Annotations
from casgan_jax.dicom.objects import check_libraries
from casgan_jax.errors import UserError
from casgan_jax.files import make_folder, only_process
from casgan_jax.grid import check_threshold
from casgan_jax.labelling import keeping, nnunet, objects
from casgan_jax.labelling.files import (
    COLUMNS,
    FORMATS,
    Row,
    failed_row,
    lesion_row,
    make_folders,
    remove_empty_folders,
    remove_lesion,
    write_lesion,
)
from casgan_jax.labelling.label import LabelOptions, label_read_lesion
from casgan_jax.labelling.lesion import read_lesion
from casgan_jax.labelling.locate import locate_all
from casgan_jax.labelling.review import review_pages, tiles, write_review
from casgan_jax.pool import OrderedPool
from casgan_jax.progress import followed

_RECORDS = "records"
_OF_SHORT_AXIS = ("given_short_px", "given_short_mm", "axes_agreement")
_OF_AXES = ("recist", "given_long_px", "given_long_mm", *_OF_SHORT_AXIS)
_FEW = 8  # lesions that are labelled sooner than a process has started


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """How lesions are labelled and written.

    Attributes:
      label: how they are labelled; its scale is a multiple of the one of the files.
      formats: of soft masks, at least one of `files.FORMATS`, `objects.FORMATS` and "nnunet".
      scale: r, pixels of the files' soft masks and trimaps a pixel of the image.
    """

    label: LabelOptions = LabelOptions()
    formats: tuple[str, ...] = ("png",)
    scale: int = 1


@dataclasses.dataclass(frozen=True)
class Batch:
    """What was done.

    Attributes:
      rows: one for each lesion, columns as in `lesion_files.COLUMNS`, in the order of the table;
        lines of the table that are no lesion come last.
      kept: number of lesions that had been labelled before.
      others: number of lesions in the folder that are not in the table.
      table: labels.csv.
      pages: review.html, and those that follow it.
    """

    rows: list[Row]
    kept: int
    others: int
    table: Path
    pages: list[Path]


class _Job(NamedTuple):
    annotation: Annotation
    fingerprint: str
    folder: Path
    options: BatchOptions
    fault: UserError | None = None  # why its slice cannot be found


def label_batch(
    annotations: Annotations,
    folder: Path,
    options: BatchOptions,
    *,
    workers: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Batch:
    """Labels what is not labelled yet.

    Args:
      annotations: the lesions, and the lines of their table that are none.
      folder: to write to; made if it is not there.
      options: see `BatchOptions`.
      workers: processes; None: one for each core, none for a few lesions; 0: none.
      overwrite: label all again.
      progress: tell on standard error how far it has come.

    Raises:
      UserError: an option is out of range, the folder cannot be written to, or another process
        labels into it. A lesion that cannot be labelled raises nothing, its row tells.
    """
    _check_options(options)
    make_folder(folder, field="output")
    with only_process(folder / ".lock", f"labelling into {folder}", field="output"):
        table = folder / "labels.csv"
        _clear(folder, table)
        jobs = [
            _Job(one, fingerprint(one, options), folder, options, fault)
            for one, fault in locate_all(annotations.annotations)
        ]
        kept = {} if overwrite else {job.annotation.key: row for job in jobs if (row := _kept(job))}
        missing = [job for job in jobs if job.annotation.key not in kept]
        found = kept | _label_all(missing, workers, progress)
        rows = [found[job.annotation.key] for job in jobs]
        rows += keeping.rows_of_failures(annotations)
        rows = objects.write_objects(
            folder, rows, options.formats, lambda key: _read_record(folder, key)
        )
        lesions = {job.annotation.key: job.annotation for job in jobs}
        rows = keeping.without_leftovers(
            rows,
            lesions,
            keeping.recorded(folder, _RECORDS),
            failed_row,
            lambda key: _forget(folder, key),
        )
        if nnunet.FORMAT in options.formats:
            nnunet.write_cases(folder, rows, lambda key: _read_record(folder, key))
        keeping.write_table(table, COLUMNS, rows)
        pages = write_review(folder, rows, lambda key: _read_record(folder, key)["tiles"])
        remove_empty_folders(folder)
        others = keeping.recorded(folder, _RECORDS) - found.keys()
    return Batch(rows, len(kept), len(others), table, pages)


def review_folder(folder: Path) -> list[Path]:
    """Writes the review pages of a labelled folder again, and returns them.

    They have every lesion that is labelled in the folder, also by earlier or interrupted calls, and
    the failures of labels.csv.

    Raises:
      UserError: nothing was labelled into the folder, or another process is labelling into it.
    """
    keys = sorted(keeping.recorded(folder, _RECORDS))
    failed = keeping.failures_of(folder / "labels.csv")
    if not keys and not failed:
        raise UserError(
            "folder",
            found=f"no labels in {folder}",
            expected="the output of a labelling",
        )
    with only_process(folder / ".lock", f"labelling into {folder}", field="folder"):
        rows = [_read_record(folder, key)["row"] for key in keys]
        rows += [row for row in failed if row["key"] not in keys]
        return write_review(folder, rows, lambda key: _read_record(folder, key)["tiles"])


def forget_others(folder: Path, keys: Collection[str]) -> None:
    """Removes from a labelled folder the lesions that are not named."""
    for key in keeping.recorded(folder, _RECORDS).difference(keys):
        _forget(folder, key)


def fingerprint(annotation: Annotation, options: BatchOptions) -> str:
    """A name for all that a lesion's label depends on; "" where a file cannot be read."""
    return keeping.fingerprint(annotation.files, annotation=annotation, options=options)


def _check_options(options: BatchOptions) -> None:
    check_threshold(options.label.threshold)
    if options.label.scale % options.scale:
        raise UserError(
            "scale",
            found=f"{options.scale} for soft masks made at {options.label.scale}",
            expected="a divisor of it",
        )
    known = (*FORMATS, *objects.FORMATS, nnunet.FORMAT)
    wrong = [name for name in options.formats if name not in known]
    if wrong or not options.formats:
        raise UserError(
            "format",
            found=repr(wrong[0]) if wrong else "none",
            expected=f"some of {', '.join(known)}",
        )
    check_libraries(options.formats)


def _clear(folder: Path, table: Path) -> None:
    """Makes the folders of files and removes what tells of an earlier run or was not finished."""
    make_folders(folder)
    make_folder(folder / _RECORDS, field="output")
    for path in (table, *review_pages(folder), *folder.glob("*/.*.part")):
        path.unlink(missing_ok=True)


def _kept(job: _Job) -> Row | None:
    """The row of a lesion that is labelled already as it is asked for."""
    if job.fault is not None:
        return None
    return keeping.row_of(job.folder, _RECORDS, job.annotation.key, job.fingerprint)


def _label_all(jobs: Sequence[_Job], workers: int | None, progress: bool) -> dict[str, Row]:
    """{key: row} of lesions that are labelled now."""
    if workers is None:
        workers = min(len(os.sched_getaffinity(0)), len(jobs) // _FEW)
        workers = workers if workers > 1 else 0
    with OrderedPool(_label, workers) as pool:
        made = followed(pool.map(jobs), "label", total=len(jobs), unit="lesion", show=progress)
        return {job.annotation.key: row for job, row in zip(jobs, made, strict=True)}


def _label(job: _Job) -> Row:
    """Labels and writes one lesion; the record comes last and is removed first."""
    annotation, folder, options = job.annotation, job.folder, job.options
    _forget(folder, annotation.key)
    try:
        if job.fault is not None:
            raise job.fault
        lesion = read_lesion(annotation, window=options.label.window)
        # The files' masks are means of the label's, never finer than these.
        least = dataclasses.replace(options.label, least_scale=options.scale)
        label = label_read_lesion(lesion, least)
        to_pacs = not objects.FORMATS.keys().isdisjoint(options.formats)
        finding = objects.finding_record(lesion, label) if to_pacs else None
        to_nnunet = nnunet.FORMAT in options.formats
        case = nnunet.write_image(lesion, label, folder) if to_nnunet else None
    except UserError as error:
        return failed_row(annotation, str(error))
    except Exception as error:
        error.add_note(f"while labelling {annotation.key} of {annotation.image}")
        raise
    shape, forms, scale = lesion.values.shape, options.formats, options.scale
    place = lesion.geometry
    files = write_lesion(label, shape, folder, formats=forms, scale=scale, geometry=place)
    row = lesion_row(annotation, label, files) | {"scale": scale}
    drawn = 4 if annotation.axes is None else len(annotation.axes.ends)
    for column in {1: _OF_AXES, 2: _OF_SHORT_AXIS}.get(drawn, ()):  # which nobody measured
        row.pop(column, None)
    if notes := [*lesion.notes, *filter(None, [label.slip])]:
        row["note"] = "; ".join(notes)
    record = {
        "fingerprint": job.fingerprint,
        "row": row,
        "files": [name for names in files.values() for name in names]
        + ([case["image"]] if case else []),
        "tiles": tiles(label, lesion.values),
        "finding": finding,
        "case": case,
    }
    keeping.write_record(folder, _RECORDS, annotation.key, record)
    return row


def _forget(folder: Path, key: str) -> None:
    keeping.record_file(folder, _RECORDS, key).unlink(missing_ok=True)
    remove_lesion(folder, key)


def _read_record(folder: Path, key: str) -> dict[str, Any]:
    return keeping.read_record(folder, _RECORDS, key)
