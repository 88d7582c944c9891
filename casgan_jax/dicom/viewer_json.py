"""Axes that OHIF and Cornerstone write as JSON: "Bidirectional" and "Length".

    found = read_viewer_json(Path("measurements.json"))

Known are the annotations of Cornerstone3D (`data.handles.points`, in the patient), OHIF's
measurements (`points`, in the patient, or `longAxis` and `shortAxis` in pixels) and those of
cornerstoneTools (`handles.start` to `perpendicularEnd`, in pixels). They are found wherever they
are in the file. Pixels of these viewers begin at the corner of the first one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.dicom.measurements import Found, Line, Role, checked_line, length_of
from casgan_jax.errors import UserError, one_line
from casgan_jax.files import read_text
from casgan_jax.images.checks import shown

_TOOLS = ("Bidirectional", "Length")
_PIXELS = (
    ("start", "end", "perpendicularStart", "perpendicularEnd"),
    ("start", "end"),
)
_MOST_SKIPPED = 20
_LARGEST = 2**26  # bytes; more is no file of measurements
Item = dict[str, Any]


def read_viewer_json(path: Path) -> Found:
    """The axes of a file of a viewer.

    Raises:
      UserError: no such file, or no JSON.
    """
    lines: list[Line] = []
    skipped: list[str] = []
    for number, item in enumerate(_tools(_parsed(path)), 1):
        try:
            found = _axes(item, f"{path.name} {number}")
        except (TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
            skipped.append(f"measurement {number}: {one_line(error)}")
            continue
        faults = [fault for line in found if (fault := checked_line(line))]
        if faults or not found:
            told = faults[0] if faults else f"a {shown(_tool(item))}, which has no axes"
            skipped.append(f"measurement {number}: {told}")
            continue
        lines += found
    return Found(tuple(lines), tuple(skipped[:_MOST_SKIPPED]))


def _parsed(path: Path) -> Any:
    if path.is_file() and path.stat().st_size > _LARGEST:
        raise UserError(path, found=f"{path.stat().st_size} bytes", expected="a few measurements")
    try:
        return json.loads(read_text(path, remedy="export it again"))
    except (ValueError, RecursionError) as error:
        raise UserError(
            path,
            found=f"no JSON ({one_line(error)})",
            expected="measurements of OHIF or Cornerstone",
            remedy="export it again",
        ) from error


def _tools(root: Any) -> Iterator[Item]:
    """Every object that says which tool drew it, in the file's order."""
    waiting = [root]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict) and _tool(value) and ("points" in value or _handles(value)):
            yield value
        elif isinstance(value, dict):
            waiting += reversed(value.values())
        elif isinstance(value, list):
            waiting += reversed(value)


def _tool(item: Item) -> str:
    metadata = item.get("metadata")
    of_metadata = metadata.get("toolName") if isinstance(metadata, dict) else None
    found = of_metadata or item.get("toolName") or item.get("toolType")
    return found if isinstance(found, str) else ""


def _handles(item: Item) -> Any:
    data = item.get("data")
    return (data.get("handles") if isinstance(data, dict) else None) or item.get("handles")


def _axes(item: Item, group: str) -> list[Line]:
    if _tool(item) not in _TOOLS:
        return []
    metadata, data = (item.get(name) or {} for name in ("metadata", "data"))
    handles = _handles(item) or {}
    name = item.get("label") or data.get("label") or ""
    name = shown(name)[1:-1] if isinstance(name, str) else ""
    points = handles.get("points") or item.get("points")
    uid = metadata.get("FrameOfReferenceUID") or item.get("FrameOfReferenceUID")
    if isinstance(points, list):
        ends = np.asarray(points, np.float64).reshape(-1, 2, 3)
        return [
            Line(pair, None, str(uid) if uid else None, role, group, name)
            for pair, role in zip(ends, _roles(len(ends)), strict=True)
        ]
    return _in_pixels(item, handles, points, group, name)


def _in_pixels(item: Item, handles: Item, points: Any, group: str, name: str) -> list[Line]:
    corners = next((names for names in _PIXELS if all(one in handles for one in names)), ())
    found = [handles[one] for one in corners]
    if isinstance(points, dict):
        found = [*points["longAxis"], *points.get("shortAxis", ())]
    if not found:
        return []
    uid = item.get("SOPInstanceUID") or item.get("sopInstanceUid")
    if not isinstance(uid, str):
        raise ValueError("no SOPInstanceUID of the image")
    ends = np.array([[point["x"], point["y"]] for point in found], np.float64) - 0.5
    pairs = ends.reshape(-1, 2, 2)
    frame = int(item.get("frameIndex") or 0) + 1
    diameters = (item.get("longestDiameter") or item.get("length"), item.get("shortestDiameter"))
    lines = []
    for pair, role, value in zip(pairs, _roles(len(pairs)), diameters, strict=False):
        written, note = length_of(pair, _number(value), str(item.get("unit") or "mm"))
        notes = (note,) if note else ()
        lines.append(Line(pair, (uid, frame), None, role, group, name, written, notes))
    return lines


def _roles(count: int) -> tuple[Role, ...]:
    if count not in (1, 2):
        raise ValueError(f"{count} axes")
    return ("long", "short") if count == 2 else ("",)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float, str)) and value else None
