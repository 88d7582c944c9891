"""The marks of a study, each on the slices that it is on: by place, or by the image that it was
drawn on."""

from __future__ import annotations

from collections.abc import Iterator

from casgan_jax.annotations import Annotation, Group
from casgan_jax.dicom.contours import Roi
from casgan_jax.errors import UserError
from casgan_jax.images.series import Series
from casgan_jax.images.series_choice import series_told
from casgan_jax.labelling.expand import Slice, marked, slices_of_series
from casgan_jax.labelling.study import Marks
from casgan_jax.labelling.study_places import Place, file_name, lesion_at


def marked_lesions(
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
        name = file_name(names.get(number, number)) or f"{path.stem}_segment-{number}"
        # A part's number is of its slice alone.
        group = Group(f"{path} {number} {series.uid}", name) if part is None else None
        name += f"_slice-{one.number}" + f"_part-{part}" * (part is not None)
        notes = (f"marked in {path.name}", *series.notes)
        place = Place(series, one.number or 0)
        yield (
            name,
            lesion_at(
                path.parent,
                name,
                place,
                notes,
                mask=path,
                segment=number,
                component=part,
                group=group,
            ),
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
        names = series_told(chosen, [parts[0][0] for parts in found.values()])
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
            found |= {uid for contour in one.contours for uid, _ in contour.images}
        else:
            found |= {uid for uid, _ in one.frames}
    return found
