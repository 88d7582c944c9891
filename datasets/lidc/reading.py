"""The readers' XML files of LIDC-IDRI: who outlined what, on which slice, and how it was rated.

    reading = read_readers("LIDC-IDRI-0001/.../069.xml")
    reading.marks[0].outlines[0].points  # (P, 2) pixels, x and y

Format: "LIDC XML file documentation", The Cancer Imaging Archive. A file has one `readingSession`
for each reader; what it holds of nodules below 3 mm (one point) and of non-nodules has no outline.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from casgan_jax.errors import UserError, one_line

RATINGS = (
    "subtlety",
    "internalStructure",
    "calcification",
    "sphericity",
    "margin",
    "lobulation",
    "spiculation",
    "texture",
    "malignancy",
)
_ROOT = "LidcReadMessage"
_LEAST_POINTS = 3  # of an outline; a nodule below 3 mm has one
_REMEDY = "use the file as published"


class Outline(NamedTuple):
    """What one reader drew on one slice.

    Attributes:
      image_uid: SOPInstanceUID of the slice.
      z_mm: position of the slice.
      inclusion: whether the inside belongs to the nodule; False for a hole in it.
      points: (P, 2) int32 pixels (x, y) of the outline, the first ones outside the nodule.
    """

    image_uid: str
    z_mm: float
    inclusion: bool
    points: np.ndarray


class Mark(NamedTuple):
    """One nodule as one reader saw it.

    Attributes:
      reader: number of the reading session, from 0. Readers differ from file to file.
      outlines: at least one.
      ratings: 1 to 6 for each of RATINGS, 0 where the reader gave none.
    """

    reader: int
    outlines: tuple[Outline, ...]
    ratings: tuple[int, ...]


class Reading(NamedTuple):
    """One file.

    Attributes:
      series_uid: SeriesInstanceUID of the CT series that was read.
      marks: of the nodules that were outlined.
      without_outline: how many nodules below 3 mm and non-nodules were only pointed at.
    """

    series_uid: str
    marks: tuple[Mark, ...]
    without_outline: int


def read_readers(path: Path | str) -> Reading:
    """Reads one file.

    Raises:
      UserError: no XML, another kind of XML, no series, or an element that is missing or no number.
    """
    path = Path(path)
    root = _parsed(path)
    marks, pointed = [], 0
    for reader, session in enumerate(root.findall("{*}readingSession")):
        for nodule in session.findall("{*}unblindedReadNodule"):
            outlines = tuple(_outlines(path, nodule))
            if outlines:
                marks.append(Mark(reader, outlines, _ratings(path, nodule)))
            else:
                pointed += 1
        pointed += len(session.findall("{*}nonNodule"))
    return Reading(_text(path, root, "ResponseHeader/SeriesInstanceUid"), tuple(marks), pointed)


def _parsed(path: Path) -> ElementTree.Element:
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise UserError(
            path,
            found=f"no XML ({one_line(error)})",
            expected="the readers' XML of LIDC-IDRI",
            remedy=f"{_REMEDY}",
        ) from error
    except OSError as error:
        raise UserError(
            path,
            found=f"that it cannot be read ({error.strerror})",
            expected="a readable file",
            remedy="check its permissions",
        ) from error
    _, _, name = root.tag.rpartition("}")
    if name != _ROOT:
        raise UserError(
            path,
            found=f"the element {name}",
            expected=f"{_ROOT} (readings of CT)",
            remedy="leave it out",
        )
    return root


def _outlines(path: Path, nodule: ElementTree.Element) -> list[Outline]:
    outlines = []
    for roi in nodule.findall("{*}roi"):
        points = [
            [_number(path, edge, "xCoord"), _number(path, edge, "yCoord")]
            for edge in roi.findall("{*}edgeMap")
        ]
        if len(points) < _LEAST_POINTS:
            continue
        outlines.append(
            Outline(
                image_uid=_text(path, roi, "imageSOP_UID"),
                z_mm=_number(path, roi, "imageZposition"),
                inclusion=_text(path, roi, "inclusion").upper() != "FALSE",
                points=np.array(points, np.int32),
            )
        )
    return outlines


def _ratings(path: Path, nodule: ElementTree.Element) -> tuple[int, ...]:
    found = nodule.find("{*}characteristics")
    if found is None:
        return (0,) * len(RATINGS)
    given = [found.find(f"{{*}}{name}") is not None for name in RATINGS]
    return tuple(
        int(_number(path, found, name)) if there else 0
        for name, there in zip(RATINGS, given, strict=True)
    )


def _number(path: Path, parent: ElementTree.Element, name: str) -> float:
    text = _text(path, parent, name)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) < 2**20:  # as pixels and as millimetres beyond any scanner
        raise UserError(
            path,
            found=f"{name} {text[:40]!r}",
            expected="a number",
            remedy=f"{_REMEDY}",
        )
    return value


def _text(path: Path, parent: ElementTree.Element, name: str) -> str:
    text = parent.findtext("/".join(f"{{*}}{part}" for part in name.split("/")))
    if text is None or not text.strip():
        raise UserError(
            path,
            found=f"no {name}",
            expected="one",
            remedy=f"{_REMEDY}",
        )
    return text.strip()
