"""What is known of one lesion before anything is read: where its image and its marks are."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from casgan_jax.annotations.axes import Axes
from casgan_jax.soft_mask.shapes import Shape
from casgan_jax.soft_mask.strokes import Stroke

if TYPE_CHECKING:  # it brings JAX, which reading a table does not need
    from casgan_jax.soft_mask.proposal import Proposal


class Group(NamedTuple):
    """Marks of one lesion on several slices.

    Attributes:
      id: that these marks have in common, and no others.
      name: of the lesion.
    """

    id: str
    name: str


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Annotation:
    """One lesion of a table, with marks of exactly one kind: `recist`, `axes`, `mask`,
    `reader_masks` or `shape`.

    Attributes:
      key: names the lesion and its output files; unique in its table.
      patient: name of the patient; lesions of one patient stay in one split.
      image: file of the image.
      slice_index: of a volume or a multi-page file, from 0; None where the image is the only one.
        It also counts for marks of several slices that do not say where they lie.
      series: number or UID of the series where `image` is a folder of several; None: there is one.
      slice_file: the file of the slice and its frame, from 0, or None, where `image` is a folder;
        found once for all lesions of a batch (`casgan_jax.labelling.locate`).
      recist: (8,) float32, long axis x1, y1, x2, y2, then short axis x3, y3, x4, y4, in pixels,
        pixel centres at integers from 0.
      axes: axes given in other units, one alone, or a click.
      mask: file of the lesion's binary mask.
      reader_masks: files of the readers' binary masks; one file may be those of several.
      reader_segments: which mark of each of `reader_masks` is the reader's; (): `segment` in all.
      shape: an outline or a box that was drawn on the image.
      segment: which mark of `mask` or `reader_masks` is the lesion's where a file has several: the
        value in a mask, or number or name of a segment of a DICOM segmentation or of a region of
        an RTSTRUCT; None: there is one.
      component: which of the connected parts of `mask` on the slice is the lesion, from 1, by rows;
        None: all of it.
      spacing_mm: (row, column) side of a pixel; None: what the image says.
      diameters_mm: (long, short) of the axes, as written down by whoever drew them, to check
        `recist` with; None: not known.
      window: (low, high) that maps to [0, 1], after `hu_offset`; None: see `lesion.read_lesion`.
      hu_offset: added to the stored values it gives Hounsfield units; None: the image says itself
        whether it is in HU.
      split: "train", "validation" or "test"; None: by the patient's name.
      notes: what is to be said of it that is not the rule.
      strokes: of a brush, that correct what the marks make, in pixels of the image.
      proposal: a soft mask that a trained network gave of the lesion, in place of the one that
        would be made from the marks; None: there is none.
      group: which marks of other slices are of the same lesion; None: no others are.
      study: folder of a study that the file of the image is one of; None: there is none.
    """

    key: str
    patient: str
    image: Path
    slice_index: int | None = None
    series: str | None = None
    slice_file: tuple[Path, int | None] | None = None
    recist: np.ndarray | None = None
    axes: Axes | None = None
    mask: Path | None = None
    reader_masks: tuple[Path, ...] = ()
    reader_segments: tuple[str, ...] = ()
    shape: Shape | None = None
    segment: str | None = None
    component: int | None = None
    spacing_mm: tuple[float, float] | None = None
    diameters_mm: tuple[float, float] | None = None
    window: tuple[float, float] | None = None
    hu_offset: float | None = None
    split: str | None = None
    notes: tuple[str, ...] = ()
    strokes: tuple[Stroke, ...] = ()
    proposal: Proposal | None = None
    group: Group | None = None
    study: Path | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that the lesion is read from."""
        image = self.slice_file[0] if self.slice_file else self.image
        masks = (self.mask,) if self.mask else self.reader_masks
        return (image, *masks)


@dataclasses.dataclass(frozen=True)
class Failure:
    """A line of a table that is no annotation.

    Attributes:
      line: its number in the file, the column names being line 1.
      key: what the lesion would have been called; "" where not even the image is named.
      reason: one line: the table and line, what was found, what is expected.
    """

    line: int
    key: str
    reason: str


@dataclasses.dataclass(frozen=True)
class Annotations:
    """What a table holds.

    Attributes:
      annotations: of the good lines, in the table's order.
      failures: of the others.
    """

    annotations: tuple[Annotation, ...]
    failures: tuple[Failure, ...]
