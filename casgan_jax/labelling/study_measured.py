"""The measurements of a study, each on the slice that it was made on.

Measurements are joined to images by SOPInstanceUID and frame, those in the patient by their place.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from casgan_jax.annotations import Annotation, Axes, Group
from casgan_jax.annotations.axes import Units
from casgan_jax.dicom.measurements import Click, Measurement
from casgan_jax.errors import UserError
from casgan_jax.images.checks import shown
from casgan_jax.images.series import Series
from casgan_jax.images.series_choice import series_told
from casgan_jax.labelling.locate import distance_to
from casgan_jax.labelling.study import Study
from casgan_jax.labelling.study_places import Place, file_name, lesion_at

_REACH = 0.5 + 1e-6  # of a slice's thickness, from its middle
_ALIKE = 0.1  # relative difference of lengths that need not be told


def measured_lesion(
    study: Study, path: Path, one: Measurement | Click, chosen: tuple[Series, ...]
) -> tuple[str, Annotation | str]:
    """A name and the lesion of a measurement, or why it has no image."""
    name = file_name(one.name) or path.stem
    try:
        place = _place_of(path, one, chosen)
    except UserError as error:
        return name, str(error)
    series, index = place
    notes = (f"measured in {path.name}", *series.notes)
    if isinstance(one, Measurement):
        notes = (*notes, *one.notes, *_differences(one, place))
    units: Units = "lps" if one.image is None else "pixel"
    axes: dict[str, object] = {"axes": Axes(one.ends, units)}
    if units == "pixel" and len(one.ends) == 4:
        axes = {"recist": one.ends.astype(np.float32).reshape(8)}
    if given := one.group if isinstance(one, Click) else one.long.group:
        axes["group"] = Group(f"{path} {given} {series.uid}", name)
    return name, lesion_at(study.folder, name, place, notes, **axes)


def is_elsewhere(study: Study, one: Measurement | Click, chosen: tuple[Series, ...]) -> bool:
    """Whether a measurement lies on other series than those that are asked for."""
    if len(chosen) == len(study.series) or any(_places(one, chosen)):
        return False
    return any(_places(one, study.series))


def _place_of(path: Path, one: Measurement | Click, chosen: tuple[Series, ...]) -> Place:
    found = list(_places(one, chosen))
    if len({id(place.series) for place in found}) == 1:
        return found[0]
    if found:
        names = series_told(chosen, [place.series for place in found])
        raise UserError(
            path,
            found=f"a measurement in the patient that lies on slices of {names}",
            expected="one series",
            remedy="say which by `series`",
        )
    lacking = f"the image {shown(one.image[0])[1:-1]}" if one.image else _told_place(one)
    raise UserError(
        path,
        found=f"a measurement on {lacking}, which is not there",
        expected="its image in the same folder, in the series that is asked for",
        remedy="add the images that it was drawn on",
    )


def _places(one: Measurement | Click, chosen: tuple[Series, ...]) -> Iterator[Place]:
    return _by_image(one, chosen) if one.image else _by_place(one, chosen)


def _told_place(one: Measurement | Click) -> str:
    middle = ", ".join(f"{x:.4g}" for x in one.ends.mean(axis=0))
    frame = shown(one.frame_of_reference or "")[1:-1]
    return f"a slice at ({middle}) mm" + f" of the frame of reference {frame}" * bool(frame)


def _by_image(one: Measurement | Click, chosen: tuple[Series, ...]) -> Iterator[Place]:
    assert one.image is not None
    uid, frame = one.image
    for series in chosen:
        for index, (own_uid, own) in enumerate(series.instances):
            # A file of one frame may be referred to with or without its number.
            if own_uid == uid and (own == frame or (own == 0 and frame == 1)):
                yield Place(series, index)
                return


def _by_place(one: Measurement | Click, chosen: tuple[Series, ...]) -> Iterator[Place]:
    """The nearest slice of every series in the same frame of reference that has the points."""
    for series in chosen:
        apart = [
            distance_to(place, one.ends)
            if None in (place.frame, one.frame_of_reference)
            or place.frame == one.frame_of_reference
            else np.inf
            for place in series.places
        ]
        if apart and min(apart) <= _REACH:
            yield Place(series, int(np.argmin(apart)))


def _differences(one: Measurement, place: Place) -> Iterator[str]:
    """Where the lengths that were written are not those on the image."""
    if one.image is None or not place.series.places:
        return
    sides = place.series.places[place.number].spacing[:2]
    for name, line in zip(("long", "short"), one.lines, strict=False):
        drawn = float(np.linalg.norm((line.ends[1] - line.ends[0]) * sides))
        written = line.written_mm
        if written is not None and abs(written - drawn) > _ALIKE * drawn:
            yield f"the {name} axis was written as {written:.4g} mm and is {drawn:.4g} mm here"
