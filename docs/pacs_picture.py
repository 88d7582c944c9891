"""Draws docs/pacs.png: lesions of studies, and what went into the PACS, read back and laid upon CT.

    python -m datasets.phantom.study --output=study
    python docs/pacs_picture.py --study=study --window=-1000,400

Each study is a folder with lesions.csv, or with marks beside its images. Of each the lesion in the
middle is drawn, in the window that is given for it. The soft segmentation is read by SimpleITK, and
the points of the RT structure set are put upon the CT by SimpleITK, so that neither knows of this
package.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pydicom
import SimpleITK

from casgan_jax.annotations import Annotation, Annotations, read_annotations
from casgan_jax.files import Row
from casgan_jax.grid import normalise
from casgan_jax.images import write_png
from casgan_jax.labelling.batch import BatchOptions, label_batch
from casgan_jax.labelling.label import LabelOptions, crop_box
from casgan_jax.labelling.lesion import Lesion, read_lesion
from casgan_jax.labelling.study import read_study
from casgan_jax.labelling.study_lesions import study_lesions
from casgan_jax.report.sheet import BLUE, ORANGE, Colour, as_picture, sheet

_TITLES = ("CT", "marks that came in", "soft SEG by SimpleITK", "RTSTRUCT upon the CT")
_TILE = 288  # pixels
_SHIFT = 4  # fractional bits of points that are drawn
_STRENGTH = 0.75  # of the colour where a soft mask is 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--study", type=Path, action="append", required=True)
    parser.add_argument("--window", type=_window, action="append", required=True)
    parser.add_argument("--output", type=Path, default=Path("docs/pacs.png"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            _pictures(_lesion(study, window), Path(folder) / str(number))
            for number, (study, window) in enumerate(zip(given.study, given.window, strict=True))
        ]
    write_png(given.output, sheet(rows, titles=_TITLES, tile=_TILE))


def _window(text: str) -> tuple[float, float]:
    low, high = map(float, text.split(","))
    return low, high


def _lesion(study: Path, window: tuple[float, float]) -> Annotation:
    """The lesion in the middle of a study."""
    table = study / "lesions.csv"
    lesions = read_annotations(table) if table.is_file() else study_lesions(read_study(study))
    middle = lesions.annotations[len(lesions.annotations) // 2]
    return dataclasses.replace(middle, window=window)


def _pictures(one: Annotation, folder: Path) -> list[np.ndarray]:
    """A row of the sheet."""
    options = BatchOptions(label=LabelOptions(), formats=("dicom", "rtstruct"))
    batch = label_batch(Annotations((one,), ()), folder, options, workers=0, progress=False)
    (row,) = batch.rows
    if row["status"] != "labelled":
        raise SystemExit(row["reason"])
    lesion = read_lesion(one)
    image = _as_itk(lesion)
    box = crop_box(lesion.extent, lesion.values.shape)
    crop = box.crop(as_picture(normalise(lesion.values, lesion.window)))
    soft = box.crop(_soft(folder, row, image))
    given, found = (
        [points - np.array(box.corner) for points in lines]
        for lines in (_marks(lesion), _outlines(folder / row["contours"], row["key"], image))
    )
    return [crop, _drawn(crop, given, BLUE), _blended(crop, soft), _drawn(crop, found, ORANGE)]


def _as_itk(lesion: Lesion) -> SimpleITK.Image:
    """The CT slice as SimpleITK reads it."""
    image = SimpleITK.ReadImage(str(lesion.file))
    assert image.GetSize()[:2] == lesion.values.shape[::-1]
    return image


def _soft(folder: Path, row: Row, image: SimpleITK.Image) -> np.ndarray:
    """(H, W) in [0, 1], the lesion's frame of the soft segmentation where it lies on the CT."""
    segmentation = SimpleITK.ReadImage(str(folder / row["soft_segmentation"]))
    placed = SimpleITK.Resample(segmentation, image, SimpleITK.Transform(), SimpleITK.sitkLinear)
    return np.asarray(SimpleITK.GetArrayFromImage(placed)[0] / 255.0, np.float32)


def _outlines(path: Path, key: str, image: SimpleITK.Image) -> list[np.ndarray]:
    """(N, 2) x, y in pixels of the CT: the contours of the region of that name."""
    dataset = pydicom.dcmread(path)
    numbers = {item.ROIName: item.ROINumber for item in dataset.StructureSetROISequence}
    drawn = {item.ReferencedROINumber: item for item in dataset.ROIContourSequence}
    contours = drawn[numbers[key]].ContourSequence
    return [
        np.array(
            [
                image.TransformPhysicalPointToContinuousIndex(point)[:2]
                for point in np.reshape(np.asarray(one.ContourData, float), (-1, 3)).tolist()
            ]
        )
        for one in contours
    ]


def _marks(lesion: Lesion) -> list[np.ndarray]:
    """(N, 2) lines in pixels: both axes, or the outlines of the masks."""
    if lesion.recist is not None:
        return list(lesion.recist.reshape(2, 2, 2))
    assert lesion.masks is not None, "marks are axes or masks"
    fine = cv2.resize(
        lesion.masks[..., 0].astype(np.uint8), None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST
    )
    contours, _ = cv2.findContours(fine, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    return [np.concatenate([one[:, 0], one[:1, 0]]) / 4 - 0.375 for one in contours]


def _drawn(picture: np.ndarray, lines: list[np.ndarray], colour: Colour) -> np.ndarray:
    """The picture enlarged to the tile, with lines of one pixel."""
    enlarge = _TILE / max(picture.shape[:2])
    made = _enlarged(picture)
    points = [
        np.rint(((line + 0.5) * enlarge - 0.5) * 2**_SHIFT).astype(np.int32) for line in lines
    ]
    cv2.polylines(made, points, False, colour, 1, cv2.LINE_AA, _SHIFT)
    return made


def _blended(picture: np.ndarray, soft: np.ndarray) -> np.ndarray:
    share = _STRENGTH * soft[..., None]
    return _enlarged(np.rint(picture * (1 - share) + share * np.array(ORANGE)).astype(np.uint8))


def _enlarged(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    enlarge = _TILE / max(height, width)
    size = (round(width * enlarge), round(height * enlarge))
    how = cv2.INTER_NEAREST if enlarge > 1 else cv2.INTER_AREA
    return cv2.resize(picture, size, interpolation=how)


if __name__ == "__main__":
    main()
