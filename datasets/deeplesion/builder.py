"""DeepLesion CT slices as the high-resolution side of SRGAN's pairs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from casgan_jax.annotations.deeplesion import HU_OFFSET, INFO_FILE, SERIES, find_images
from casgan_jax.errors import UserError
from casgan_jax.files import read_rows
from casgan_jax.images import read_image
from casgan_jax.records import features as records
from casgan_jax.records.splits import split_of
from datasets.base import PreparedBuilder
from datasets.outcomes import Skip
from datasets.task import Record, Task

SIZE = 512
LUNG_WINDOW = (-1000, 400)


class Slice(NamedTuple):
    """One slice: its file, its patient, its key and the side of its pixels (0 where it is "
    "not known)."""

    path: str
    patient: str
    key: str
    spacing_mm: float


def make_record(source: Slice) -> Record | Skip:
    """Reads one slice; HU = value - 32768, which fits int16 exactly."""
    try:
        stored = read_image(source.path)
    except UserError as error:
        return Skip("unreadable image", str(error))
    height, width = stored.shape
    if stored.dtype != np.uint16:
        return Skip("not 16-bit", f"{source.path}: {stored.dtype}")
    if stored.shape != (SIZE, SIZE):
        return Skip(f"image is not {SIZE}x{SIZE}", f"{source.path}: {width}x{height}")
    if stored.min() == stored.max():
        return Skip("constant image", f"{source.path}: every value is {stored[0, 0]}")
    return {
        "image": (stored.astype(np.int32) + HU_OFFSET).astype(np.int16),
        "spacing_mm": source.spacing_mm,
        "patient": source.patient,
        "key": source.key,
    }


class Builder(PreparedBuilder):
    """DeepLesion: 512x512 CT slices in HU, without labels, for super-resolution."""

    name = "deeplesion"
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Whole slices for super-resolution."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        "get Images_png and DL_info.csv of DeepLesion (datasets/deeplesion/README.md tells "
        "where) and name the folder that holds Images_png/000001_01_01/103.png and so on"
    )
    CITATION = """@article{yan2018deeplesion,
  title={{DeepLesion}: automated mining of large-scale lesion annotations and universal lesion
  detection with
    deep learning},
  author={Yan, Ke and Wang, Xiaosong and Lu, Le and Summers, Ronald M.},
  journal={Journal of Medical Imaging}, volume={5}, number={3}, pages={036501}, year={2018}}"""
    make_record = staticmethod(make_record)

    def _info(self) -> tfds.core.DatasetInfo:
        features = tfds.features.FeaturesDict(
            {
                "image": tfds.features.Tensor(shape=(SIZE, SIZE), dtype=np.int16, encoding="zlib"),
                "spacing_mm": tfds.features.Scalar(dtype=np.float32),
                "patient": tfds.features.Text(),
                "key": tfds.features.Text(),
            }
        )
        return self.prepared_info(
            features,
            records.metadata(
                kind="super_resolution", window=LUNG_WINDOW, scale=1, source="DeepLesion"
            ),
        )

    def tasks(self, manual_dir: Path) -> list[Task]:
        """One task for each `Images_png/PATIENT_STUDY_SERIES/SLICE.png`."""
        root = find_images(manual_dir)
        spacing = self._spacing(manual_dir, root.parent)
        tasks = []
        for folder in sorted(root.iterdir()):
            series = SERIES.fullmatch(folder.name)
            if not series:
                continue
            patient = series["patient"]
            for path in folder.glob("*.png"):
                key = f"{folder.name}/{path.stem}"
                arguments = Slice(str(path), patient, key, spacing.get(folder.name, 0.0))
                tasks.append(Task(split_of(patient), key, arguments, (path,)))
        known = sum(task.arguments.spacing_mm > 0 for task in tasks)
        self.note(f"pixel spacing known for {known} of {len(tasks)} slices")
        return tasks

    def _spacing(self, *folders: Path) -> dict[str, float]:
        for folder in folders:
            if (folder / INFO_FILE).is_file():
                self.note_source(folder / INFO_FILE)
                return read_spacing(folder / INFO_FILE)
        self.note(f"{INFO_FILE}: found none in {folders[0]}, so spacing_mm is 0 (unknown)")
        return {}


def read_spacing(path: Path) -> dict[str, float]:
    """In-plane spacing in mm of each series, PATIENT_STUDY_SERIES, from DL_info.csv.

    Raises:
      UserError: a column is missing or a row cannot be read.
    """
    remedy = "use the file as published"
    spacing = {}
    for line, row in read_rows(path, ("File_name", "Spacing_mm_px_"), remedy=remedy):
        series, _, _ = row["File_name"].rpartition("_")
        try:
            value = float(row["Spacing_mm_px_"].split(",")[0])
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            raise UserError(
                f"{path} line {line}",
                found=f"Spacing_mm_px_ {row['Spacing_mm_px_']!r}",
                expected="'x, y, z' in mm",
                remedy=f"{remedy}",
            )
        spacing[series] = value
    return spacing
