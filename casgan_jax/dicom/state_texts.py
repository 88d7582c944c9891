"""Lengths that a presentation state writes beside its lines.

    write_lengths([line], [text])  # the line with the length that the text says, in mm

A text belongs to the line of its compound graphic, else of its graphic group, else to the nearest
line that its annotation draws. Source: DICOM PS3.3, C.10.5.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from casgan_jax.dicom.measurements import Line

_NUMBER = r"(\d+(?:[.,]\d+)?)"
_LENGTHS = re.compile(rf"{_NUMBER}\s*(mm|cm)?(?:\s*[x×*/]\s*{_NUMBER})?\s*(mm|cm)\b", re.IGNORECASE)
_FACTORS = {"mm": 1.0, "cm": 10.0}


class Keys(NamedTuple):
    """What an object says of those that it belongs to, "" each where it says nothing."""

    compound: str
    group: str


class Text(NamedTuple):
    """A text of a presentation state.

    Attributes:
      words: on one line.
      place: (2,) x, y in pixels of the image, of its anchor or of its box; None: not known.
      keys: what it belongs to.
    """

    words: str
    place: np.ndarray | None
    keys: Keys

    @property
    def lengths_mm(self) -> tuple[float, ...]:
        """Of one axis ("12.3 mm") or of both ("12.3 x 8 mm"), the longer first."""
        found = _LENGTHS.search(self.words)
        if found is None:
            return ()
        last = found[4]
        pairs = [(found[1], found[2] or last), (found[3], last)]
        return tuple(sorted((_mm(*pair) for pair in pairs if pair[0]), reverse=True))


def keys_of(item: Any) -> Keys:
    """What an object belongs to."""
    names = ("CompoundGraphicInstanceID", "GraphicGroupID")
    return Keys(*(str(item.get(name) or "") for name in names))


def write_lengths(
    lines: Sequence[tuple[Line, Keys]], texts: Sequence[Text]
) -> list[tuple[Line, Keys]]:
    """The lines of an annotation with the lengths that its texts say; no two say one line's."""
    written = list(lines)
    left = list(range(len(lines)))
    for text in sorted(texts, key=lambda text: text.keys == ("", "")):  # those first that say whose
        lengths = text.lengths_mm
        of_it = [index for index, (_, keys) in enumerate(lines) if _is_of(text.keys, keys)]
        meant = _nearest(text.place, of_it, left, lines, len(lengths))
        for index, length in zip(meant, lengths, strict=False):
            line, keys = written[index]
            written[index] = dataclasses.replace(line, written_mm=length), keys
            left.remove(index)
    return written


def _is_of(text: Keys, line: Keys) -> bool:
    """Whether a text may belong to a line by what both say."""
    if text.compound:
        return text.compound == line.compound
    return not text.group or text.group == line.group


def _nearest(
    place: np.ndarray | None,
    of_it: list[int],
    left: list[int],
    lines: Sequence[tuple[Line, Keys]],
    count: int,
) -> list[int]:
    """As many lines as lengths at most, the longer first, of those that no text is of yet."""
    found = [index for index in of_it if index in left]
    if len(of_it) > count:
        if place is None:
            return []
        found = sorted(found, key=lambda index: _distance(place, lines[index][0]))[:count]
    return sorted(found, key=lambda index: -lines[index][0].length)


def _distance(place: np.ndarray, line: Line) -> float:
    """Pixels from a point to a line."""
    start, stop = line.ends
    along = stop - start
    share = np.clip((place - start) @ along / (along @ along), 0, 1)
    return float(np.linalg.norm(start + share * along - place))


def _mm(number: str, unit: str) -> float:
    return float(number.replace(",", ".")) * _FACTORS[unit.casefold()]
