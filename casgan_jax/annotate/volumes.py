"""A lesion as its reader left it -> what `casgan_jax.labelling.volumes` makes a soft volume of.

    lesion = volume_lesion_of(item, state, slices)
    shown = make_volume(item, state, slices, VolumeOptions())

The lesion's own mark decides on the window; what is said of other slices is seen in the same.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from casgan_jax.annotate.lesions import annotation_of, check_strokes, lesion_of, slice_of
from casgan_jax.annotate.pictures import Item
from casgan_jax.annotate.slices import Slices
from casgan_jax.annotate.state import State
from casgan_jax.errors import UserError
from casgan_jax.grid import Box, encode_alpha
from casgan_jax.images.stack import indices
from casgan_jax.labelling.lesion import Lesion
from casgan_jax.labelling.volumes.label import label_read_volume
from casgan_jax.labelling.volumes.labelled import LabelledVolume, VolumeOptions
from casgan_jax.labelling.volumes.lesion import VolumeLesion
from casgan_jax.labelling.volumes.sheet import crop_of
from casgan_jax.soft_mask.volume_marks import Correction

_FARTHEST = 100  # slices from a lesion's own that are said to have it, as all between are read


@dataclasses.dataclass(frozen=True, eq=False)
class ShownVolume:
    """What the page shows of a labelled volume. Slices count from 0 in the image.

    Attributes:
      start: slice of the first plane.
      box: of the planes in a slice.
      values: (S, h, w) of the image, the slices of the lesion and those beside it.
      alpha: (S, h, w) uint8, round(255 * alpha), of the same; 0 elsewhere.
      first, last: slices of the lesion.
      marked: slices whose marks show the lesion.
      long_slice: of the longest diameter.
      long_mm, short_mm, volume_mm3, hard_volume_mm3: see `VolumeMeasures`.
      ended, notes: see `LabelledVolume`.
    """

    start: int
    box: Box
    values: np.ndarray
    alpha: np.ndarray
    first: int
    last: int
    marked: tuple[int, ...]
    long_slice: int
    long_mm: float
    short_mm: float
    volume_mm3: float
    hard_volume_mm3: float
    ended: tuple[str, str]
    notes: tuple[str, ...]


def volume_lesion_of(item: Item, state: State, slices: Slices) -> VolumeLesion:
    """A lesion with all that is said of its slices.

    Raises:
      UserError: it has no mark, or its image cannot be read or is no volume.
    """
    return _with_marks(item, state, slices)[0]


def make_volume(item: Item, state: State, slices: Slices, options: VolumeOptions) -> ShownVolume:
    """The soft volume of a lesion, of slices that are kept in memory.

    Raises:
      UserError: as `volume_lesion_of` and `label_read_volume`.
    """
    lesion, marks = _with_marks(item, state, slices)
    return _shown(label_read_volume(lesion, marks, options))


def _with_marks(item: Item, state: State, slices: Slices) -> tuple[VolumeLesion, list[Lesion]]:
    """A lesion and its marks as they are read, by the slices.

    Raises:
      UserError: see `volume_lesion_of`.
    """
    annotation = annotation_of(item, state, slices)
    if annotation is None:
        raise UserError("volume", found="no mark", expected="one", remedy="draw it")
    volume = slices.volume(item.picture)
    own = lesion_of(item, annotation, state, slices)
    marks = {slice_of(item, state, slices): own}
    corrections = []
    for one in state.beside:
        if one.mark is None:
            check_strokes(one.strokes, own.values.shape)
            corrections.append(Correction(one.slice, one.strokes, one.absent))
            continue
        seen = dataclasses.replace(one.mark, window=own.window)
        of_slice = State(mark=seen, strokes=one.strokes)
        marked = annotation_of(item, of_slice, slices)
        assert marked is not None, "it has a mark"
        marks[one.slice] = lesion_of(item, marked, of_slice, slices)
    ordered = sorted(marks.items())
    lesion = VolumeLesion(
        item.key,
        tuple((index, mark.annotation) for index, mark in ordered),
        corrections=tuple(corrections),
        slices=volume,
    )
    return lesion, [mark for _, mark in ordered]


def _shown(label: LabelledVolume) -> ShownVolume:
    box, count = crop_of(label), len(label.alpha)
    before, after = label.beside
    numbers = range(-(before is not None), count + (after is not None))
    planes = [label.plane(number) for number in numbers]
    first, measures = label.run.first + label.first, label.measures
    return ShownVolume(
        start=first + numbers[0],
        box=box,
        values=np.stack([box.crop(values) for values, _ in planes]),
        alpha=np.stack([encode_alpha(box.crop(alpha)) for _, alpha in planes]),
        first=first,
        last=first + count - 1,
        marked=tuple(label.run.first + index for index in label.marked),
        long_slice=first + measures.diameters.slice,
        long_mm=measures.diameters.long_mm,
        short_mm=measures.diameters.short_mm,
        volume_mm3=measures.volume_mm3,
        hard_volume_mm3=measures.hard_volume_mm3,
        ended=label.ended,
        notes=label.notes,
    )


def on_slice(
    item: Item, state: State, kind: str, body: dict[str, Any], slices: Slices
) -> dict[str, Any]:
    """The body of an event that may follow, told whether it is of the lesion's own slice.

    Args:
      item, state: the lesion.
      kind, body: the event, checked by itself.
      slices: of the images.

    Raises:
      UserError: there is no such slice, the lesion has no volume that others could belong to, or
        its own slice is said to be without it.
    """
    if "slice" not in body:
        return body
    own, index = slice_of(item, state, slices), body["slice"]
    if kind == "mark" and not state.volume:
        return body | ({"keep_strokes": index == own} if state.strokes else {})
    count = slices.count(item.picture)
    if index >= count:
        raise UserError("slice", found=f"{index}", expected=indices(count))
    if not state.volume and (index != own or kind == "absent"):
        raise UserError(
            "slice",
            found=f"{index} of a lesion without a volume",
            expected=f"{own}, its own",
            remedy="make the volume first",
        )
    if abs(index - own) > _FARTHEST:
        raise UserError(
            "slice",
            found=f"{index} for a lesion on slice {own}",
            expected=f"one within {_FARTHEST} of it",
            remedy="mark what is there as another lesion",
        )
    if kind == "absent" and index == own:
        raise UserError(
            "slice",
            found="the lesion's own mark there",
            expected="another slice",
            remedy="mark the lesion on another slice, or reject it",
        )
    if kind == "mark":
        return body | ({"keep_strokes": True} if index == own else {"beside": True})
    return {name: value for name, value in body.items() if name != "slice" or index != own}
