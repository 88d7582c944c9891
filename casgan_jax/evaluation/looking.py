"""What a system is shown of lesions in images, and where its soft masks lie.

    lesion = Lesion(image01, box, Marks(click=(212, 305)))
    (alpha,) = soft_masks(system, [lesion])  # over the box, r times as fine as the image

A system sees the box of native pixels around the mark or, where it was trained to, lesions with
axes as they lie in `casgan_jax.soft_mask.view`. Whichever it is, its mask is given over the box.
Such a system looks twice at a lesion that it is shown without axes: the second time by those of
what it found at first, and the mean of both counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import PAPER_THRESHOLD, Box, binarise
from casgan_jax.soft_mask.mark_planes import Marks, mark_planes
from casgan_jax.soft_mask.recist import check_axes, measure_axes
from casgan_jax.soft_mask.view import View, view_of_axes, view_of_box


class Cascade(Protocol):
    """What is asked of a trained system; `casgan_jax.inference.load.load_system` returns one."""

    patch: int
    scale: int
    threshold: float

    @property
    def mark_kinds(self) -> tuple[str, ...]: ...  # kinds that it is shown

    @property
    def axis_share(self) -> float: ...  # of the patch, that a long axis takes; 0: native pixels

    @property
    def neighbours(self) -> int: ...  # slices that it sees to either side

    def __call__(
        self,
        patches: np.ndarray,
        /,
        *,
        marks: np.ndarray | None = None,
        neighbours: np.ndarray | None = None,
    ) -> Mapping[str, np.ndarray]: ...


class Lesion(NamedTuple):
    """A marked lesion.

    Attributes:
      image: (H, W) float32 in [0, 1].
      box: of native pixels that the soft mask is wanted for.
      marks: what was marked; a system that sees none is shown none.
      neighbours: (H, W, slices) float32 in [0, 1], two for each that the system sees to either side
        (`casgan_jax.records.neighbours`); None where it sees none.
    """

    image: np.ndarray
    box: Box
    marks: Marks
    neighbours: np.ndarray | None = None


def soft_masks(system: Cascade, lesions: Sequence[Lesion]) -> list[np.ndarray]:
    """The system's soft masks of lesions.

    Args:
      system: trained.
      lesions: whose boxes have the system's `patch` a side, unless it sees them by their axes.

    Returns:
      (r height, r width) float32 over each box.
    """
    if not system.axis_share:
        return _by_boxes(system, lesions)
    masks = _by_views(system, lesions)
    again, found = [], []
    for index, (lesion, mask) in enumerate(zip(lesions, masks, strict=True)):
        shown = lesion.marks.recist is not None
        axes = None if shown else axes_of_mask(mask, lesion.box, system.scale)
        if axes is not None:
            again.append(lesion._replace(marks=Marks(recist=axes)))
            found.append(index)
    for index, mask in zip(found, _by_views(system, again), strict=True):
        masks[index] = (masks[index] + mask) / np.float32(2.0)
    return masks


def _by_boxes(system: Cascade, lesions: Sequence[Lesion]) -> list[np.ndarray]:
    if not lesions:
        return []

    def shown(lesion: Lesion, plane: np.ndarray) -> np.ndarray:
        return lesion.box.crop(plane, padded=True)

    def planes(lesion: Lesion) -> np.ndarray:
        left, top, right, bottom = lesion.box
        x, y = np.arange(left, right), np.arange(top, bottom)[:, None]
        return mark_planes(system.mark_kinds, lesion.marks, x, y)

    return list(_shown(system, lesions, shown, planes))


def _by_views(system: Cascade, lesions: Sequence[Lesion]) -> list[np.ndarray]:
    if not lesions:
        return []
    side = system.patch
    views = [_view(system, lesion) for lesion in lesions]

    def shown(lesion: Lesion, plane: np.ndarray) -> np.ndarray:
        return _view(system, lesion).sample(plane, side)

    def planes(lesion: Lesion) -> np.ndarray:
        positions = _view(system, lesion).positions(side)
        return mark_planes(system.mark_kinds, lesion.marks, *positions)

    alphas = _shown(system, lesions, shown, planes)
    return [
        view.onto(np.asarray(alpha, np.float32), lesion.box, side, system.scale)
        for alpha, view, lesion in zip(alphas, views, lesions, strict=True)
    ]


def _shown(
    system: Cascade,
    lesions: Sequence[Lesion],
    sample: Callable[[Lesion, np.ndarray], np.ndarray],
    planes: Callable[[Lesion], np.ndarray],
) -> np.ndarray:
    """Soft masks of patches, of all that the system sees.

    Args:
      sample: a lesion's patch of a plane (H, W) of its image.
      planes: those of its marks.
    """
    seen = {}
    if system.mark_kinds:
        seen["marks"] = np.stack([planes(lesion) for lesion in lesions])
    if system.neighbours:
        # One by one: OpenCV rounds positions otherwise where a plane has several channels.
        slices = [[sample(one, plane) for plane in _beside(one)] for one in lesions]
        seen["neighbours"] = np.moveaxis(np.array(slices), 1, -1)
    patches = np.stack([sample(lesion, lesion.image) for lesion in lesions])
    return np.asarray(system(patches, **seen)["alpha"])


def _beside(lesion: Lesion) -> np.ndarray:
    """The slices beside a lesion's, (slices, H, W).

    Raises:
      ValueError: there are none.
    """
    if lesion.neighbours is None:
        raise ValueError("neighbours: found none for a system that sees slices beside the lesion's")
    return np.ascontiguousarray(np.moveaxis(lesion.neighbours, -1, 0))


def _view(system: Cascade, lesion: Lesion) -> View:
    if lesion.marks.recist is not None:
        return view_of_axes(lesion.marks.recist, system.patch, share=system.axis_share)
    if lesion.marks.click is not None:
        return view_of_box(Box.centred(lesion.marks.click, system.patch))
    return view_of_box(lesion.box)


def axes_of_mask(
    mask: np.ndarray, box: Box, scale: int, threshold: float = PAPER_THRESHOLD
) -> np.ndarray | None:
    """The axes of a soft mask, (8,) in the image's pixels; None where it has none of a lesion.

    Args:
      mask: (r height, r width) over the box.
      box: in the image.
      scale: r.
      threshold: see `measure_axes`.
    """
    if not np.isfinite(mask).all() or not binarise(mask, threshold).any():
        return None
    axes = measure_axes(mask, threshold, scale=scale)
    try:
        check_axes(axes)
    except UserError:  # of a mask one pixel wide, for instance
        return None
    return axes + np.tile(box.corner, 4).astype(np.float32)
