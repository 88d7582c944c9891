"""Lines that a presentation state (GSPS) draws upon images.

    found = read_presentation(Path("state.dcm"))

Read are POLYLINE of two ends, CIRCLE, ELLIPSE and rulers, in pixels of the image or in parts of the
area that is displayed. Source: DICOM PS3.3, C.10.4 and C.10.5.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from casgan_jax.dicom.measurements import Found, Line, Role, checked_line
from casgan_jax.dicom.shapes import axes_of
from casgan_jax.errors import UserError
from casgan_jax.images.checks import shown, telling_damage
from casgan_jax.images.dicom import read_dataset

_DRAWN = "drawn in a presentation state: its length is computed"
_MOST_SKIPPED = 20
Image = tuple[str, int]


def read_presentation(path: Path) -> Found:
    """The lines that a presentation state draws.

    Raises:
      UserError: no DICOM file, or a damaged one.
    """
    dataset = read_dataset(path, stop_before_pixels=True)
    lines: list[Line] = []
    skipped: list[str] = []
    with telling_damage(path, "DICOM"):
        annotations = list(dataset.get("GraphicAnnotationSequence") or [])
    for number, item in enumerate(annotations, 1):
        try:
            with telling_damage(path, "DICOM"):
                found = _annotation(dataset, item, number)
        except UserError as error:  # of this one; the others are read
            found = [error.found]
        for one in found:
            if isinstance(one, Line) and not (fault := checked_line(one)):
                lines.append(one)
            else:
                told = one if isinstance(one, str) else fault
                skipped.append(f"annotation {number}: {told}")
    return Found(tuple(lines), tuple(skipped[:_MOST_SKIPPED]))


def _annotation(dataset: Any, item: Any, number: int) -> list[Line | str]:
    """The lines that an annotation draws, and why others are none."""
    image, name = _only_image(item, dataset), _text(item)
    found: list[Line | str] = []
    for kind, data, units, group in _graphics(item):
        if image is None:
            found.append("drawn on no image or on several")
            continue
        key = group and f"{number} {group}"
        lines = _lines(dataset, image, kind, data, units, key)
        for one in lines:
            found.append(one if isinstance(one, str) else dataclasses.replace(one, name=name))
    return found


def _graphics(item: Any) -> Iterator[tuple[str, Any, str, str]]:
    """(type, data, units, group) of all that one annotation draws."""
    for each in item.get("GraphicObjectSequence") or []:
        group = str(each.get("GraphicGroupID", "") or "")
        units = str(each.get("GraphicAnnotationUnits", "PIXEL"))
        yield str(each.get("GraphicType", "")), each.get("GraphicData"), units, group
    for each in item.get("CompoundGraphicSequence") or []:
        group = str(each.get("GraphicGroupID", "") or "")
        units = str(each.get("CompoundGraphicUnits", "PIXEL"))
        yield str(each.get("CompoundGraphicType", "")), each.get("GraphicData"), units, group


def _lines(
    dataset: Any, image: Image, kind: str, data: Any, units: str, group: str
) -> Iterator[Line | str]:
    axes = axes_of(kind, data, 2)
    if isinstance(axes, str):
        yield axes
        return
    area = np.array([[0.0, 0.0], [1.0, 1.0]]) if units == "PIXEL" else _area(dataset, image)
    if units not in ("PIXEL", "DISPLAY") or area is None:
        yield f"units {shown(units)} without the area that is displayed"
        return
    swapped = units == "DISPLAY" and _is_swapped(dataset)
    if len(axes) == 2:
        group = group or f"shape {axes[0].round(2).tolist()}"
    for index, ends in enumerate(axes):
        role: Role = ("long", "short")[index] if len(axes) == 2 else ""
        # Pixel centres are at whole numbers here, and at halves in DICOM.
        pixels = area[0] + (ends[:, ::-1] if swapped else ends) * (area[1] - area[0]) - 0.5
        yield Line(pixels, image, role=role, group=group, notes=(_DRAWN,))


def _area(dataset: Any, image: Image) -> np.ndarray | None:
    """(2, 2) x, y in the image's pixels of the corners that are displayed at 0, 0 and 1, 1.

    The corners that the file has are pixels that count from 1, all of which are displayed, and in a
    turned or mirrored image they are those that come to lie at the top left and the bottom right.
    """
    for item in dataset.get("DisplayedAreaSelectionSequence") or []:
        meant = [str(one.get("ReferencedSOPInstanceUID", "")) for one in _images(item)]
        corners = [
            np.ravel(np.asarray(item.get(name), np.float64))
            for name in ("DisplayedAreaTopLeftHandCorner", "DisplayedAreaBottomRightHandCorner")
            if item.get(name) is not None
        ]
        if (not meant or image[0] in meant) and [len(one) for one in corners] == [2, 2]:
            first, last = corners
            forward = last >= first
            return np.stack(
                [np.where(forward, first - 1, first), np.where(forward, last, last - 1)]
            )
    return None


def _is_swapped(dataset: Any) -> bool:
    """Whether what runs to the right on the screen runs down in the image."""
    return int(dataset.get("ImageRotation") or 0) % 180 == 90


def _only_image(item: Any, dataset: Any) -> Image | None:
    """The image that an annotation is of: its own, or the only one that the state is of."""
    found = _images(item)
    if not found:
        series = dataset.get("ReferencedSeriesSequence") or []
        found = [one for each in series for one in _images(each)]
    if len(found) != 1:
        return None
    numbers = found[0].get("ReferencedFrameNumber") or 0
    several = not isinstance(numbers, int) and len(numbers) != 1
    if several:
        return None
    frame = numbers if isinstance(numbers, int) else numbers[0]
    return str(found[0].get("ReferencedSOPInstanceUID", "")), int(frame)


def _images(item: Any) -> list[Any]:
    return list(item.get("ReferencedImageSequence") or [])


def _text(item: Any) -> str:
    """The text of an annotation that has one."""
    texts = [one.get("UnformattedTextValue", "") for one in item.get("TextObjectSequence") or []]
    lines = " ".join(str(texts[0]).split()) if len(texts) == 1 else ""
    return shown(lines)[1:-1] if lines else ""
