"""Lesions labelled as volumes into one folder, in as many sittings as it takes.

    batch = label_volumes(annotations, Path("out"), VolumeBatchOptions())

The folder gets the files of each lesion (`casgan_jax.labelling.volumes.files`), and when all were
gone through, what goes into a PACS (`casgan_jax.labelling.volumes.objects`), volumes.csv and
volumes.html. What was labelled before of the same files, marks and options is kept
(`casgan_jax.labelling.keeping`).
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from casgan_jax.annotations import Annotations
from casgan_jax.dicom.objects import check_libraries
from casgan_jax.errors import UserError
from casgan_jax.files import make_folder, only_process
from casgan_jax.grid import check_threshold
from casgan_jax.images.volume_files import FORMATS
from casgan_jax.labelling import keeping, objects
from casgan_jax.labelling.volumes.files import (
    COLUMNS,
    FOLDER,
    TABLE,
    Row,
    failed_volume_row,
    make_folders,
    remove_empty_folders,
    remove_lesion_volume,
    volume_row,
    write_lesion_volume,
)
from casgan_jax.labelling.volumes.label import label_lesion_volume
from casgan_jax.labelling.volumes.labelled import VolumeOptions
from casgan_jax.labelling.volumes.lesion import VolumeLesion, volume_lesions
from casgan_jax.labelling.volumes.objects import MAKER, finding_record
from casgan_jax.labelling.volumes.review import volume_pages, write_volume_review
from casgan_jax.progress import followed
from casgan_jax.soft_mask.volume_following import Propose

_RECORDS = f"{FOLDER}/records"


@dataclasses.dataclass(frozen=True, kw_only=True)
class VolumeBatchOptions:
    """How lesions are labelled and written.

    Attributes:
      label: how they are labelled.
      formats: at least one of `volume_files.FORMATS` and `objects.FORMATS`.
    """

    label: VolumeOptions = VolumeOptions()
    formats: tuple[str, ...] = ("nifti",)


@dataclasses.dataclass(frozen=True)
class VolumeBatch:
    """What was done.

    Attributes:
      rows: one for each lesion, columns as in `files.COLUMNS`, in the order of the marks; lines of
        a table that are no lesion come last.
      kept: number of lesions that had been labelled before.
      table: volumes.csv.
      pages: volumes.html, and more of many lesions.
    """

    rows: list[Row]
    kept: int
    table: Path
    pages: list[Path]


@dataclasses.dataclass(frozen=True)
class Network:
    """A trained network that follows lesions from slice to slice.

    Attributes:
      propose: see `casgan_jax.soft_mask.volume_label.label_volume`.
      files: that it is read from; labels of another network are made again.
    """

    propose: Propose
    files: tuple[Path, ...]


class _Job(NamedTuple):
    lesion: VolumeLesion
    fingerprint: str
    folder: Path
    options: VolumeBatchOptions
    network: Network | None


def label_volumes(
    annotations: Annotations,
    folder: Path,
    options: VolumeBatchOptions,
    *,
    network: Network | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> VolumeBatch:
    """Labels what is not labelled yet of a table of marks.

    Args:
      annotations: the marks, and the lines of their table that are none.
      folder, options, network, overwrite, progress: see `label_volume_lesions`.

    Raises:
      UserError: see `label_volume_lesions`.
    """
    return label_volume_lesions(
        volume_lesions(annotations.annotations),
        folder,
        options,
        failures=keeping.rows_of_failures(annotations),
        network=network,
        overwrite=overwrite,
        progress=progress,
    )


def label_volume_lesions(
    lesions: Sequence[VolumeLesion],
    folder: Path,
    options: VolumeBatchOptions,
    *,
    failures: Sequence[Row] = (),
    network: Network | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> VolumeBatch:
    """Labels what is not labelled yet.

    Args:
      lesions: with keys of their own.
      folder: to write to; made if it is not there.
      options: see `VolumeBatchOptions`.
      failures: rows of what is no lesion.
      network: that follows lesions; None: GrabCut and grey levels do.
      overwrite: label all again.
      progress: tell on standard error how far it has come.

    Raises:
      UserError: an option is out of range, the folder cannot be written to, or another process
        labels into it. A lesion that cannot be labelled raises nothing, its row tells.
    """
    _check_options(options)
    make_folder(folder, field="output")
    with only_process(folder / ".lock", f"labelling into {folder}", field="output"):
        table = folder / TABLE
        _clear(folder)
        jobs = [
            _Job(one, _fingerprint(one, options, network), folder, options, network)
            for one in lesions
        ]
        kept = {} if overwrite else {job.lesion.key: row for job in jobs if (row := _kept(job))}
        missing = [job for job in jobs if job.lesion.key not in kept]
        found = kept | _label_all(missing, progress)
        rows = [found[lesion.key] for lesion in lesions]
        rows += failures
        rows = objects.write_objects(
            folder,
            rows,
            options.formats,
            lambda key: keeping.read_record(folder, _RECORDS, key),
            MAKER,
        )
        rows = keeping.without_leftovers(
            rows,
            {one.key: one for one in lesions},
            keeping.recorded(folder, _RECORDS),
            failed_volume_row,
            lambda key: _forget(folder, key),
        )
        keeping.write_table(table, COLUMNS, rows)
        pages = write_volume_review(folder, rows)
        remove_empty_folders(folder)
    return VolumeBatch(rows, len(kept), table, pages)


def forget_other_volumes(folder: Path, keys: Collection[str]) -> None:
    """Removes from a folder the volumes of lesions that are not named; of none, all that tells of
    volumes."""
    for key in keeping.recorded(folder, _RECORDS).difference(keys):
        _forget(folder, key)
    if not keys:
        _remove_tables(folder)
        shutil.rmtree(folder / FOLDER, ignore_errors=True)


def review_volumes(folder: Path) -> list[Path]:
    """Writes the review pages of a folder's volumes again, and returns them; none of a folder in
    which nothing was labelled as a volume.

    They have every lesion that is labelled in the folder, and the failures of volumes.csv.

    Raises:
      UserError: another process is labelling into the folder.
    """
    keys = sorted(keeping.recorded(folder, _RECORDS))
    failed = keeping.failures_of(folder / TABLE)
    if not keys and not failed:
        return []
    with only_process(folder / ".lock", f"labelling into {folder}", field="folder"):
        rows = [keeping.read_record(folder, _RECORDS, key)["row"] for key in keys]
        rows += [row for row in failed if row["key"] not in keys]
        return write_volume_review(folder, rows)


def _check_options(options: VolumeBatchOptions) -> None:
    check_threshold(options.label.threshold)
    known = (*FORMATS, *objects.FORMATS)
    wrong = [name for name in options.formats if name not in known]
    if wrong or not options.formats:
        raise UserError(
            "format",
            found=f"{wrong[0]!r} of volumes" if wrong else "none",
            expected=f"some of {', '.join(known)}",
        )
    check_libraries(options.formats)


def _clear(folder: Path) -> None:
    """Makes the folders of files and removes what tells of an earlier run or was not finished."""
    make_folders(folder)
    make_folder(folder / _RECORDS, field="output")
    _remove_tables(folder)
    for path in folder.glob(f"{FOLDER}/*/.*.part"):
        path.unlink(missing_ok=True)


def _remove_tables(folder: Path) -> None:
    for path in (folder / TABLE, *volume_pages(folder)):
        path.unlink(missing_ok=True)


def _fingerprint(lesion: VolumeLesion, options: VolumeBatchOptions, network: Network | None) -> str:
    marks = [dataclasses.asdict(one) for _, one in lesion.marks]
    said = [one._asdict() for one in lesion.corrections]
    files = (*lesion.files, *(network.files if network else ()))
    return keeping.fingerprint(files, marks=marks, corrections=said, options=options)


def _kept(job: _Job) -> Row | None:
    """The row of a lesion that is labelled already as it is asked for."""
    if job.lesion.fault is not None:
        return None
    return keeping.row_of(job.folder, _RECORDS, job.lesion.key, job.fingerprint)


def _label_all(jobs: Sequence[_Job], progress: bool) -> dict[str, Row]:
    """{key: row} of lesions that are labelled now."""
    told = followed(jobs, "label volumes", total=len(jobs), unit="lesion", show=progress)
    return {job.lesion.key: _label(job) for job in told}


def _label(job: _Job) -> Row:
    """Labels and writes one lesion; the record comes last and is removed first."""
    lesion, folder, options = job.lesion, job.folder, job.options
    _forget(folder, lesion.key)
    try:
        propose = job.network.propose if job.network else None
        label = label_lesion_volume(lesion, options.label, propose)
        to_pacs = not objects.FORMATS.keys().isdisjoint(options.formats)
        finding = finding_record(label) if to_pacs else None
    except UserError as error:
        return failed_volume_row(lesion, str(error))
    except Exception as error:
        error.add_note(f"while labelling {lesion.key}")
        raise
    files = write_lesion_volume(label, folder, options.formats)
    row = volume_row(lesion, label, files)
    record = {
        "fingerprint": job.fingerprint,
        "row": row,
        "files": [name for names in files.values() for name in names],
        "finding": finding,
    }
    keeping.write_record(folder, _RECORDS, lesion.key, record)
    return row


def _forget(folder: Path, key: str) -> None:
    keeping.record_file(folder, _RECORDS, key).unlink(missing_ok=True)
    remove_lesion_volume(folder, key)
