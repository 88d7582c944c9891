"""The soft volume of one lesion, with all that is measured on it.

    (lesion,) = volume_lesions(annotations.annotations)
    label = label_lesion_volume(lesion, VolumeOptions())
    label.alpha, label.first, label.measures.volume_mm3

Only slices about the marks are read: as far as the lesion may reach by its size on the marked
slices, and further where its soft mask comes to the end of what was read.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from casgan_jax.errors import UserError
from casgan_jax.grid import area_mean, as_stored
from casgan_jax.images.regular import RegularRun, regular_run
from casgan_jax.labelling.label import LabelOptions, label_read_lesion
from casgan_jax.labelling.lesion import Lesion, read_lesion
from casgan_jax.labelling.volumes.labelled import LabelledVolume, VolumeOptions, spacing_of
from casgan_jax.labelling.volumes.lesion import VolumeLesion
from casgan_jax.labelling.volumes.slab import Slab, read_slab
from casgan_jax.labelling.volumes.slices import Slices
from casgan_jax.labelling.volumes.straight import Straight
from casgan_jax.soft_mask.volume_following import Propose
from casgan_jax.soft_mask.volume_label import VolumeLabel, label_volume
from casgan_jax.soft_mask.volume_marks import Correction, VolumeMark
from casgan_jax.soft_mask.volume_measures import Spacing, measure_volume, surface_mm2

_REACH = 1.0  # sizes of the marks that are read to either side of them
_LEAST_REACH = 3  # slices


def label_lesion_volume(
    lesion: VolumeLesion, options: VolumeOptions, propose: Propose | None = None
) -> LabelledVolume:
    """Reads and labels one lesion.

    Args:
      lesion: of `volume_lesions`.
      options: how it is labelled.
      propose: a network that follows it, see `label_volume`.

    Raises:
      UserError: its fault, what `read_lesion` raises of its marks, and `label_read_volume`.
    """
    if lesion.fault is not None:
        raise lesion.fault
    _check_slices(lesion)
    marks = [read_lesion(one, window=options.window) for _, one in lesion.marks]
    return label_read_volume(lesion, marks, options, propose)


def label_read_volume(
    lesion: VolumeLesion,
    marks: list[Lesion],
    options: VolumeOptions,
    propose: Propose | None = None,
) -> LabelledVolume:
    """Labels one lesion whose marks were read.

    Args:
      lesion: without a fault.
      marks: its marks, as `read_lesion` has them.
      options, propose: see `label_lesion_volume`.

    Raises:
      UserError: what `label_volume` raises of the marks and `label_read_lesion` of one that was
        corrected, slices that do not make a volume, a slice that is missing where the lesion is, or
        values in it that are not finite.
    """
    assert lesion.slices is not None, "without a fault it has a place"
    slices, indices = lesion.slices, [index for index, _ in lesion.marks]
    run = regular_run(slices.path, slices.places, indices[0], slices.names)
    marked = [index - run.first for index in indices]
    if marked[-1] >= run.count:
        raise _broken(slices, run, 1, "where the lesion is marked on both sides")
    step, *_ = spacing = spacing_of(run)
    _check_spacing(lesion, spacing)
    reach = max(_LEAST_REACH, math.ceil(_REACH * max(map(_size_mm, marks)) / step))
    black, _ = marks[0].window
    drawn = [_drawn(mark, index, options) for mark, index in zip(marks, marked, strict=True)]
    corrections = _corrections(lesion, run)
    reached = [*marked, *(one.slice for one in corrections if not one.absent)]
    while True:
        slab = read_slab(lesion, run, min(reached) - reach, max(reached) + reach, black)
        found = _labelled(slab, run, drawn, corrections, marks[0].window, propose)
        if not _is_cut(found, slab, run):
            break
        reach *= 2
    _check_ends(slices, run, found, slab)
    label = _measured(lesion, options, marks, marked, run, slab, found)
    return dataclasses.replace(label, by_network=propose is not None)


def _check_slices(lesion: VolumeLesion) -> None:
    """Refuses two marks on one slice."""
    indices = [index for index, _ in lesion.marks]
    twice = [index for index in indices if indices.count(index) > 1]
    if twice:
        keys = ", ".join(one.key for index, one in lesion.marks if index == twice[0])
        raise UserError(
            lesion.key,
            found=f"{indices.count(twice[0])} marks on slice {twice[0]}: {keys}",
            expected="one on each slice of a lesion",
            remedy="keep the better one, or give each lesion a group of its own",
        )


def _check_spacing(lesion: VolumeLesion, spacing: Spacing) -> None:
    """Refuses a spacing that was given and is not that of the volume."""
    for _, mark in lesion.marks:
        given = mark.spacing_mm
        if given is not None and not np.allclose(given, spacing[1:], rtol=1e-3):
            raise UserError(
                mark.image,
                found=f"spacing_mm {given} for a volume of {spacing[1]:g},{spacing[2]:g} mm",
                expected="the volume's own, as it says where it lies",
                remedy="leave spacing_mm out",
            )


def _size_mm(mark: Lesion) -> float:
    row, column = mark.spacing_mm or (1.0, 1.0)
    height, width = mark.extent.shape
    return max(height * row, width * column)


def _labelled(
    slab: Slab,
    run: RegularRun,
    marks: list[VolumeMark],
    corrections: list[Correction],
    window: tuple[float, float],
    propose: Propose | None,
) -> VolumeLabel:
    """The label on the slab's grid; marks and corrections are those of the run's slices."""
    straight = Straight(slab.values.shape, run.shift, marks[0].slice - slab.first)
    within = range(slab.first, slab.first + len(slab.values))
    found = label_volume(
        straight.moved(slab.values.astype(np.float32, copy=False)),
        spacing_of(run),
        [straight.mark(one._replace(slice=one.slice - slab.first)) for one in marks],
        corrections=[
            straight.correction(one._replace(slice=one.slice - slab.first))
            for one in corrections
            if one.slice in within  # slices without the lesion need not be
        ],
        window=window,
        propose=propose,
    )
    return found._replace(alpha=straight.back(found.alpha))


def _drawn(mark: Lesion, index: int, options: VolumeOptions) -> VolumeMark:
    """A mark on a slice of the run: one that was corrected is the soft mask that it has become."""
    if not mark.strokes and mark.annotation.proposal is None:
        return VolumeMark(index, mark.recist, _mask(mark))
    label = label_read_lesion(mark, LabelOptions(threshold=options.threshold))
    alpha = area_mean(label.alpha, label.scale)
    return VolumeMark(index, mask=label.box.paste(alpha, mark.values.shape))


def _corrections(lesion: VolumeLesion, run: RegularRun) -> list[Correction]:
    """All that is certain of slices of the run.

    Raises:
      UserError: a slice is not of the run.
    """
    of_marks = [Correction(index, one.strokes) for index, one in lesion.marks if one.strokes]
    found = []
    for one in (*of_marks, *lesion.corrections):
        index = one.slice - run.first
        if 0 <= index < run.count:
            found.append(one._replace(slice=index))
        elif not one.absent:
            assert lesion.slices is not None, "without a fault it has a place"
            raise _broken(lesion.slices, run, int(index >= 0), "between the slices that are marked")
    return found


def _mask(mark: Lesion) -> np.ndarray | None:
    """(H, W) bool: what half of the readers marked, or the one mask; None of axes.

    Raises:
      UserError: all of the image is marked.
    """
    if mark.masks is None:
        return None
    half: np.ndarray = 2 * mark.masks.sum(axis=2) >= mark.masks.shape[2]
    if half.all():
        raise UserError(
            mark.annotation.mask or mark.annotation.image,
            found="every pixel of the image marked",
            expected="a lesion with something around it",
            remedy="use the mask of the lesion",
        )
    return half


def _is_cut(found: VolumeLabel, slab: Slab, run: RegularRun) -> bool:
    """Whether the lesion comes to an end of the slab where the run goes on."""
    below = found.first == 0 and slab.first > 0
    count = len(slab.values)
    return below or (found.last == count - 1 and slab.first + count < run.count)


def _check_ends(slices: Slices, run: RegularRun, found: VolumeLabel, slab: Slab) -> None:
    """Refuses a lesion that goes on where a slice is missing."""
    reached = (slab.first + found.first == 0, slab.first + found.last == run.count - 1)
    for side, is_reached in enumerate(reached):
        if is_reached and run.breaks[side]:
            raise _broken(slices, run, side, "where the lesion goes on")


def _broken(slices: Slices, run: RegularRun, side: int, where: str) -> UserError:
    return UserError(
        slices.path,
        found=f"{run.breaks[side]}, {where}",
        expected="slices at equal distances",
        remedy="add the files that are missing",
    )


def _measured(
    lesion: VolumeLesion,
    options: VolumeOptions,
    marks: list[Lesion],
    marked: list[int],
    run: RegularRun,
    slab: Slab,
    found: VolumeLabel,
) -> LabelledVolume:
    """The label cut to the slices that have any of it, measured as it is stored."""
    alpha = as_stored(found.alpha)
    there = np.flatnonzero(alpha.any(axis=(1, 2)))
    if (alpha[slab.broken] > 0).any():
        raise UserError(
            lesion.first.image,
            found="NaN or infinite values in the lesion",
            expected="finite ones",
            remedy="correct the file",
        )
    part = slice(int(there[0]), int(there[-1]) + 1) if len(there) else slice(0, 1)
    before, after = part.start - 1, part.stop
    beside = (
        slab.values[before] if before >= 0 else None,
        slab.values[after] if after < len(slab.values) else None,
    )
    alpha, values = alpha[part], slab.values[part]
    spacing = spacing_of(run)
    measures = measure_volume(alpha, values, spacing, threshold=options.threshold)
    upright = Straight(alpha.shape, run.shift, 0).moved(alpha, empty=True)
    measures = measures._replace(surface_mm2=surface_mm2(upright, spacing))
    notes = tuple(dict.fromkeys(note for mark in marks for note in mark.notes))
    return LabelledVolume(
        key=lesion.key,
        patient=lesion.first.patient,
        marks=tuple(marks),
        marked=tuple(marked),
        run=run,
        first=slab.first + part.start,
        alpha=alpha,
        values=values,
        beside=beside,
        sources=slab.sources[part],
        unit=marks[0].unit,
        window=marks[0].window,
        threshold=options.threshold,
        ended=found.ended,
        measures=measures,
        notes=(*notes, *_ends_of_image(alpha, slab.first + part.start, run)),
    )


def _ends_of_image(alpha: np.ndarray, first: int, run: RegularRun) -> list[str]:
    """What is to be said of a lesion that the image may cut."""
    reached = (first == 0, first + len(alpha) == run.count)
    told = [
        f"the lesion reaches the {'first' if side == 0 else 'last'} slice, and may go on beyond it"
        for side, is_reached in enumerate(reached)
        if is_reached
    ]
    if alpha[:, [0, -1]].any() or alpha[:, :, [0, -1]].any():
        told.append("the lesion reaches the edge of the image, and may go on beyond it")
    return told
