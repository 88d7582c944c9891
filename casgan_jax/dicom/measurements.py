"""What was drawn on images, and the lesions that lines are the axes of.

    found = read_report("report.dcm")
    lesions(found.lines)  # both axes of each, or the one that was drawn

Two lines are the axes of one lesion if their file says so (one group, one tracking UID), or else
if they lie in one image, cross, and are about perpendicular. A line that is left over is the long
axis of a lesion whose short one is not known.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from casgan_jax.dicom.contours import Roi

Role = Literal["long", "short", ""]

_LEAST_ANGLE = 60.0  # degrees between lines that nothing but their place joins
_REACH = 0.1  # of its length, by which a line may miss the other one
_LEAST_LENGTH = 0.5  # pixels or mm; below it a line is a click
_SAME = 0.01  # relative difference of lengths that are one
_LONGER = 1.1  # times a long axis, from where the other one is; in round lesions that is chance
_SWAPPED = "the axes were called the other way round"


@dataclasses.dataclass(frozen=True, eq=False)
class Line:
    """A straight line.

    Attributes:
      ends: (2, 2) x, y in pixels of an image, centres at whole numbers from 0; or (2, 3) mm, LPS.
      image: SOPInstanceUID and frame from 1 of the image, frame 0 where it has but one; None of
        lines in the patient.
      frame_of_reference: UID of lines in the patient; None where it is not known.
      role: the axis that it is said to be, "" where nothing is said.
      group: lines of one group are of one lesion; "" where nothing is said.
      name: of the lesion, or "".
      written_mm: its length as its file has it; None where the file has none in mm.
      notes: what is to be said of it.
    """

    ends: np.ndarray
    image: tuple[str, int] | None = None
    frame_of_reference: str | None = None
    role: Role = ""
    group: str = ""
    name: str = ""
    written_mm: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def length(self) -> float:
        """In pixels, or in mm of a line in the patient."""
        return float(np.linalg.norm(self.ends[1] - self.ends[0]))

    @property
    def length_mm(self) -> float | None:
        """As written or as drawn; None where neither is known without the image."""
        return self.length if self.image is None else self.written_mm

    @property
    def place(self) -> tuple[tuple[str, int] | None, str | None]:
        """What lines have in common that may be of one lesion."""
        return self.image, self.frame_of_reference


@dataclasses.dataclass(frozen=True, eq=False)
class Click:
    """A point in a lesion.

    Attributes:
      ends: (1, 2) or (1, 3), as those of a line.
      image, frame_of_reference, group, name: as those of a line.
    """

    ends: np.ndarray
    image: tuple[str, int] | None = None
    frame_of_reference: str | None = None
    group: str = ""
    name: str = ""


class Found(NamedTuple):
    """What a file has.

    Attributes:
      lines: that may be axes.
      skipped: what else was measured, and why it is left out, a line each.
      outlines: of lesions.
      clicks: on lesions.
    """

    lines: tuple[Line, ...]
    skipped: tuple[str, ...]
    outlines: tuple[Roi, ...] = ()
    clicks: tuple[Click, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Measurement:
    """The axes of a lesion as they were measured; of one axis alone, `short` is None."""

    long: Line
    short: Line | None = None

    @property
    def lines(self) -> tuple[Line, ...]:
        """The long axis, and the short one where it is known."""
        return (self.long,) if self.short is None else (self.long, self.short)

    @property
    def ends(self) -> np.ndarray:
        """(4, 2 or 3), or (2, 2 or 3) of one axis: the ends of each."""
        return np.concatenate([line.ends for line in self.lines])

    @property
    def image(self) -> tuple[str, int] | None:
        """Of both lines."""
        return self.long.image

    @property
    def frame_of_reference(self) -> str | None:
        """Of both lines."""
        return self.long.frame_of_reference

    @property
    def name(self) -> str:
        """Of the lesion, or ""."""
        return next((line.name for line in self.lines if line.name), "")

    @property
    def diameters_mm(self) -> tuple[float | None, float | None]:
        """(long, short), None each where it is not known without the image."""
        short = None if self.short is None else self.short.length_mm
        return self.long.length_mm, short

    @property
    def notes(self) -> tuple[str, ...]:
        """Of both lines, each once."""
        return tuple(dict.fromkeys(note for line in self.lines for note in line.notes))


def lesions(lines: Sequence[Line]) -> tuple[Measurement, ...]:
    """The lesions that lines are the axes of, in the order of their first lines."""
    order = {id(line.ends): index for index, line in enumerate(lines)}
    groups: dict[tuple[object, str], list[Line]] = defaultdict(list)
    for line in lines:
        groups[line.place, line.group].append(line)
    found: list[Measurement] = []
    left: dict[object, list[Line]] = defaultdict(list)
    for (place, group), members in groups.items():
        pairs, rest = _of_group(members) if group else ([], members)
        found += pairs
        left[place] += rest
    for members in left.values():
        pairs, rest = _by_geometry(members)
        found += [*pairs, *map(Measurement, rest)]
    return tuple(sorted(found, key=lambda one: min(order[id(line.ends)] for line in one.lines)))


def length_of(ends: np.ndarray, value: float | None, unit: str) -> tuple[float | None, str]:
    """The length of a line in pixels in mm, as its file has it, and what is to be said of it.

    Viewers have written mm under the unit of pixels: a length that is not the line's own in pixels
    is taken as mm.

    Args:
      ends: (2, 2) pixels.
      value: that the file has, or None.
      unit: as UCUM or as a word.
    """
    if value is None or not (np.isfinite(value) and value > 0):
        return None, "no length in the file: computed from the ends of the line"
    factor = {"mm": 1.0, "cm": 10.0, "m": 1000.0}.get(unit.strip().casefold())
    if factor is not None:
        return value * factor, ""
    drawn = float(np.linalg.norm(ends[1] - ends[0]))
    if abs(value - drawn) <= _SAME * drawn:
        return None, ""
    return value, f"{value:.4g} {unit} written for {drawn:.4g} pixels: taken as mm"


def checked_line(line: Line) -> str:
    """Why a line is no axis, or ""."""
    if not np.isfinite(line.ends).all():
        return "ends that are not finite"
    if line.length < _LEAST_LENGTH:
        return f"a line of length {line.length:.2g}"
    return ""


def _of_group(members: list[Line]) -> tuple[list[Measurement], list[Line]]:
    """Two lines of a group are a lesion's; of more, those that are called so or that cross."""
    if len(members) == 2 and members[0].role != (members[1].role or None):
        return [_ordered(*members)], []
    long = [line for line in members if line.role == "long"]
    short = [line for line in members if line.role == "short"]
    if len(long) == len(short) == 1:
        rest = [line for line in members if not line.role]
        return [_ordered(long[0], short[0])], rest
    return [], members


def _by_geometry(members: list[Line]) -> tuple[list[Measurement], list[Line]]:
    """Pairs of lines that cross, those first that are nearest to perpendicular."""
    candidates = [
        (-_angle(one, other), index, index + 1 + more)
        for index, one in enumerate(members)
        for more, other in enumerate(members[index + 1 :])
        if _may_be_pair(one, other)
    ]
    pairs: list[Measurement] = []
    taken: set[int] = set()
    for _, first, second in sorted(candidates):
        if not taken & {first, second}:
            taken |= {first, second}
            pairs.append(_ordered(members[first], members[second]))
    return pairs, [line for index, line in enumerate(members) if index not in taken]


def _ordered(one: Line, other: Line) -> Measurement:
    swapped = (one.role, other.role) in (("short", ""), ("short", "long"), ("", "long"))
    named = one.role or other.role
    if swapped or (not named and other.length > one.length):
        one, other = other, one
    elif named and _is_longer(other, one):
        other = dataclasses.replace(other, notes=(*other.notes, _SWAPPED))
        one, other = other, one
    return Measurement(one, other)


def _is_longer(other: Line, one: Line) -> bool:
    """Whether an axis is longer in mm than what is called the long one, where that is known."""
    longer, long = other.length_mm, one.length_mm
    if longer is None or long is None:
        return False
    return longer > _LONGER * long + 0.5


def _may_be_pair(one: Line, other: Line) -> bool:
    roles = {one.role, other.role}
    if roles in ({"long"}, {"short"}):
        return False
    return _angle(one, other) >= _LEAST_ANGLE and _cross(one, other)


def _angle(one: Line, other: Line) -> float:
    """Degrees, 0 to 90."""
    a, b = (line.ends[1] - line.ends[0] for line in (one, other))
    cosine = abs(float(a @ b)) / float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(np.degrees(np.arccos(min(cosine, 1.0))))


def _cross(one: Line, other: Line) -> bool:
    """Whether both come nearest to each other within them, or nearly so, and nearly touch."""
    a, b = (line.ends[1] - line.ends[0] for line in (one, other))
    between = other.ends[0] - one.ends[0]
    (s, t), *_ = np.linalg.lstsq(np.stack([a, -b], axis=1), between, rcond=None)
    apart = np.linalg.norm(between + t * b - s * a)
    within = all(-_REACH <= share <= 1 + _REACH for share in (s, t))
    return within and bool(apart <= _REACH * max(one.length, other.length))
