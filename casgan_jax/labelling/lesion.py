"""One lesion as it is on disk: its image in source values, its window, its marks, all checked.

    lesion = read_lesion(read_annotations("lesions.csv").annotations[0])
    image = to_unit(lesion.values, lesion.window)  # (H, W) float32 in [0, 1]

Which values are black and white, the first that is known of:

1. the window that is asked for, or else the one of the annotation;
2. for Hounsfield units the lung's, -1000 to 400;
3. what the file says: 0 to 255 for 8 bits, the window of a DICOM file that is not in HU;
4. percentiles 0.5 and 99.5 of the slice, so that a few bright pixels do not make all others dark.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from casgan_jax.annotations import Annotation
from casgan_jax.errors import UserError
from casgan_jax.images.checks import narrowed
from casgan_jax.images.scan import open_stack, read_scan
from casgan_jax.images.stack import Scan, choose_slice
from casgan_jax.soft_mask.recist import check_diameters, check_recist
from casgan_jax.soft_mask.trimap import AnnotationError

LUNG_WINDOW = (-1000.0, 400.0)  # HU
PERCENTILES = (0.5, 99.5)


@dataclasses.dataclass(frozen=True, eq=False)
class Lesion:
    """A lesion in its whole image.

    Attributes:
      annotation: what it was read from.
      values: (H, W) source values, `hu_offset` added.
      unit: "HU" or "stored".
      window: (low, high) of the values that maps to [0, 1].
      spacing_mm: (row, column), or None where neither table nor file says.
      recist: (8,) float32 axes in pixels of the image, or None.
      masks: (H, W, R) bool: the readers who marked anything, or the one binary mask; or None.
    """

    annotation: Annotation
    values: np.ndarray
    unit: str
    window: tuple[float, float]
    spacing_mm: tuple[float, float] | None
    recist: np.ndarray | None
    masks: np.ndarray | None

    @property
    def extent(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom), exclusive, of all marks, in pixels; may leave the image."""
        if self.recist is not None:
            ends = self.recist.reshape(4, 2)
            low, high = np.floor(ends.min(axis=0) + 0.5), np.floor(ends.max(axis=0) + 0.5) + 1
            return int(low[0]), int(low[1]), int(high[0]), int(high[1])
        assert self.masks is not None, "marks are axes or masks"
        rows, columns = np.nonzero(self.masks.any(axis=2))
        left, top = int(columns.min()), int(rows.min())
        return left, top, int(columns.max()) + 1, int(rows.max()) + 1


def read_lesion(annotation: Annotation, *, window: tuple[float, float] | None = None) -> Lesion:
    """Reads the image and the marks of a lesion.

    Args:
      annotation: where they are.
      window: to use instead of the annotation's and the file's.

    Raises:
      AnnotationError: nothing is marked ("no_mask").
      UserError: a file cannot be read, a mask has another size than the image or more than two
        values, axes that cannot be a lesion's or have other diameters than given, an offset for an
        image that is in HU already.
    """
    scan = _with_offset(annotation, _read_image(annotation))
    masks = None
    if annotation.recist is not None:
        check_recist(annotation.recist, scan.values.shape)
        _check_diameters(annotation, scan)
    else:
        masks = _read_masks(annotation, scan.values.shape)
    return Lesion(
        annotation=annotation,
        values=scan.values,
        unit=scan.unit,
        window=window or annotation.window or default_window(scan),
        spacing_mm=annotation.spacing_mm or scan.spacing_mm,
        recist=annotation.recist,
        masks=masks,
    )


def default_window(scan: Scan) -> tuple[float, float]:
    """(low, high) of a scan for which none was given, see the module."""
    if scan.unit == "HU":
        return LUNG_WINDOW
    if scan.window is not None:
        return scan.window
    low, high = np.percentile(scan.values, PERCENTILES)
    if low == high:  # a bright object on an even ground
        low, high = scan.values.min(), scan.values.max()
    return float(low), float(high)


def _read_image(annotation: Annotation) -> Scan:
    scan = read_scan(annotation.image, slice_index=annotation.slice_index)
    low, high = scan.values.min(), scan.values.max()
    if low == high:
        raise UserError(
            annotation.image,
            found=f"{low:g} in every pixel",
            expected="an image of a lesion",
            remedy="check the file and the slice",
        )
    return scan


def _check_diameters(annotation: Annotation, scan: Scan) -> None:
    spacing_mm = annotation.spacing_mm or scan.spacing_mm
    if annotation.diameters_mm is None or annotation.recist is None:
        return
    if spacing_mm is None:
        raise UserError(
            annotation.image,
            found="diameters_mm and no spacing",
            expected="both",
            remedy="give spacing_mm, or leave diameters_mm empty",
        )
    check_diameters(annotation.recist, annotation.diameters_mm, spacing_mm)


def _with_offset(annotation: Annotation, scan: Scan) -> Scan:
    offset = annotation.hu_offset
    if offset is None:
        return scan
    if scan.unit == "HU":
        raise UserError(
            annotation.image,
            found=f"hu_offset {offset:g} for an image that is in HU already",
            expected="none",
            remedy="leave the cell empty",
        )
    if scan.values.dtype.kind in "iu" and float(offset).is_integer():
        shifted = narrowed(annotation.image, scan.values.astype(np.int64) + int(offset))
    else:
        shifted = scan.values.astype(np.float32) + np.float32(offset)
    return Scan(shifted, scan.spacing_mm, "HU")


def _read_masks(annotation: Annotation, shape: tuple[int, int]) -> np.ndarray:
    """(H, W, R) bool of those who marked anything."""
    files = annotation.files[1:]
    masks = [_read_mask(path, annotation.slice_index, shape) for path in files]
    marked = [mask for mask in masks if mask.any()]
    if not marked:
        found = "an empty mask" if len(masks) == 1 else f"{len(masks)} empty masks"
        raise AnnotationError(
            "no_mask",
            files[0],
            found=f"{found}",
            expected="a marked lesion",
            remedy="leave the lesion out",
        )
    return np.stack(marked, axis=2)


def _read_mask(path: Path, slice_index: int | None, shape: tuple[int, int]) -> np.ndarray:
    """(H, W) bool. A mask of one slice is a volume's mask, too: of the slice that is meant."""
    stack = open_stack(path)
    index = 0 if stack.count == 1 else choose_slice(path, slice_index, stack.count)
    mask = stack.read(index).values
    if mask.shape != shape:
        raise UserError(
            path,
            found=f"{mask.shape[1]} x {mask.shape[0]} pixels",
            expected=f"the image's {shape[1]} x {shape[0]}",
            remedy="draw or export the mask on the image's own grid",
        )
    levels = np.unique(mask[mask != 0])
    if len(levels) > 1:
        raise UserError(
            path,
            found=f"{len(levels) + 1} values from {mask.min():g} to {mask.max():g}",
            expected="0 and one other",
            remedy="save one lesion as a binary mask, without smoothing",
        )
    return mask != 0
