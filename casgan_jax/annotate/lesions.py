"""A lesion as its reader left it -> what `casgan_jax.labelling` makes a soft mask of."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from casgan_jax.annotate.pictures import Item
from casgan_jax.annotate.slices import Slices
from casgan_jax.annotate.state import State
from casgan_jax.annotations import Annotation
from casgan_jax.errors import UserError
from casgan_jax.images.stack import indices
from casgan_jax.labelling.lesion import Lesion, drawn_masks, read_lesion
from casgan_jax.soft_mask.recist import check_recist
from casgan_jax.soft_mask.strokes import Stroke


def annotation_of(item: Item, state: State, slices: Slices) -> Annotation | None:
    """The marks of a lesion: those that its reader drew, or else the source's; None: neither.

    Raises:
      UserError: the image cannot be read, or has no such slice.
    """
    changes: dict[str, Any] = {"strokes": state.strokes, "proposal": state.proposal}
    mark = state.mark
    if mark is None:
        return item.given and dataclasses.replace(item.located, **changes)
    count = slices.count(item.picture)
    if mark.slice >= count:
        raise UserError("slice", found=f"{mark.slice}", expected=indices(count))
    image, index = item.picture.place(mark.slice, count)
    return dataclasses.replace(
        item.picture.annotation,
        key=item.key,
        image=image,
        slice_index=index,
        recist=np.array(mark.points, np.float32) if mark.kind == "recist" else None,
        shape=mark.shape,
        window=mark.window,
        **changes,
    )


def slice_of(item: Item, state: State, slices: Slices) -> int:
    """The slice that a lesion is on; of an image without a mark, the middle one.

    Raises:
      UserError: the image cannot be read.
    """
    if state.mark is not None:
        return state.mark.slice
    if item.index is not None:
        return item.index
    if item.given is not None:
        return item.located.slice_index or 0
    return (slices.count(item.picture) - 1) // 2


def lesion_of(item: Item, annotation: Annotation, state: State, slices: Slices) -> Lesion:
    """What the label is made of: as `read_lesion` has it, but of slices that are kept in memory.

    Raises:
      UserError: as `read_lesion`.
    """
    if state.mark is None:
        return read_lesion(annotation)
    scan = slices.read(item.picture, state.mark.slice)
    spacing_mm = annotation.spacing_mm or scan.spacing_mm
    masks = None
    if annotation.recist is not None:
        check_recist(annotation.recist, scan.values.shape, spacing_mm or (1.0, 1.0))
    elif annotation.shape is not None:
        masks = drawn_masks(annotation.shape, scan, state.mark.window)
    check_strokes(state.strokes, scan.values.shape)
    for field, fault in scan.faults.items():
        if field not in ("window", "finite") and getattr(annotation, field) is None:
            raise fault
    return Lesion(
        annotation=annotation,
        values=scan.values,
        unit=scan.unit,
        window=state.mark.window,
        spacing_mm=spacing_mm,
        recist=annotation.recist,
        masks=masks,
        geometry=scan.geometry,
    )


def check_strokes(strokes: Sequence[Stroke], shape: tuple[int, ...]) -> None:
    """Refuses a stroke that lies outside of an image (H, W).

    Raises:
      UserError: there is one.
    """
    for stroke in strokes:
        if min(stroke.extent.clipped(shape).shape) <= 0:
            raise UserError("points", found="a stroke outside of the image", expected="one in it")
