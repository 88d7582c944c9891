"""What a structured report has drawn on images (TID 1500 and what looks like it).

    found = read_report(Path("report.dcm"))
    found.lines, found.outlines, found.clicks, found.skipped

Read are lines, outlines and points, in pixels (SCOORD) and in the patient (SCOORD3D), beneath a
number (NUM) or as a region of its own. Of a lesion that has an outline, lines and points tell no
more and are left out. Nothing of a template is insisted on, as reports of viewers often differ from
it: what cannot be used is told, the rest is read. Source: DICOM PS3.3, C.18.6 and C.18.9, and
PS3.16, TID 1500, 1501, 1410, 1411.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from casgan_jax.dicom import content
from casgan_jax.dicom.contours import Contour
from casgan_jax.dicom.measurements import Click, Found, Line, checked_line, length_of
from casgan_jax.dicom.outlines import Outlines
from casgan_jax.dicom.shapes import Shape, shape_of
from casgan_jax.errors import UserError
from casgan_jax.images.checks import telling_damage
from casgan_jax.images.dicom import read_dataset

_GROUP = ("125007", "DCM")
_DEEPEST = 64  # content items within each other; more are a damaged file
_MOST_SKIPPED = 20


@dataclasses.dataclass
class _Report:
    """A report while it is read."""

    root: Any
    lines: list[Line] = dataclasses.field(default_factory=list)
    clicks: list[Click] = dataclasses.field(default_factory=list)
    outlines: Outlines = dataclasses.field(default_factory=Outlines)
    skipped: list[str] = dataclasses.field(default_factory=list)

    def found(self) -> Found:
        """Without lines and points of lesions that have an outline."""
        lines = [one for one in self.lines if not self.outlines.has(one.group)]
        drawn = {one.group for one in lines if one.group}
        clicks = [
            one
            for one in self.clicks
            if not self.outlines.has(one.group) and one.group not in drawn
        ]
        skipped = tuple(dict.fromkeys(self.skipped))[:_MOST_SKIPPED]
        return Found(tuple(lines), skipped, self.outlines.regions(), tuple(clicks))


class _Place(NamedTuple):
    """What coordinates are of: an image, or the patient."""

    image: tuple[str, int] | None
    frame_of_reference: str | None


def read_report(path: Path) -> Found:
    """What a report has drawn.

    Raises:
      UserError: no DICOM file, or a damaged one.
    """
    dataset = read_dataset(path, stop_before_pixels=True)
    with telling_damage(path, "DICOM"):
        report = _Report(dataset)
        for item, number, group in list(_numbers(dataset, content.Group(), "1", 0)):
            try:
                with telling_damage(path, "DICOM"):
                    _read(report, item, number, group)
            except UserError as error:  # of this one; the others are read
                report.skipped.append(f"{group.name or 'a measurement'}: {error.found}")
    return report.found()


def _numbers(
    item: Any, group: content.Group, path: str, depth: int
) -> Iterator[tuple[Any, Any | None, content.Group]]:
    """Every set of coordinates, the length that it is beneath, and its group."""
    for index, child in enumerate(content.children(item), 1):
        kind, place = str(child.get("ValueType", "")), f"{path}.{index}"
        within = content.group_of(child, place) if content.code(child) == _GROUP else group
        number = item if item.get("ValueType") == "NUM" else None
        if kind in ("SCOORD", "SCOORD3D") or "ReferencedContentItemIdentifier" in child:
            yield child, number, within
        elif depth < _DEEPEST:
            yield from _numbers(child, within, place, depth + 1)


def _read(report: _Report, item: Any, number: Any | None, group: content.Group) -> None:
    """Adds what one set of coordinates draws, or why it is nothing."""
    if "ReferencedContentItemIdentifier" in item:
        if number is None:
            return
        item = content.referenced(report.root, item.ReferencedContentItemIdentifier)
        if item is None or item.get("ValueType") not in ("SCOORD", "SCOORD3D"):
            return
    shape = _shape(item, number)
    place = _place(item)
    if isinstance(shape, Shape):
        shape = place if isinstance(place, str) else _add(report, shape, place, number, group)
    if shape:
        name = group.name or content.meaning(number) or content.meaning(item) or "a measurement"
        report.skipped.append(f"{name}: {shape}")


def _shape(item: Any, number: Any | None) -> Shape | str:
    """What coordinates draw; pixel centres are at whole numbers here, and at halves in DICOM
    (PS3.3, C.18.6.1)."""
    spatial = item.get("ValueType") == "SCOORD3D"
    kind = str(item.get("GraphicType", ""))
    shape = shape_of(kind, item.get("GraphicData"), 3 if spatial else 2)
    if isinstance(shape, str):
        return shape
    if shape.kind == "points" and len(shape.points) == 2 and content.role(number):
        shape = Shape("line", shape.points)  # both ends of an axis
    return shape if spatial else shape._replace(points=shape.points - 0.5)


def _place(item: Any) -> _Place | str:
    if item.get("ValueType") == "SCOORD3D":
        return _Place(None, str(item.get("ReferencedFrameOfReferenceUID", "")) or None)
    image = content.image(item)
    return "coordinates that name no image" if image is None else _Place(image, None)


def _add(
    report: _Report, shape: Shape, place: _Place, number: Any | None, group: content.Group
) -> str:
    """Adds a line, an outline or points, and returns why it is none, or ""."""
    points, (image, frame) = shape.points, place
    if shape.kind == "outline":
        images = frozenset() if image is None else frozenset({image})
        contour = Contour(points, images)
        return report.outlines.add(contour, group=group.key, name=group.name, frame=frame)
    if not np.isfinite(points).all():
        return "ends that are not finite"
    if shape.kind == "points":
        for point in points:
            click = Click(point[None], image, frame, group.key, group.name)
            if not _again(report.clicks, click):
                report.clicks.append(click)
        return ""
    line = dataclasses.replace(_line(points, number, group), image=image, frame_of_reference=frame)
    fault = checked_line(line)
    if not fault and not _again(report.lines, line):
        report.lines.append(line)
    return fault


def _line(ends: np.ndarray, number: Any | None, group: content.Group) -> Line:
    value, unit = content.value(number)
    if ends.shape[1] == 3:
        return Line(ends, role=content.role(number), group=group.key, name=group.name)
    written, note = length_of(ends, value, unit)
    notes = (note,) if note else ()
    return Line(ends, None, None, content.role(number), group.key, group.name, written, notes)


def _again(found: Sequence[Line | Click], one: Line | Click) -> bool:
    """Whether it was read already: regions repeat what lengths were inferred from."""
    return any(
        (one.image, one.frame_of_reference) == (other.image, other.frame_of_reference)
        and one.ends.shape == other.ends.shape
        and np.allclose(one.ends, other.ends, atol=1e-3)
        for other in found
    )
