"""One lesion as it is on disk: its image in source values, its window, its marks, all checked.

    lesion = read_lesion(read_annotations("lesions.csv").annotations[0])
    image = normalise(lesion.values, lesion.window)  # (H, W) float32 in [0, 1]

Which values are black and white, the first that is known of:

1. the window that is asked for, or else the one of the annotation;
2. for Hounsfield units the lung's, -1000 to 400; a file that does not say its unit is taken to be
   in HU by the values of all of it (`casgan_jax.images.units`);
3. what the file says: 0 to 255 for 8 bits, the window of a DICOM file that is not in HU;
4. percentiles 0.5 and 99.5 of the slice, so that a few bright pixels do not make all others dark.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from casgan_jax.annotations import Annotation
from casgan_jax.errors import UserError
from casgan_jax.grid import Box, normalise
from casgan_jax.images.checks import narrowed
from casgan_jax.images.geometry import Geometry
from casgan_jax.images.scan import open_stack, read_scan
from casgan_jax.images.stack import Scan
from casgan_jax.images.units import as_hu
from casgan_jax.labelling.axes import NOTES, axes_in_pixels, ends_in_pixels
from casgan_jax.labelling.locate import locate
from casgan_jax.labelling.mark import part_of
from casgan_jax.labelling.mark_files import slice_count
from casgan_jax.labelling.marks import read_mask
from casgan_jax.soft_mask.recist import (
    EXCHANGED,
    centre,
    check_diameters,
    check_recist,
    longer_first,
    slips,
)
from casgan_jax.soft_mask.shapes import Shape
from casgan_jax.soft_mask.strokes import Stroke
from casgan_jax.soft_mask.trimap import AnnotationError

LUNG_WINDOW = (-1000.0, 400.0)  # HU
PERCENTILES = (0.5, 99.5)
HU_BY_VALUES = "values taken for HU, as those of CT are"


@dataclasses.dataclass(frozen=True, eq=False)
class Lesion:
    """A lesion in its whole image.

    Attributes:
      annotation: what it was read from.
      values: (H, W) source values, `hu_offset` added.
      unit: "HU" or "stored".
      window: (low, high) of the values that maps to [0, 1].
      spacing_mm: (row, column), or None where neither table nor file says.
      recist: (8,) float32 axes in pixels of the image, the one that is longer in mm first; or None.
      masks: (H, W, R) bool: the readers who marked anything, or the one binary mask; or None.
      click: (2,) x, y in pixels that `recist` was proposed from; None: it was measured.
      geometry: where the image lies; None where its file does not say.
      file, frame: the DICOM file that holds the image, and which of its frames, from 1; None of
        other formats.
      notes: what was done to marks and image that is not the rule.
    """

    annotation: Annotation
    values: np.ndarray
    unit: str
    window: tuple[float, float]
    spacing_mm: tuple[float, float] | None
    recist: np.ndarray | None
    masks: np.ndarray | None
    click: np.ndarray | None = None
    geometry: Geometry | None = None
    file: Path | None = None
    frame: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def strokes(self) -> tuple[Stroke, ...]:
        """That correct what the marks make."""
        return self.annotation.strokes

    @property
    def extent(self) -> Box:
        """Of all marks and strokes; may leave the image."""
        boxes = [self._marked, *(stroke.extent for stroke in self.strokes)]
        edges = np.array([tuple(box) for box in boxes])
        low, high = edges[:, :2].min(axis=0), edges[:, 2:].max(axis=0)
        return Box(*(int(edge) for edge in (*low, *high)))

    @property
    def _marked(self) -> Box:
        if self.recist is not None:
            ends = self.recist.reshape(4, 2)
            low, high = np.floor(ends.min(axis=0) + 0.5), np.floor(ends.max(axis=0) + 0.5) + 1
            return Box(*(int(edge) for edge in (*low, *high)))
        assert self.masks is not None, "marks are axes or masks"
        return Box.around(np.asarray(self.masks.any(axis=2)))

    @property
    def mark(self) -> np.ndarray:
        """(x, y) where one would point at it, or did: the middle of its axes or of its masks."""
        if self.click is not None:
            return self.click
        if self.recist is not None:
            return centre(self.recist)
        assert self.masks is not None, "marks are axes or masks"
        rows, columns, _ = np.nonzero(self.masks)
        return np.array([columns.mean(), rows.mean()])


def read_lesion(annotation: Annotation, *, window: tuple[float, float] | None = None) -> Lesion:
    """Reads the image and the marks of a lesion.

    Args:
      annotation: where they are.
      window: to use instead of the annotation's and the file's.

    Raises:
      AnnotationError: nothing is marked ("no_mask").
      UserError: a file cannot be read, no slice is meant, a mask does not lie on the image or has
        more than two values, axes that cannot be a lesion's or have other diameters than given, an
        offset for an image that is in HU already.
    """
    annotation = locate(annotation)
    scan = with_offset(annotation, _read_image(annotation, window))
    spacing_mm = annotation.spacing_mm or scan.spacing_mm
    masks: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    levels = window or annotation.window or default_window(scan)
    recist, click = annotation.recist, None
    if annotation.axes is not None:
        ends = ends_in_pixels(annotation.axes, scan.geometry, spacing_mm)
        recist = axes_in_pixels(ends, lambda: _shown(scan, levels), spacing_mm)
        click = ends[0] if len(ends) == 1 else None
        notes = (NOTES[len(ends)],) if len(ends) in NOTES else ()
    if recist is not None:
        ordered = longer_first(recist, spacing_mm or (1.0, 1.0))
        if ordered is not recist:
            recist, notes = ordered, (*notes, EXCHANGED)
        check_recist(recist, scan.values.shape, spacing_mm or (1.0, 1.0))
        _check_diameters(annotation, recist, spacing_mm)
        notes = (*notes, *slips(recist, scan.values.shape))
    elif annotation.shape is not None:
        masks = drawn_masks(annotation.shape, scan, window or annotation.window)
    else:
        masks, notes = _read_masks(annotation, scan)
    if scan.unit == "HU" and not scan.instance and annotation.hu_offset is None:
        notes = (*notes, HU_BY_VALUES)
    return Lesion(
        annotation=annotation,
        values=scan.values,
        unit=scan.unit,
        window=levels,
        spacing_mm=spacing_mm,
        recist=recist,
        click=click,
        masks=masks,
        geometry=scan.geometry,
        file=scan.file,
        frame=scan.instance[1] if scan.instance else None,
        notes=(*annotation.notes, *notes),
    )


def _shown(scan: Scan, window: tuple[float, float]) -> np.ndarray:
    """(H, W) in [0, 1]; what is not finite is black."""
    values = np.nan_to_num(scan.values, nan=window[0], posinf=window[0], neginf=window[0])
    return normalise(values, window)


def default_window(scan: Scan) -> tuple[float, float]:
    """(low, high) of a scan for which none was given, see the module."""
    if scan.unit == "HU":
        return LUNG_WINDOW
    if scan.window is not None:
        return scan.window
    values = scan.values[np.isfinite(scan.values)]
    low, high = np.percentile(values, PERCENTILES)
    if low == high:  # a bright object on an even ground
        low, high = values.min(), values.max()
    return float(low), float(high)


def drawn_masks(shape: Shape, scan: Scan, window: tuple[float, float] | None) -> np.ndarray:
    """(H, W, 1) bool of a shape that was drawn on a scan.

    Args:
      shape: an outline or a box.
      scan: in the units of the window; what is not finite is black.
      window: that it was drawn in; None: `default_window`.

    Raises:
      UserError: the shape makes no mask.
    """
    low, high = window or default_window(scan)
    values = np.nan_to_num(scan.values, nan=low, posinf=low, neginf=low)
    return shape.mask(normalise(values, (low, high)))[..., None]


def _read_image(annotation: Annotation, window: tuple[float, float] | None) -> Scan:
    """The image; what the annotation gives need not be right in its file, and NaN does no harm
    where it is far from the lesion (`casgan_jax.labelling.label` looks at what is near)."""
    given = {
        "spacing_mm": annotation.spacing_mm,
        "window": window or annotation.window,
        "hu_offset": annotation.hu_offset,
        "finite": True,
    }
    known = [name for name, value in given.items() if value is not None]
    path, index = annotation.slice_file or (annotation.image, annotation.slice_index)
    if annotation.slice_file is None and _is_index_of_masks(annotation):
        index = None
    scan = read_scan(path, slice_index=index, known=known)
    finite = scan.values[np.isfinite(scan.values)]
    if not finite.size:
        raise scan.faults["finite"]
    low, high = finite.min(), finite.max()
    if low == high:
        raise UserError(
            annotation.image,
            found=f"{low:g} in every pixel",
            expected="an image of a lesion",
            remedy="check the file and the slice",
        )
    return scan


def _is_index_of_masks(annotation: Annotation) -> bool:
    """Whether the slice index counts for masks alone, as the image has but one slice."""
    masks = annotation.files[1:]
    if not annotation.slice_index or not masks or open_stack(annotation.image).count > 1:
        return False
    return any(slice_count(path) > annotation.slice_index for path in masks)


def _check_diameters(
    annotation: Annotation, recist: np.ndarray, spacing_mm: tuple[float, float] | None
) -> None:
    if annotation.diameters_mm is None:
        return
    if spacing_mm is None:
        raise UserError(
            annotation.image,
            found="diameters_mm and no spacing",
            expected="both",
            remedy="give spacing_mm, or leave diameters_mm empty",
        )
    check_diameters(recist, annotation.diameters_mm, spacing_mm)


def with_offset(annotation: Annotation, scan: Scan) -> Scan:
    """The scan in HU where the annotation knows how its values become HU.

    Raises:
      UserError: it is in HU already.
    """
    offset = annotation.hu_offset
    if offset is None:
        return as_hu(annotation.files[0], scan)
    if scan.unit == "HU" and scan.instance:
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
    return dataclasses.replace(scan, values=shifted, unit="HU", window=None)


def _read_masks(annotation: Annotation, scan: Scan) -> tuple[np.ndarray, tuple[str, ...]]:
    """(H, W, R) bool of those who marked anything, and notes."""
    index = annotation.slice_index
    own = bool(index) and annotation.slice_file is None and _is_index_of_masks(annotation)
    files = annotation.files[1:]
    segments = annotation.reader_segments or [annotation.segment] * len(files)
    marks = [
        read_mask(path, scan, slice_index=index, segment=segment, own_index=own)
        for path, segment in zip(files, segments, strict=True)
    ]
    if annotation.component is not None:
        marks = [
            part_of(mark, annotation.component, path)
            for mark, path in zip(marks, files, strict=True)
        ]
    marked = [mark for mark in marks if mark.mask.any()]
    if not marked:
        found = "an empty mask" if len(marks) == 1 else f"{len(marks)} empty masks"
        where = f" on this slice ({marks[0].place})" if marks[0].place else ""
        raise AnnotationError(
            "no_mask",
            files[0],
            found=f"{found}{where}",
            expected="a marked lesion",
            remedy="leave the lesion out",
        )
    notes = tuple(mark.note for mark in marked if mark.note)
    return np.stack([mark.mask for mark in marked], axis=2), notes
