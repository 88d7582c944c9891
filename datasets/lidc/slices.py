"""The public "LIDC-IDRI-slices" tree: PNG crops and one mask for each reader."""

from __future__ import annotations

import functools
import math
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.files import read_rows
from casgan_jax.images import read_image
from casgan_jax.records.neighbours import FEATURE, slices_beside
from casgan_jax.records.splits import split_of
from datasets.base import PreparedBuilder
from datasets.lidc.record import SIZE, agree, record_of
from datasets.outcomes import Skip
from datasets.task import Record, Task

SPACING_FILE = "patient_spacing.csv"
WINDOW = (0, 255)


class Slice(NamedTuple):
    """One slice of one nodule.

    Attributes:
      nodule_dir: folder `PATIENT/nodule-K`, which holds `images` and `mask-0` ...
      patient: name of the patient's folder.
      nodule: name of the nodule's folder.
      file_name: `slice-I.png`.
      spacing_mm: side of a pixel; 0 where it is not known.
      scale: r, label pixels a native pixel.
      beside: names of the files of the slices beside it (`casgan_jax.records.neighbours`).
    """

    nodule_dir: str
    patient: str
    nodule: str
    file_name: str
    spacing_mm: float
    scale: int
    beside: tuple[str, ...] = ()


def make_record(source: Slice) -> Record | Skip:
    """Reads and labels one slice. A reader who marked nothing on this slice does not count."""
    found = read_slice(source)
    if isinstance(found, Skip):
        return found
    image, readers = found
    beside = _read_beside(source)
    if isinstance(beside, Skip):
        return beside
    lesion = f"{source.patient}/{source.nodule}"
    return record_of(
        image,
        readers,
        window=WINDOW,
        scale=source.scale,
        mark=_mark(source.nodule_dir),
        spacing_mm=source.spacing_mm,
        patient=source.patient,
        lesion=lesion,
        key=f"{lesion}/{Path(source.file_name).stem}",
        **beside,
    )


def find_tasks(builder: PreparedBuilder, manual_dir: Path) -> list[Task]:
    """One task for each `PATIENT/nodule-K/images/slice-I.png`.

    Raises:
      UserError: another layout, or a spacing file that cannot be used.
    """
    root = _tree(manual_dir)
    spacing = _spacing(builder, manual_dir, root)
    tasks = []
    for path in root.glob("*/nodule-*/images/*.png"):
        nodule_dir = path.parents[1]
        patient, nodule = nodule_dir.parent.name, nodule_dir.name
        arguments = Slice(
            nodule_dir=str(nodule_dir),
            patient=patient,
            nodule=nodule,
            file_name=path.name,
            spacing_mm=spacing.get(patient, 0.0),
            scale=builder.builder_config.scale,
            beside=_beside(path, builder.builder_config.neighbours),
        )
        key = f"{patient}/{nodule}/{path.stem}"
        sources = (
            path,
            *sorted(nodule_dir.glob(f"mask-*/{path.name}")),
            *(path.with_name(name) for name in dict.fromkeys(arguments.beside)),
        )
        tasks.append(Task(split_of(patient), key, arguments, sources))
    known = {t.arguments.patient for t in tasks if t.arguments.spacing_mm}
    patients = {t.arguments.patient for t in tasks}
    builder.note(f"pixel spacing known for {len(known)} of {len(patients)} patients")
    return tasks


def _beside(path: Path, count: int) -> tuple[str, ...]:
    """Names of the slices beside one, as far as they are there without a gap: `slice-4.png` lies
    between `slice-3.png` and `slice-5.png`; the last of them stands in for those that are not."""
    number = re.search(r"(\d+)$", path.stem)
    if not (count and number):
        return (path.name,) * (2 * count)
    here, begin = int(number[1]), path.stem[: number.start()]

    def name(index: int) -> str:
        return f"{begin}{index}{path.suffix}"

    def end(step: int) -> int:
        last = here
        while abs(last - here) < count and path.with_name(name(last + step)).is_file():
            last += step
        return last

    return tuple(name(index) for index in slices_beside(here, end(-1), end(1), count))


def _read_beside(source: Slice) -> Record | Skip:
    """The feature `neighbours`, (128, 128, slices) uint8; none where none are asked for."""
    planes = []
    for name in source.beside:
        plane = read_plane(Path(source.nodule_dir) / "images" / name, "image")
        if isinstance(plane, Skip):
            return plane
        planes.append(plane)
    return {FEATURE: np.stack(planes, axis=-1)} if planes else {}


def readers_agree(source: Slice) -> bool:
    """Whether four readers marked the slice and agree on a pixel, and its files are whole."""
    found = read_slice(source)
    return not isinstance(found, Skip) and agree(found[1])


def _spacing(builder: PreparedBuilder, *folders: Path) -> dict[str, float]:
    for folder in folders:
        if (folder / SPACING_FILE).is_file():
            builder.note_source(folder / SPACING_FILE)
            return read_spacing(folder / SPACING_FILE)
    builder.note(
        f"{SPACING_FILE}: found none in {folders[0]}, so spacing_mm is 0 (unknown); to "
        "have distances in mm, put one there with the columns patient,pixel_spacing_mm "
        "and build again with `overwrite`"
    )
    return {}


def read_spacing(path: Path) -> dict[str, float]:
    """Pixel spacing in mm of each patient, from a CSV file with the columns patient and
    pixel_spacing_mm.

    Patients with several scans have several values, "0.57|0.61", and the tree does not tell which
    scan a nodule is from: where the values differ, the patient is left out.

    Raises:
      UserError: a column is missing or a spacing is not a positive number.
    """
    spacing = {}
    for line, row in read_rows(
        path, ("patient", "pixel_spacing_mm"), remedy="correct or remove the file"
    ):
        try:
            values = {float(value) for value in row["pixel_spacing_mm"].split("|")}
        except ValueError:
            values = {math.nan}
        if not all(0 < value < math.inf for value in values):
            raise UserError(
                f"{path} line {line}",
                found=f"pixel_spacing_mm {row['pixel_spacing_mm']!r}",
                expected="a positive number of mm",
                remedy="correct or remove the line",
            )
        if len(values) == 1:
            spacing[row["patient"]] = values.pop()
    return spacing


@functools.lru_cache(maxsize=64)
def _mark(nodule_dir: str) -> np.ndarray:
    """Where one would point at the nodule, (x, y): the crop's centre, unless it misses the nodule.

    The public crops are centred on the nodule, but those near the border of a CT slice were moved
    inside it, and their centre misses the nodule (on 3% of the slices). Then the mark is the
    centroid of all readers' marks on all of the nodule's slices.
    """
    union = np.zeros((SIZE, SIZE), bool)
    for path in Path(nodule_dir).glob("mask-*/*.png"):
        mask = read_plane(path, "mask")
        if not isinstance(mask, Skip):  # reported with its own slice
            union |= mask > 0
    centre = (SIZE - 1) / 2
    middle = slice(SIZE // 2 - 1, SIZE // 2 + 1)
    if union[middle, middle].any():
        return np.full(2, centre, np.float32)
    rows, columns = np.nonzero(union)
    return np.array([columns.mean(), rows.mean()], np.float32)


def read_slice(source: Slice) -> tuple[np.ndarray, np.ndarray] | Skip:
    """(128, 128) uint8 image and (128, 128, R) bool masks of the R readers who marked anything."""
    folder = Path(source.nodule_dir)
    image = read_plane(folder / "images" / source.file_name, "image")
    if isinstance(image, Skip):
        return image
    masks = []
    for path in sorted(folder.glob(f"mask-*/{source.file_name}")):
        mask = read_plane(path, "mask")
        if isinstance(mask, Skip):
            return mask
        if ((mask != 0) & (mask != mask.max())).any():
            return Skip("mask of more than two values", str(path))
        if mask.any():
            masks.append(mask != 0)
    if not masks:
        return Skip("no reader marked anything", str(folder / "mask-*" / source.file_name))
    return image, np.stack(masks, axis=2)


def read_plane(path: Path, what: str) -> np.ndarray | Skip:
    try:
        plane = read_image(path)
    except UserError as error:
        return Skip(f"unreadable {what}", str(error))
    if plane.shape != (SIZE, SIZE) or plane.dtype != np.uint8:
        height, width = plane.shape
        return Skip(f"{what} is not {SIZE}x{SIZE} 8-bit", f"{path}: {width}x{height} {plane.dtype}")
    return plane


def _tree(manual_dir: Path) -> Path:
    """The folder that holds the patients: `manual_dir` or the LIDC-IDRI-slices folder in it."""
    for root in (manual_dir, manual_dir / "LIDC-IDRI-slices"):
        if next(root.glob("*/nodule-*/images"), None) is not None:
            return root
    raise UserError(
        manual_dir,
        found="no PATIENT/nodule-K/images folder",
        expected="the LIDC-IDRI-slices tree",
        remedy="name the folder that holds LIDC-IDRI-0001 and so on",
    )
