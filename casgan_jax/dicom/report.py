"""Lines that a structured report has measured (TID 1500 and what looks like it).

    found = read_report(Path("report.dcm"))
    found.lines, found.skipped

Read are POLYLINE of two ends, CIRCLE and ELLIPSE, in pixels (SCOORD) and in the patient (SCOORD3D),
beneath a length (NUM) or as a region of its own. Nothing of a template is insisted on, as reports
of viewers often differ from it: what cannot be used is told, the rest is read. Source: DICOM PS3.3,
C.18.6 and C.18.9, and PS3.16, TID 1500, 1501, 1410, 1411.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from casgan_jax.dicom.measurements import Found, Line, Role, checked_line, length_of
from casgan_jax.dicom.shapes import axes_of
from casgan_jax.errors import UserError
from casgan_jax.images.checks import shown, telling_damage
from casgan_jax.images.dicom import read_dataset

_ROLES: dict[tuple[str, str], Role] = {
    ("G-A185", "SRT"): "long",
    ("G-A186", "SRT"): "short",
    ("103339001", "SCT"): "long",
    ("103340004", "SCT"): "short",
}
_WORDS: dict[str, Role] = {"long": "long", "major": "long", "short": "short", "minor": "short"}
_GROUP = ("125007", "DCM")
_TRACKING_NAME = ("112039", "DCM")
_TRACKING_UID = ("112040", "DCM")
_FINDING = ("121071", "DCM")
_TOOLS = ("Cornerstone", "dcmjs")  # names of programs, where a lesion's is expected
_DEEPEST = 64  # content items within each other; more are a damaged file
_MOST_SKIPPED = 20


class _Group(NamedTuple):
    """What a measurement group says of all that it holds."""

    key: str = ""
    name: str = ""


@dataclasses.dataclass
class _Report:
    """A report while it is read."""

    root: Any
    lines: list[Line]
    skipped: list[str]


def read_report(path: Path) -> Found:
    """The lines that a report has measured.

    Raises:
      UserError: no DICOM file, or a damaged one.
    """
    dataset = read_dataset(path, stop_before_pixels=True)
    with telling_damage(path, "DICOM"):
        report = _Report(dataset, [], [])
        for item, number, group in list(_numbers(dataset, _Group(), "1", 0)):
            try:
                with telling_damage(path, "DICOM"):
                    _read(report, item, number, group)
            except UserError as error:  # of this one; the others are read
                report.skipped.append(f"{group.name or 'a measurement'}: {error.found}")
    return Found(tuple(report.lines), tuple(report.skipped[:_MOST_SKIPPED]))


def _numbers(
    item: Any, group: _Group, path: str, depth: int
) -> Iterator[tuple[Any, Any | None, _Group]]:
    """Every set of coordinates, the length that it is beneath, and its group."""
    for index, child in enumerate(_children(item), 1):
        kind, place = str(child.get("ValueType", "")), f"{path}.{index}"
        within = _group(child, place) if _code(child) == _GROUP else group
        number = item if item.get("ValueType") == "NUM" else None
        if kind in ("SCOORD", "SCOORD3D") or "ReferencedContentItemIdentifier" in child:
            yield child, number, within
        elif depth < _DEEPEST:
            yield from _numbers(child, within, place, depth + 1)


def _read(report: _Report, item: Any, number: Any | None, group: _Group) -> None:
    """Adds the lines of one set of coordinates, or why it has none."""
    if "ReferencedContentItemIdentifier" in item:
        if number is None:
            return
        item = _referenced(report.root, item.ReferencedContentItemIdentifier)
        if item is None or item.get("ValueType") not in ("SCOORD", "SCOORD3D"):
            return
    kind = str(item.get("GraphicType", ""))
    told = f"{group.name or _meaning(number) or _meaning(item) or 'a measurement'}: "
    spatial = item.get("ValueType") == "SCOORD3D"
    ends = axes_of(kind, item.get("GraphicData"), 3 if spatial else 2)
    if isinstance(ends, str):
        report.skipped.append(told + ends)
        return
    image = None if spatial else _image(item)
    if image is None and not spatial:
        report.skipped.append(told + "coordinates that name no image")
        return
    uid = str(item.get("ReferencedFrameOfReferenceUID", "")) or None if spatial else None
    for index, pair in enumerate(ends):
        line = _line(pair if spatial else pair - 0.5, number, group, len(ends), index)
        line = dataclasses.replace(line, image=image, frame_of_reference=uid)
        if fault := checked_line(line):
            report.skipped.append(told + fault)
        elif not _again(report.lines, line):
            report.lines.append(line)


def _line(ends: np.ndarray, number: Any | None, group: _Group, count: int, index: int) -> Line:
    """Pixel centres are at whole numbers here, and at halves in DICOM (PS3.3, C.18.6.1)."""
    name = group.name
    if count == 2:  # of an ellipse or a circle
        role: Role = "short" if index else "long"
        key = group.key or f"shape {ends.ravel().round(2).tolist()}"
        return Line(ends, role=role, group=key, name=name)
    value, unit = _value(number)
    if ends.shape[1] == 3:
        return Line(ends, role=_role(number), group=group.key, name=name)
    written, note = length_of(ends, value, unit)
    notes = (note,) if note else ()
    return Line(ends, None, None, _role(number), group.key, name, written, notes)


def _again(lines: list[Line], line: Line) -> bool:
    """Whether a line was read already: regions repeat what lengths were inferred from."""
    return any(
        line.place == other.place
        and line.ends.shape == other.ends.shape
        and np.allclose(line.ends, other.ends, atol=1e-3)
        for other in lines
    )


def _group(item: Any, path: str) -> _Group:
    uid, name, finding = "", "", ""
    for child in _children(item):
        code = _code(child)
        if code == _TRACKING_UID:
            uid = str(child.get("UID", ""))
        elif code == _TRACKING_NAME:
            name = str(child.get("TextValue", "")).strip()
        elif code == _FINDING:
            codes = child.get("ConceptCodeSequence") or [{}]
            finding = str(codes[0].get("CodeMeaning", "")).strip()
    if name.startswith(_TOOLS):
        name = ""
    return _Group(uid or path, shown(name or finding)[1:-1] if name or finding else "")


def _children(item: Any) -> list[Any]:
    return list(item.get("ContentSequence") or [])


def _code(item: Any) -> tuple[str, str]:
    """(value, scheme) of what a content item is called."""
    codes = item.get("ConceptNameCodeSequence") or [{}]
    value = codes[0].get("CodeValue") or codes[0].get("LongCodeValue") or ""
    return str(value), str(codes[0].get("CodingSchemeDesignator", ""))


def _meaning(item: Any | None) -> str:
    codes = (item is not None and item.get("ConceptNameCodeSequence")) or [{}]
    return shown(codes[0].get("CodeMeaning", ""))[1:-1]


def _role(number: Any | None) -> Role:
    if number is None:
        return ""
    words = _meaning(number).casefold().split()
    named = [_WORDS[word] for word in words if word in _WORDS and "axis" in words]
    return _ROLES.get(_code(number)) or (named[0] if named else "")


def _value(number: Any | None) -> tuple[float | None, str]:
    """(value, unit) of a length; None where it has no value."""
    values = (number is not None and number.get("MeasuredValueSequence")) or []
    if not values or values[0].get("NumericValue") is None:
        return None, ""
    units = values[0].get("MeasurementUnitsCodeSequence") or [{}]
    code = str(units[0].get("CodeValue", ""))
    unit = code if code.casefold() in ("mm", "cm", "m") else units[0].get("CodeMeaning", code)
    return float(values[0].NumericValue), shown(unit)[1:-1]


def _image(item: Any) -> tuple[str, int] | None:
    """(SOPInstanceUID, frame or 0) of the image that coordinates are of."""
    for child in (item, *_children(item)):
        for source in child.get("ReferencedSOPSequence") or []:
            numbers = source.get("ReferencedFrameNumber") or 0
            first = numbers if isinstance(numbers, int) else list(numbers)[0]
            return str(source.get("ReferencedSOPInstanceUID", "")), int(first)
    return None


def _referenced(root: Any, identifier: Any) -> Any | None:
    """The content item at a path of numbers from 1, the root being the first of them."""
    numbers = [identifier] if isinstance(identifier, int) else list(identifier)
    item = root
    for number in numbers[1:]:
        children = _children(item)
        if not 1 <= int(number) <= len(children):
            return None
        item = children[int(number) - 1]
    return item
