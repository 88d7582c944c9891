"""What a presentation state (GSPS) draws upon images.

    found = read_presentation(Path("state.dcm"))
    found.lines, found.outlines, found.skipped

Read are lines of two ends and rulers, with the lengths that are written beside them, and outlines,
in pixels of the image or in parts of the area that is displayed. Points are labels of viewers more
often than lesions and are left out. Source: DICOM PS3.3, C.10.4 and C.10.5.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from casgan_jax.dicom.contours import Contour
from casgan_jax.dicom.measurements import Found, Line, checked_line
from casgan_jax.dicom.outlines import Outlines
from casgan_jax.dicom.shapes import Shape, shape_of
from casgan_jax.dicom.state_texts import Keys, Text, keys_of, write_lengths
from casgan_jax.errors import UserError
from casgan_jax.images.checks import shown, telling_damage
from casgan_jax.images.dicom import read_dataset
from casgan_jax.images.dicom_tags import referenced_frames

_DRAWN = "drawn in a presentation state: its length is computed"
_MOST_SKIPPED = 20
Image = tuple[str, int]


class _Graphic(NamedTuple):
    """What an annotation draws."""

    kind: str
    data: Any
    units: str
    keys: Keys


@dataclasses.dataclass
class _State:
    """A presentation state while it is read."""

    dataset: Any
    lines: list[Line] = dataclasses.field(default_factory=list)
    outlines: Outlines = dataclasses.field(default_factory=Outlines)
    skipped: list[str] = dataclasses.field(default_factory=list)


def read_presentation(path: Path) -> Found:
    """What a presentation state draws.

    Raises:
      UserError: no DICOM file, or a damaged one.
    """
    dataset = read_dataset(path, stop_before_pixels=True)
    state = _State(dataset)
    with telling_damage(path, "DICOM"):
        annotations = list(dataset.get("GraphicAnnotationSequence") or [])
    for number, item in enumerate(annotations, 1):
        try:
            with telling_damage(path, "DICOM"):
                faults = list(_annotation(state, item, number))
        except UserError as error:  # of this one; the others are read
            faults = [error.found]
        state.skipped += [f"annotation {number}: {fault}" for fault in faults]
    skipped = tuple(state.skipped[:_MOST_SKIPPED])
    return Found(tuple(state.lines), skipped, state.outlines.regions())


def _annotation(state: _State, item: Any, number: int) -> Iterator[str]:
    """Adds what an annotation draws, and says what it leaves out."""
    image = _only_image(item, state.dataset)
    texts = [] if image is None else [_text(one, state, image) for one in _texts(item)]
    names = {one.words for one in texts if one.words and not one.lengths_mm}
    name = shown(names.pop())[1:-1] if len(names) == 1 else ""
    lines: list[tuple[Line, Keys]] = []
    for graphic in _graphics(item):
        if image is None:
            yield "drawn on no image or on several"
            continue
        shape = _shape(graphic, state, image)
        if isinstance(shape, str):
            yield shape
        elif shape.kind == "line":
            line = Line(shape.points, image, group=_group(graphic, number), name=name)
            if fault := checked_line(line):
                yield fault
            else:
                lines.append((line, graphic.keys))
        else:
            contour = Contour(shape.points, frozenset({image}))
            group = _group(graphic, number)
            if fault := state.outlines.add(contour, group=group, name=name, frame=None):
                yield fault
    state.lines += [_noted(line) for line, _ in write_lengths(lines, texts)]


def _noted(line: Line) -> Line:
    return line if line.written_mm else dataclasses.replace(line, notes=(_DRAWN,))


def _group(graphic: _Graphic, number: int) -> str:
    return graphic.keys.group and f"{number} {graphic.keys.group}"


def _graphics(item: Any) -> Iterator[_Graphic]:
    """All that one annotation draws."""
    for name, kind, units in (
        ("GraphicObjectSequence", "GraphicType", "GraphicAnnotationUnits"),
        ("CompoundGraphicSequence", "CompoundGraphicType", "CompoundGraphicUnits"),
    ):
        for each in item.get(name) or []:
            unit = str(each.get(units, "PIXEL"))
            yield _Graphic(str(each.get(kind, "")), each.get("GraphicData"), unit, keys_of(each))


def _shape(graphic: _Graphic, state: _State, image: Image) -> Shape | str:
    """A line or an outline in pixels of the image, or why it is none."""
    shape = shape_of(graphic.kind, graphic.data, 2)
    if isinstance(shape, str):
        return shape
    if shape.kind == "points":
        return f"{graphic.kind}, which is no line and no outline"
    points = _pixels(shape.points, graphic.units, state.dataset, image)
    if points is None:
        return f"units {shown(graphic.units)} without the area that is displayed"
    return shape._replace(points=points)


def _pixels(points: np.ndarray, units: str, dataset: Any, image: Image) -> np.ndarray | None:
    """Points in pixels of the image, whose centres are at whole numbers here, and at halves in
    DICOM; None of unknown units."""
    if units == "PIXEL":
        return points - 0.5
    area = _area(dataset, image) if units == "DISPLAY" else None
    if area is None:
        return None
    turned = points[:, ::-1] if _is_swapped(dataset) else points
    return area[0] + turned * (area[1] - area[0]) - 0.5


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
    frames = referenced_frames(found[0])
    return frames[0] if len(frames) == 1 else None


def _images(item: Any) -> list[Any]:
    return list(item.get("ReferencedImageSequence") or [])


def _texts(item: Any) -> list[Any]:
    return list(item.get("TextObjectSequence") or [])


def _text(item: Any, state: _State, image: Image) -> Text:
    words = " ".join(str(item.get("UnformattedTextValue") or "").split())
    place = _anchor(item, state.dataset, image)
    return Text(words, place, keys_of(item))


def _anchor(item: Any, dataset: Any, image: Image) -> np.ndarray | None:
    """(2,) where a text is anchored, or the middle of its box."""
    box = ("BoundingBoxTopLeftHandCorner", "BoundingBoxBottomRightHandCorner")
    for names, units in ((("AnchorPoint",), "AnchorPoint"), (box, "BoundingBox")):
        corners = [
            np.ravel(np.asarray(item.get(name), np.float64))
            for name in names
            if item.get(name) is not None
        ]
        if len(corners) == len(names) and all(len(one) == 2 for one in corners):
            unit = str(item.get(f"{units}AnnotationUnits", "PIXEL"))
            found = _pixels(np.stack(corners), unit, dataset, image)
            if found is not None and np.isfinite(found).all():
                return found.mean(axis=0)
    return None
