"""LIDC-IDRI as The Cancer Imaging Archive has it: DICOM series and the readers' XML files."""

from __future__ import annotations

import collections
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import Box
from casgan_jax.images import read_scan
from casgan_jax.pool import OrderedPool
from casgan_jax.progress import followed
from casgan_jax.records.features import MAX_READERS
from casgan_jax.records.splits import split_of
from datasets.base import PreparedBuilder
from datasets.lidc.clustering import cluster_marks
from datasets.lidc.outlines import fill_outlines
from datasets.lidc.reading import RATINGS, Mark, Outline, Reading, read_readers
from datasets.lidc.record import SIZE, agree, record_of
from datasets.lidc.series import Series, SliceFiles, find_folders, read_series, slice_files
from datasets.outcomes import Skip
from datasets.task import Record, Task

WINDOW = (-1000, 400)  # HU, the lung's


class ReaderMark(NamedTuple):
    """What one reader marked on one slice, and how he rated the nodule."""

    outlines: tuple[Outline, ...]
    ratings: tuple[int, ...]


class NoduleSlice(NamedTuple):
    """One slice of one nodule.

    Attributes:
      series: it is from.
      path: of the slice.
      image_uid: its SOPInstanceUID.
      z_mm: its position.
      lesion: PATIENT/scan-S/nodule-K.
      key: of the record.
      centre: (x, y) of the nodule, in pixels of the CT slice.
      marks: of the readers who outlined the nodule on this slice.
      scale: r.
    """

    series: Series
    path: str
    image_uid: str
    z_mm: float
    lesion: str
    key: str
    centre: tuple[float, float]
    marks: tuple[ReaderMark, ...]
    scale: int


def make_record(source: NoduleSlice) -> Record | Skip:
    """Reads one slice, cuts the crop around the nodule and labels it."""
    values = _read(source)
    if isinstance(values, Skip):
        return values
    found = _crop(source, values.shape)
    if isinstance(found, Skip):
        return found
    box, readers, marked = found
    ratings = np.zeros((MAX_READERS, len(RATINGS)), np.int32)
    for row, reader in zip(ratings, marked, strict=False):
        row[:] = source.marks[reader].ratings
    return record_of(
        np.ascontiguousarray(box.crop(values)),
        readers,
        window=WINDOW,
        scale=source.scale,
        mark=np.subtract(source.centre, box.corner).astype(np.float32),
        spacing_mm=source.series.spacing_mm,
        patient=source.series.patient,
        lesion=source.lesion,
        key=source.key,
        ratings=ratings,
        z_mm=source.z_mm,
        series_uid=source.series.uid,
        image_uid=source.image_uid,
    )


def readers_agree(source: NoduleSlice) -> bool:
    """Whether four readers marked the slice and agree on a pixel, and its image is whole."""
    values = _read(source)
    if isinstance(values, Skip):
        return False
    found = _crop(source, values.shape)
    return not isinstance(found, Skip) and agree(found.readers)


class _Crop(NamedTuple):
    """A part of a CT slice, (128, 128, R) masks, and which of the marks these are."""

    box: Box
    readers: np.ndarray
    marked: list[int]


def _crop(source: NoduleSlice, shape: tuple[int, int]) -> _Crop | Skip:
    """The crop around the nodule, moved inside the slice, and what the readers marked in it."""
    masks = _masks(source, shape)
    if isinstance(masks, Skip):
        return masks
    marked = [number for number, mask in enumerate(masks) if mask.any()]
    if not marked:
        return Skip("no reader marked anything", f"{source.key}: outlines without an inside")
    box = Box.centred(source.centre, SIZE).inside(shape)
    readers = np.stack([box.crop(masks[number]) for number in marked], axis=2)
    if readers.sum() < sum(masks[number].sum() for number in marked):
        return Skip("nodule does not fit the crop", f"{source.key}: {SIZE} pixels wide")
    return _Crop(box, readers, marked)


def _read(source: NoduleSlice) -> np.ndarray | Skip:
    """(H, W) int16 HU of the slice."""
    try:
        scan = read_scan(source.path)
    except UserError as error:
        return Skip("unreadable image", str(error))
    if scan.unit != "HU":
        return Skip("image not in HU", source.path)
    if min(scan.values.shape) < SIZE:
        return Skip(f"image smaller than {SIZE}x{SIZE}", f"{source.path}: {scan.values.shape}")
    hu = np.round(scan.values.astype(np.float32))
    return np.clip(hu, np.iinfo(np.int16).min, np.iinfo(np.int16).max).astype(np.int16)


def _masks(source: NoduleSlice, shape: tuple[int, int]) -> list[np.ndarray] | Skip:
    """One (H, W) bool mask for each reader."""
    points = np.concatenate([o.points for mark in source.marks for o in mark.outlines])
    if (points < 0).any() or (points >= shape[::-1]).any():
        return Skip("outline outside the image", f"{source.key}: {shape[1]}x{shape[0]} pixels")
    return [fill_outlines(mark.outlines, shape) for mark in source.marks]


def find_tasks(builder: PreparedBuilder, manual_dir: Path) -> list[Task]:
    """One task for each slice of each nodule, and one for whatever has to be left out.

    Raises:
      UserError: no DICOM files and no XML.
    """
    folders, xml_files = find_folders(manual_dir), sorted(manual_dir.rglob("*.xml"))
    if not folders and not xml_files:
        raise UserError(
            manual_dir,
            found="neither .dcm nor .xml files",
            expected="the download of LIDC-IDRI from The Cancer Imaging Archive",
            remedy="name the folder that holds LIDC-IDRI-0001 and so on",
        )
    for path in xml_files:
        builder.note_source(path)
    series, tasks = _all_series(manual_dir, folders)
    readings, left_out = _all_readings(manual_dir, xml_files, set(series))
    tasks += left_out
    tasks += [
        _left_out(series[uid].patient, uid, Skip("series without readers' XML", series[uid].folder))
        for uid in sorted(set(series) - set(readings))
    ]
    marked = _numbered(series, readings)
    folders_of_marks = [series[uid].folder for _, uid in marked]
    for (scan, uid), files in zip(marked, _all_files(builder, folders_of_marks), strict=True):
        tasks += _slices(series[uid], scan, readings[uid], files, builder.builder_config.scale)
    pointed = sum(reading.without_outline for reading in readings.values())
    builder.note(f"{len(readings)} CT series with their readers' XML, {len(series)} CT series")
    builder.note(
        f"{pointed} marks of nodules below 3 mm and of non-nodules have no outline: left out"
    )
    return tasks


def _all_files(builder: PreparedBuilder, folders: Sequence[str]) -> Iterator[SliceFiles]:
    """The files of each series; there are hundreds of headers in each."""
    with OrderedPool(slice_files, builder.workers) as pool:
        yield from followed(
            pool.map(folders),
            "reading headers",
            total=len(folders),
            unit="series",
            show=builder.show_progress,
        )


def _all_series(root: Path, folders: Sequence[Path]) -> tuple[dict[str, Series], list[Task]]:
    series: dict[str, Series] = {}
    tasks: list[Task] = []
    for folder in folders:
        try:
            found = read_series(folder)
        except UserError as error:
            name = folder.relative_to(root).as_posix()
            tasks.append(_left_out(name, name, Skip("unreadable series", str(error))))
            continue
        if found is not None:
            series.setdefault(found.uid, found)
    return series, tasks


def _all_readings(
    root: Path, xml_files: Sequence[Path], known: set[str]
) -> tuple[dict[str, Reading], list[Task]]:
    readings: dict[str, Reading] = {}
    tasks: list[Task] = []
    for path in xml_files:
        name = path.relative_to(root).as_posix()
        try:
            reading = read_readers(path)
        except UserError as error:
            tasks.append(_left_out(name, name, Skip("unreadable XML", str(error))))
            continue
        if reading.series_uid in known:
            readings.setdefault(reading.series_uid, reading)
        else:
            detail = f"{path}: series {reading.series_uid}"
            tasks.append(_left_out(name, name, Skip("XML without its DICOM series", detail)))
    return readings, tasks


def _left_out(patient: str, key: str, skip: Skip) -> Task:
    return Task(split_of(patient), key, skip)


def _numbered(series: dict[str, Series], readings: dict[str, Reading]) -> list[tuple[int, str]]:
    """(number of the scan among its patient's, SeriesInstanceUID) of every series that was read."""
    scans: dict[str, list[str]] = collections.defaultdict(list)
    for uid in sorted(readings):
        scans[series[uid].patient].append(uid)
    return [numbered for uids in scans.values() for numbered in enumerate(uids)]


def _slices(
    series: Series, scan: int, reading: Reading, files: SliceFiles, scale: int
) -> Iterator[Task]:
    """The tasks of one series."""
    nodules = cluster_marks(
        reading.marks, spacing_mm=series.spacing_mm, tolerance_mm=series.thickness_mm
    )
    for number, marks in enumerate(nodules):
        lesion = f"{series.patient}/scan-{scan}/nodule-{number}"
        points = np.concatenate([o.points for mark in marks for o in mark.outlines])
        centre = (points.min(0) + points.max(0)) / 2
        for index, ((z_mm, image_uid), readers) in enumerate(sorted(_by_slice(marks).items())):
            key = f"{lesion}/slice-{index:03d}"
            path = files.by_uid.get(image_uid)
            if path is None:
                where = f"no image {image_uid} at z {z_mm:g} mm in {series.folder}"
                detail = "; ".join([where, *files.unreadable[:1]])
                skip = Skip("slice missing from its series", detail)
                yield _left_out(series.patient, key, skip)
                continue
            arguments = NoduleSlice(
                series=series,
                path=str(path),
                image_uid=image_uid,
                z_mm=z_mm,
                lesion=lesion,
                key=key,
                centre=(float(centre[0]), float(centre[1])),
                marks=readers,
                scale=scale,
            )
            yield Task(split_of(series.patient), key, arguments, (path,))


def _by_slice(marks: Sequence[Mark]) -> dict[tuple[float, str], tuple[ReaderMark, ...]]:
    """What each reader marked, by (z, SOPInstanceUID); two marks of one reader are one."""
    found: dict[tuple[float, str], dict[int, list[Mark]]] = {}
    for mark in marks:
        for where in dict.fromkeys((o.z_mm, o.image_uid) for o in mark.outlines):
            found.setdefault(where, {}).setdefault(mark.reader, []).append(mark)
    return {
        where: tuple(
            ReaderMark(
                tuple(o for m in of_reader for o in m.outlines if (o.z_mm, o.image_uid) == where),
                of_reader[0].ratings,
            )
            for _, of_reader in sorted(readers.items())
        )
        for where, readers in found.items()
    }
