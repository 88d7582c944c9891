"""The lesions of a study, each on its slice.

    study_lesions(read_study(Path("study")))  # Annotations: a lesion for each measurement, and each
    # slice that a segment is marked on

Measurements are joined to images by SOPInstanceUID and frame, those in the patient by their place;
marks by place, or by the image that they were drawn on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from casgan_jax.annotations import Annotation, Annotations, Axes, Failure
from casgan_jax.annotations.axes import Units
from casgan_jax.annotations.table import check_key
from casgan_jax.dicom.contours import Roi
from casgan_jax.dicom.measurements import Measurement
from casgan_jax.errors import UserError
from casgan_jax.files import unique_names
from casgan_jax.images.checks import shown
from casgan_jax.images.series import Series
from casgan_jax.labelling.expand import Slice, marked, slices_of_series
from casgan_jax.labelling.locate import distance_to
from casgan_jax.labelling.study import Marks, Study

_REACH = 0.5 + 1e-6  # of a slice's thickness, from its middle
_ALIKE = 0.1  # relative difference of lengths that need not be told
_LONGEST_NAME = 80  # of a lesion, in characters


class _Place(NamedTuple):
    """A slice of a series."""

    series: Series
    number: int


def study_lesions(
    study: Study,
    *,
    series: str | None = None,
    segment: str | None = None,
    slice_index: int | None = None,
    components: bool = False,
) -> Annotations:
    """The lesions of a study: a measurement each, and each slice that a segment is marked on.

    Args:
      study: of `read_study`.
      series: number or UID of the only series whose lesions count; None: all.
      segment: number or name of the only segment that counts; None: all.
      slice_index: the only slice of the series that counts for segments.
      components: a lesion for each connected part of a segment.

    Returns:
      Annotations of slices of series; failures say what cannot be placed or read.

    Raises:
      UserError: nothing is measured or marked, or there is no such series.
    """
    chosen = _chosen(study, series)
    found: list[tuple[str, Annotation | str]] = []
    if segment is None:
        found += [
            _measured(study, path, one, chosen)
            for path, one in study.measurements
            if not _is_elsewhere(study, one, chosen)
        ]
    for marks in study.marks:
        found += _marked(marks, chosen, segment, slice_index, components)
    found += [("", str(fault)) for fault in study.faults]
    if not found:
        raise UserError(
            study.folder,
            found="no measurement and no segment" + f" {segment!r}" * bool(segment),
            expected="a report, presentation state, segmentation or contours beside the images",
            remedy="give `recist` or `mask`, or see what there is with `list`",
        )
    names = unique_names([name for name, _ in found])
    good, failures = [], []
    for name, (_, one) in zip(names, found, strict=True):
        if isinstance(one, Annotation):
            good.append(dataclasses.replace(one, key=check_key(name)))
        else:
            failures.append(Failure(0, name, one))
    return Annotations(tuple(good), tuple(failures))


def _chosen(study: Study, wanted: str | None) -> tuple[Series, ...]:
    chosen = tuple(one for one in study.series if wanted in (None, one.number, one.uid))
    if wanted is not None and not chosen:
        raise UserError(
            "series",
            found=f"{wanted!r}, which {study.folder} does not hold",
            expected=f"one of {', '.join(map(str, study.series)) or 'none'}",
            remedy="correct it",
        )
    return chosen


def _measured(
    study: Study, path: Path, one: Measurement, chosen: tuple[Series, ...]
) -> tuple[str, Annotation | str]:
    """A name and the lesion of a measurement, or why it has no image."""
    name = _name_of(one.name) or path.stem
    try:
        place = _place_of(path, one, chosen)
    except UserError as error:
        return name, str(error)
    series, index = place
    notes = (f"measured in {path.name}", *series.notes, *one.notes, *_differences(one, place))
    units: Units = "lps" if one.long.image is None else "pixel"
    axes: dict[str, object] = {"axes": Axes(one.ends, units)}
    if units == "pixel" and one.short is not None:
        axes = {"recist": one.ends.astype(np.float32).reshape(8)}
    return name, _annotation(study.folder, name, place, notes, **axes)


def _is_elsewhere(study: Study, one: Measurement, chosen: tuple[Series, ...]) -> bool:
    """Whether a measurement lies on other series than those that are asked for."""
    if len(chosen) == len(study.series) or any(_places(one, chosen)):
        return False
    return any(_places(one, study.series))


def _annotation(
    folder: Path, name: str, place: _Place, notes: tuple[str, ...], **marks: Any
) -> Annotation:
    series, index = place
    return Annotation(
        key=name,
        patient=series.patient or folder.resolve().name,
        image=series.files[index],
        slice_index=series.frames[index],
        notes=notes,
        **marks,
    )


def _name_of(text: str) -> str:
    """A lesion's name as that of files."""
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in text)
    return kept.strip("._")[:_LONGEST_NAME]


def _place_of(path: Path, one: Measurement, chosen: tuple[Series, ...]) -> _Place:
    found = list(_places(one, chosen))
    if len({id(place.series) for place in found}) == 1:
        return found[0]
    if found:
        names = ", ".join(str(place.series) for place in found)
        raise UserError(
            path,
            found=f"a measurement in the patient that lies on slices of {names}",
            expected="one series",
            remedy="say which by `series`",
        )
    lacking = f"the image {shown(one.long.image[0])[1:-1]}" if one.long.image else _told_place(one)
    raise UserError(
        path,
        found=f"a measurement on {lacking}, which is not there",
        expected="its image in the same folder, in the series that is asked for",
        remedy="add the images that it was drawn on",
    )


def _places(one: Measurement, chosen: tuple[Series, ...]) -> Iterator[_Place]:
    return _by_image(one, chosen) if one.long.image else _by_place(one, chosen)


def _told_place(one: Measurement) -> str:
    middle = ", ".join(f"{x:.4g}" for x in one.ends.mean(axis=0))
    frame = shown(one.long.frame_of_reference or "")[1:-1]
    return f"a slice at ({middle}) mm" + f" of the frame of reference {frame}" * bool(frame)


def _by_image(one: Measurement, chosen: tuple[Series, ...]) -> Iterator[_Place]:
    assert one.long.image is not None
    uid, frame = one.long.image
    for series in chosen:
        for index, (own_uid, own) in enumerate(series.instances):
            # A file of one frame may be referred to with or without its number.
            if own_uid == uid and (own == frame or (own == 0 and frame == 1)):
                yield _Place(series, index)
                return


def _by_place(one: Measurement, chosen: tuple[Series, ...]) -> Iterator[_Place]:
    """The nearest slice of every series in the same frame of reference that has the points."""
    for series in chosen:
        apart = [
            distance_to(place, one.ends)
            if None in (place.frame, one.long.frame_of_reference)
            or place.frame == one.long.frame_of_reference
            else np.inf
            for place in series.places
        ]
        if apart and min(apart) <= _REACH:
            yield _Place(series, int(np.argmin(apart)))


def _differences(one: Measurement, place: _Place) -> Iterator[str]:
    """Where the lengths that were written are not those on the image."""
    if one.long.image is None or not place.series.places:
        return
    sides = place.series.places[place.number].spacing[:2]
    for name, line in zip(("long", "short"), one.lines, strict=False):
        drawn = float(np.linalg.norm((line.ends[1] - line.ends[0]) * sides))
        written = line.written_mm
        if written is not None and abs(written - drawn) > _ALIKE * drawn:
            yield f"the {name} axis was written as {written:.4g} mm and is {drawn:.4g} mm here"


def _marked(
    marks: Marks,
    chosen: tuple[Series, ...],
    segment: str | None,
    slice_index: int | None,
    components: bool,
) -> Iterator[tuple[str, Annotation | str]]:
    """A name and the lesion of each slice that is marked, or why there are none."""
    path = marks.path
    try:
        found = _on_series(marks, chosen, segment, slice_index, components)
        if not found:
            raise UserError(
                path,
                found="no mark on the images of this folder",
                expected="marks of one of its series",
                remedy="add the images that it was drawn on",
            )
    except UserError as error:
        if segment is None or error.what != "segment":  # another file has it
            yield path.stem, str(error)
        return
    names = {str(one.number): one.name for one in marks.segments}
    for series, one, number, part in found:
        name = _name_of(names.get(number, number)) or f"{path.stem}_segment-{number}"
        name += f"_slice-{one.number}" + f"_part-{part}" * (part is not None)
        notes = (f"marked in {path.name}", *series.notes)
        place = _Place(series, one.number or 0)
        yield (
            name,
            _annotation(path.parent, name, place, notes, mask=path, segment=number, component=part),
        )


def _on_series(
    marks: Marks,
    chosen: tuple[Series, ...],
    segment: str | None,
    slice_index: int | None,
    components: bool,
) -> list[tuple[Series, Slice, str, int | None]]:
    """All that is marked, on the only series that it lies on."""
    found: dict[str, list[tuple[Series, Slice, str, int | None]]] = {}
    drawn_on = _images(marks)
    usable = [series for series in chosen if series.fault is None]
    faults = [one.fault for one in chosen if one.fault is not None]
    if faults and not usable:
        raise faults[0]
    own = [one for one in usable if drawn_on & {uid for uid, _ in one.instances}]
    for series in own or usable:
        try:
            slices = slices_of_series(series)
            wanted = [one for one in slices if slice_index in (None, one.number)]
            every = segment is None
            parts = list(marked(marks.path, wanted, segment, every, components))
        except UserError as error:
            if error.what == "segment" or own or len(usable) == 1:
                raise
            continue  # of another frame of reference
        if parts:
            found[series.uid] = [
                (series, one, number or str(segment), part) for one, number, part in parts
            ]
    if len(found) > 1:
        names = ", ".join(str(parts[0][0]) for parts in found.values())
        raise UserError(
            marks.path,
            found=f"marks that lie on slices of {names}",
            expected="one series",
            remedy="say which by `series`",
        )
    return next(iter(found.values()), [])


def _images(marks: Marks) -> set[str]:
    """SOPInstanceUIDs of the images that were drawn on."""
    found: set[str] = set()
    for one in marks.segments:
        if isinstance(one, Roi):
            found.update(*(contour.images for contour in one.contours))
        else:
            found |= {uid for uid, _ in one.frames}
    return found
