"""What a content item of a structured report says, read tolerantly.

Source: DICOM PS3.3, C.17.3, and PS3.16, TID 1500.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from casgan_jax.dicom.measurements import Role
from casgan_jax.images.checks import shown
from casgan_jax.images.dicom_tags import referenced_frames

_ROLES: dict[tuple[str, str], Role] = {
    ("G-A185", "SRT"): "long",
    ("G-A186", "SRT"): "short",
    ("103339001", "SCT"): "long",
    ("103340004", "SCT"): "short",
}
_WORDS: dict[str, Role] = {"long": "long", "major": "long", "short": "short", "minor": "short"}
_TRACKING_NAME = ("112039", "DCM")
_TRACKING_UID = ("112040", "DCM")
_FINDING = ("121071", "DCM")
_TOOLS = ("Cornerstone", "dcmjs")  # names of programs, where a lesion's is expected


class Group(NamedTuple):
    """What a measurement group says of all that it holds."""

    key: str = ""
    name: str = ""


def group_of(item: Any, path: str) -> Group:
    """What a measurement group says; its place in the report is its key where it has none."""
    uid, name, finding = "", "", ""
    for child in children(item):
        called = code(child)
        if called == _TRACKING_UID:
            uid = str(child.get("UID", ""))
        elif called == _TRACKING_NAME:
            name = str(child.get("TextValue", "")).strip()
        elif called == _FINDING:
            codes = child.get("ConceptCodeSequence") or [{}]
            finding = str(codes[0].get("CodeMeaning", "")).strip()
    if name.startswith(_TOOLS):
        name = ""
    return Group(uid or path, shown(name or finding)[1:-1] if name or finding else "")


def children(item: Any) -> list[Any]:
    """The content items within one."""
    return list(item.get("ContentSequence") or [])


def code(item: Any) -> tuple[str, str]:
    """(value, scheme) of what a content item is called."""
    codes = item.get("ConceptNameCodeSequence") or [{}]
    value = codes[0].get("CodeValue") or codes[0].get("LongCodeValue") or ""
    return str(value), str(codes[0].get("CodingSchemeDesignator", ""))


def meaning(item: Any | None) -> str:
    """What a content item is called, in words, or ""."""
    codes = (item is not None and item.get("ConceptNameCodeSequence")) or [{}]
    return shown(codes[0].get("CodeMeaning", ""))[1:-1]


def role(number: Any | None) -> Role:
    """Which axis a number is the length of."""
    if number is None:
        return ""
    words = meaning(number).casefold().split()
    named = [_WORDS[word] for word in words if word in _WORDS and "axis" in words]
    return _ROLES.get(code(number)) or (named[0] if named else "")


def value(number: Any | None) -> tuple[float | None, str]:
    """(value, unit) of a length; None where it has no value."""
    values = (number is not None and number.get("MeasuredValueSequence")) or []
    if not values or values[0].get("NumericValue") is None:
        return None, ""
    units = values[0].get("MeasurementUnitsCodeSequence") or [{}]
    code = str(units[0].get("CodeValue", ""))
    unit = code if code.casefold() in ("mm", "cm", "m") else units[0].get("CodeMeaning", code)
    return float(values[0].NumericValue), shown(unit)[1:-1]


def image(item: Any) -> tuple[str, int] | None:
    """(SOPInstanceUID, frame or 0) of the image that coordinates are of."""
    for child in (item, *children(item)):
        for source in child.get("ReferencedSOPSequence") or []:
            return referenced_frames(source)[0]
    return None


def referenced(root: Any, identifier: Any) -> Any | None:
    """The content item at a path of numbers from 1, the root being the first of them."""
    numbers = [identifier] if isinstance(identifier, int) else list(identifier)
    item = root
    for number in numbers[1:]:
        within = children(item)
        if not 1 <= int(number) <= len(within):
            return None
        item = within[int(number) - 1]
    return item
