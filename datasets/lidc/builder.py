"""LIDC-IDRI lung nodules from the public "LIDC-IDRI-slices" tree, labelled where their "
"readers disagree."""

from __future__ import annotations

import dataclasses
import functools
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from casgan_jax import records
from casgan_jax.errors import UserError
from casgan_jax.files import read_rows
from casgan_jax.images import read_image
from casgan_jax.splits import split_of
from datasets.base import PreparedBuilder, Record, Skip, Task

SIZE = 128  # side of the public crops
SPACING_FILE = "patient_spacing.csv"


class Slice(NamedTuple):
    """One slice of one nodule.

    Attributes:
      nodule_dir: folder `PATIENT/nodule-K`, which holds `images` and `mask-0` ...
      patient: name of the patient's folder.
      nodule: name of the nodule's folder.
      file_name: `slice-I.png`.
      spacing_mm: side of a pixel; 0 where it is not known.
      scale: r, label pixels a native pixel.
    """

    nodule_dir: str
    patient: str
    nodule: str
    file_name: str
    spacing_mm: float
    scale: int


def make_record(source: Slice) -> Record | Skip:
    """Reads one slice and labels it by the paper's second strategy (section 3.1.2).

    A reader who marked nothing on this slice does not count: the lesion is the intersection of the
    readers who marked something, the background is the complement of their union, and alpha is
    matted in between. `alpha_anchored` is matted too, but held near to what the readers meant.
    """
    from casgan_jax.soft_mask.labelling import label_from_readers
    from casgan_jax.soft_mask.trimap import AnnotationError

    found = _read(source)
    if isinstance(found, Skip):
        return found
    image, readers = found
    reason = _why_not(readers)
    if reason is not None:
        return reason
    image01 = image.astype(np.float32) / np.float32(255.0)
    try:
        matted = label_from_readers(image01, readers, source.scale, strategy="matting")
        anchored = label_from_readers(image01, readers, source.scale, strategy="anchored")
    except AnnotationError as error:
        return Skip(error.reason.replace("_", " "), str(error))
    lesion = f"{source.patient}/{source.nodule}"
    padded = np.zeros((SIZE, SIZE, records.MAX_READERS), np.uint8)
    padded[..., : readers.shape[2]] = _code(readers)
    return {
        "image": image,
        "alpha": records.encode_alpha(matted.alpha),
        "alpha_anchored": records.encode_alpha(anchored.alpha),
        "trimap": matted.trimap,
        "reader_masks": padded,
        "consensus": _code(2 * readers.sum(axis=2) >= readers.shape[2]),
        "mark": _mark(source.nodule_dir),
        "n_readers": readers.shape[2],
        "spacing_mm": source.spacing_mm,
        "patient": source.patient,
        "lesion": lesion,
        "key": f"{lesion}/{Path(source.file_name).stem}",
    }


@functools.lru_cache(maxsize=64)
def _mark(nodule_dir: str) -> np.ndarray:
    """Where one would point at the nodule, (x, y): the crop's centre, unless it misses the nodule.

    The public crops are centred on the nodule, but those near the border of a CT slice were moved
    inside it, and their centre misses the nodule (on 3% of the slices). Then the mark is the
    centroid of all readers' marks on all of the nodule's slices.
    """
    union = np.zeros((SIZE, SIZE), bool)
    for path in Path(nodule_dir).glob("mask-*/*.png"):
        mask = _read_plane(path, "mask")
        if not isinstance(mask, Skip):  # reported with its own slice
            union |= mask > 0
    centre = (SIZE - 1) / 2
    middle = slice(SIZE // 2 - 1, SIZE // 2 + 1)
    if union[middle, middle].any():
        return np.full(2, centre, np.float32)
    rows, columns = np.nonzero(union)
    return np.array([columns.mean(), rows.mean()], np.float32)


def _read(source: Slice) -> tuple[np.ndarray, np.ndarray] | Skip:
    """(128, 128) uint8 image and (128, 128, R) bool masks of the R readers who marked anything."""
    folder = Path(source.nodule_dir)
    image = _read_plane(folder / "images" / source.file_name, "image")
    if isinstance(image, Skip):
        return image
    masks = []
    for path in sorted(folder.glob(f"mask-*/{source.file_name}")):
        mask = _read_plane(path, "mask")
        if isinstance(mask, Skip):
            return mask
        if ((mask != 0) & (mask != mask.max())).any():
            return Skip("mask of more than two values", str(path))
        if mask.any():
            masks.append(mask != 0)
    if not masks:
        return Skip("no reader marked anything", str(folder / "mask-*" / source.file_name))
    return image, np.stack(masks, axis=2)


def _read_plane(path: Path, what: str) -> np.ndarray | Skip:
    try:
        plane = read_image(path)
    except UserError as error:
        return Skip(f"unreadable {what}", str(error))
    if plane.shape != (SIZE, SIZE) or plane.dtype != np.uint8:
        height, width = plane.shape
        return Skip(f"{what} is not {SIZE}x{SIZE} 8-bit", f"{path}: {width}x{height} {plane.dtype}")
    return plane


def _why_not(readers: np.ndarray) -> Skip | None:
    """Why the masks of R readers, (128, 128, R) bool, cannot be labelled; None if they can."""
    n_readers = readers.shape[2]
    if n_readers > records.MAX_READERS:
        return Skip(f"more than {records.MAX_READERS} readers", f"{n_readers} readers")
    if n_readers < 2:
        return Skip("one reader only", "nothing to tell where the border is in doubt")
    if not readers.all(axis=2).any():
        return Skip("empty intersection", f"{n_readers} readers agree on no pixel")
    return None


def _code(mask: np.ndarray) -> np.ndarray:
    return mask.astype(np.uint8) * np.uint8(255)


@dataclasses.dataclass(kw_only=True)
class Config(tfds.core.BuilderConfig):
    """scale: r, label pixels a native pixel."""

    scale: int = 4


class Builder(PreparedBuilder):
    """LIDC-IDRI lung nodules: 128x128 native crops, soft masks from the readers' disagreement."""

    name = "lidc"
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {
        "1.0.0": "Labels by intersection and union of the readers who marked the slice."
    }
    BUILDER_CONFIGS = [
        Config(
            name="x4", scale=4, description="Labels at 4 x the native resolution, as in the paper."
        ),
        Config(name="x2", scale=2, description="Labels at 2 x the native resolution."),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "get the public LIDC-IDRI-slices tree (datasets/lidc/README.md tells where) and name "
        "the folder that holds LIDC-IDRI-0001/nodule-0/images/slice-0.png and so on"
    )
    CITATION = """@article{armato2011lidc,
  title={The Lung Image Database Consortium ({LIDC}) and Image Database Resource Initiative
  ({IDRI}): a
    completed reference database of lung nodules on {CT} scans},
  author={Armato, Samuel G. and McLennan, Geoffrey and Bidaut, Luc and others},
  journal={Medical Physics}, volume={38}, number={2}, pages={915--931}, year={2011}}"""
    make_record = staticmethod(make_record)

    def _info(self) -> tfds.core.DatasetInfo:
        scale = self.builder_config.scale
        side = SIZE * scale
        anchored = tfds.features.Tensor(shape=(side, side), dtype=np.uint8, encoding="zlib")
        return self.prepared_info(
            records.segmentation_features(
                SIZE, scale, np.uint8, extra={"alpha_anchored": anchored}
            ),
            records.metadata(
                kind="segmentation", window=(0, 255), scale=scale, source="LIDC-IDRI-slices"
            ),
        )

    def tasks(self, manual_dir: Path | None) -> list[Task]:
        """One task for each `PATIENT/nodule-K/images/slice-I.png`."""
        root = _tree(manual_dir)
        spacing = self._spacing(manual_dir, root)
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
                scale=self.builder_config.scale,
            )
            tasks.append(Task(split_of(patient), f"{patient}/{nodule}/{path.stem}", arguments))
        known = {t.arguments.patient for t in tasks if t.arguments.spacing_mm}
        patients = {t.arguments.patient for t in tasks}
        self.note(f"pixel spacing known for {len(known)} of {len(patients)} patients")
        return tasks

    def _spacing(self, *folders: Path) -> dict[str, float]:
        for folder in folders:
            if (folder / SPACING_FILE).is_file():
                return read_spacing(folder / SPACING_FILE)
        self.note(
            f"{SPACING_FILE}: found none in {folders[0]}, so spacing_mm is 0 (unknown); to "
            "have distances in mm, put one there with the columns patient,pixel_spacing_mm "
            "and build again with --overwrite"
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
                f"{path} line {line}: found pixel_spacing_mm {row['pixel_spacing_mm']!r}, "
                "expected a positive number of mm; correct or remove the line"
            )
        if len(values) == 1:
            spacing[row["patient"]] = values.pop()
    return spacing


def _tree(manual_dir: Path) -> Path:
    """The folder that holds the patients: `manual_dir` itself or the LIDC-IDRI-slices "
    "folder in it."""
    for root in (manual_dir, manual_dir / "LIDC-IDRI-slices"):
        if next(root.glob("*/nodule-*/images"), None) is not None:
            return root
    raise UserError(
        f"{manual_dir}: found no PATIENT/nodule-K/images folder, expected the "
        "LIDC-IDRI-slices tree; name the folder that holds LIDC-IDRI-0001 and so on"
    )
