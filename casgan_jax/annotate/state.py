"""What a lesion is like after what a reader did to it: a fold of its events.

| kind | body | what it does |
|---|---|---|
| add | image | the lesion is there; it cannot be undone |
| mark | slice, window, a mark | it counts instead of what there was; strokes on another slice go |
| propose | by, soft mask | the network's soft mask instead of the matted one, or this again |
| stroke | value, radius, points | a brush corrects the trimap |
| clear | | all strokes go |
| given | | the mark is that of the source again, and all strokes go |
| decide | decision | accepted, rejected, unsure, or "" |
| comment | text | a comment instead of what there was |
| undo, redo | | the last of all these is taken back, or done again |

A decision holds for what was seen: whatever changes the soft mask afterwards takes it back.
"""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from casgan_jax.annotate.store import Event
from casgan_jax.errors import UserError
from casgan_jax.grid import Box
from casgan_jax.soft_mask.proposal import Proposal
from casgan_jax.soft_mask.shapes import Outline, Rectangle, Shape
from casgan_jax.soft_mask.strokes import LARGEST_RADIUS, Stroke

MARKS = ("recist", "outline", "box")
PROPOSALS = ("matting", "network")
DECISIONS = ("", "accepted", "rejected", "unsure")
_MOST_POINTS = 2000  # of a stroke
_MOST_STROKES = 500  # of a lesion
_MOST_CORNERS = 500  # of an outline
_LONGEST_COMMENT = 2000  # characters
_FARTHEST = 1e5  # pixels
_LARGEST_VALUE = 1e9  # of a window


@dataclasses.dataclass(frozen=True)
class Mark:
    """What a reader drew.

    Attributes:
      slice: of the image, from 0.
      kind: one of `MARKS`.
      points: "recist": x1, y1, ..., x4, y4, as everywhere; "outline": x and y of its corners, one
        after the other; "box": left, top, right, bottom. Pixels, centres at whole numbers.
      window: (low, high) that the lesion was looked at in; matting sees the same.
    """

    slice: int
    kind: str
    points: tuple[float, ...]
    window: tuple[float, float]

    @property
    def shape(self) -> Shape | None:
        """The outline or the box; None of axes."""
        if self.kind == "box":
            return Rectangle(*self.points)
        if self.kind == "outline":
            return Outline(tuple(zip(self.points[::2], self.points[1::2], strict=True)))
        return None


@dataclasses.dataclass(frozen=True)
class State:
    """A lesion as its reader left it.

    Attributes:
      mark: what the reader drew; None: the source's, if that has one.
      strokes: corrections of the trimap.
      proposal: what a network gave in place of the matted soft mask; None: the matted one counts.
      decision: one of `DECISIONS`.
      comment: text, or "".
      last: id of the last event; 0: none.
      undoable, redoable: whether there is anything to take back, or to do again.
    """

    mark: Mark | None = None
    strokes: tuple[Stroke, ...] = ()
    proposal: Proposal | None = None
    decision: str = ""
    comment: str = ""
    last: int = 0
    undoable: bool = False
    redoable: bool = False

    @property
    def name(self) -> str:
        """new, drawn, corrected, or the decision."""
        if self.decision:
            return self.decision
        if self.strokes:
            return "corrected"
        return "drawn" if self.mark or self.proposal else "new"


def fold(events: Sequence[Event]) -> State:
    """The state that events lead to."""
    done: list[Event] = []
    undone: list[Event] = []
    for event in events:
        if event.kind == "undo":
            undone.append(done.pop())
        elif event.kind == "redo":
            done.append(undone.pop())
        elif event.kind != "add":
            done.append(event)
            undone.clear()
    state = State()
    for event in done:
        state = _CHANGES[event.kind](state, event.body)
    last = events[-1].id if events else 0
    return dataclasses.replace(state, last=last, undoable=bool(done), redoable=bool(undone))


def checked(state: State, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of an event that may follow, with nothing but what belongs to it.

    Raises:
      UserError: no such kind, nothing to undo or redo, or a value that cannot be.
    """
    if kind in ("undo", "redo") and not getattr(state, f"{kind}able"):
        raise UserError(kind, found="nothing left", expected="an earlier action")
    if kind not in _CHECKS:
        raise UserError("kind", found=f"{kind!r:.40}", expected=f"one of {', '.join(_CHECKS)}")
    if kind == "stroke" and len(state.strokes) >= _MOST_STROKES:
        raise UserError(
            "strokes",
            found=f"{len(state.strokes)}",
            expected=f"at most {_MOST_STROKES}",
            remedy="clear them, or draw other axes",
        )
    return _CHECKS[kind](body)


def _mark(state: State, body: Mapping[str, Any]) -> State:
    kind = next(one for one in MARKS if one in body)
    mark = Mark(body["slice"], kind, tuple(body[kind]), tuple(body["window"]))
    # Strokes upon the source's mark were drawn on its slice, which only the source knows.
    strokes = state.strokes if body["keep_strokes"] else ()
    return dataclasses.replace(state, mark=mark, strokes=strokes, proposal=None, decision="")


def _stroke(state: State, body: Mapping[str, Any]) -> State:
    stroke = Stroke(body["value"], body["radius"], tuple((x, y) for x, y in body["points"]))
    return dataclasses.replace(state, strokes=(*state.strokes, stroke), decision="")


def _clear(state: State, _: Mapping[str, Any]) -> State:
    return dataclasses.replace(state, strokes=(), decision="")


def _given(state: State, _: Mapping[str, Any]) -> State:
    return dataclasses.replace(state, mark=None, strokes=(), proposal=None, decision="")


def _propose(state: State, body: Mapping[str, Any]) -> State:
    proposal = None
    if body["by"] == "network":
        packed = base64.b64decode(body["soft_mask"])
        proposal = Proposal(Box(*body["box"]), body["scale"], packed)
    return dataclasses.replace(state, proposal=proposal, decision="")


def proposal_body(proposal: Proposal) -> dict[str, Any]:
    """What an event keeps of a network's soft mask."""
    return {
        "by": "network",
        "box": list(proposal.box),
        "scale": proposal.scale,
        "soft_mask": base64.b64encode(proposal.packed).decode(),
    }


def _decide(state: State, body: Mapping[str, Any]) -> State:
    return dataclasses.replace(state, decision=body["decision"])


def _comment(state: State, body: Mapping[str, Any]) -> State:
    return dataclasses.replace(state, comment=body["text"])


_CHANGES: dict[str, Callable[[State, Mapping[str, Any]], State]] = {
    "mark": _mark,
    "stroke": _stroke,
    "clear": _clear,
    "given": _given,
    "propose": _propose,
    "decide": _decide,
    "comment": _comment,
}


def _checked_mark(body: Mapping[str, Any]) -> dict[str, Any]:
    index = body.get("slice")
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < 2**31:
        raise UserError("slice", found=f"{index!r:.40}", expected="a whole number from 0")
    low, high = _numbers("window", body.get("window"), 2, _LARGEST_VALUE)
    if not low < high:
        raise UserError("window", found=f"{low:g}, {high:g}", expected="low < high")
    keep = body.get("keep_strokes", False) is True
    return {"slice": index, **_drawn(body), "window": [low, high], "keep_strokes": keep}


def _drawn(body: Mapping[str, Any]) -> dict[str, list[float]]:
    kinds = [kind for kind in MARKS if kind in body]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "none"
        raise UserError("mark", found=found, expected=f"one of {', '.join(MARKS)}")
    kind, values = kinds[0], body[kinds[0]]
    count = {"recist": 8, "box": 4}.get(kind)
    if count is None:
        count = len(values) if isinstance(values, list) else 0
        if count % 2 or not 6 <= count <= 2 * _MOST_CORNERS:
            raise UserError(kind, found="others", expected=f"3 to {_MOST_CORNERS} points")
    return {kind: _numbers(kind, values, count, _FARTHEST)}


def _checked_proposal(body: Mapping[str, Any]) -> dict[str, Any]:
    if body.get("by") not in PROPOSALS:
        found = f"{body.get('by')!r:.40}"
        raise UserError("by", found=found, expected=f"one of {', '.join(PROPOSALS)}")
    return {"by": body["by"]}


def _checked_stroke(body: Mapping[str, Any]) -> dict[str, Any]:
    points = body.get("points")
    if not isinstance(points, list) or not 1 <= len(points) <= _MOST_POINTS:
        raise UserError("points", found="others", expected=f"1 to {_MOST_POINTS} pairs x, y")
    pairs = [_numbers("points", point, 2, _FARTHEST) for point in points]
    (radius,) = _numbers("radius", [body.get("radius")], 1, LARGEST_RADIUS)
    value: Any = body.get("value")
    stroke = Stroke(value, radius, tuple((x, y) for x, y in pairs))
    return {"value": stroke.value, "radius": radius, "points": pairs}


def _checked_decision(body: Mapping[str, Any]) -> dict[str, Any]:
    decision = body.get("decision")
    if decision not in DECISIONS:
        raise UserError(
            "decision", found=f"{decision!r:.40}", expected=f"one of {', '.join(DECISIONS[1:])}"
        )
    return {"decision": decision}


def _checked_comment(body: Mapping[str, Any]) -> dict[str, Any]:
    text = body.get("text")
    if not isinstance(text, str) or len(text) > _LONGEST_COMMENT:
        raise UserError("text", found="others", expected=f"at most {_LONGEST_COMMENT} characters")
    return {"text": text.encode("utf-8", "replace").decode()}


def _nothing(_: Mapping[str, Any]) -> dict[str, Any]:
    return {}


_CHECKS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "mark": _checked_mark,
    "stroke": _checked_stroke,
    "clear": _nothing,
    "given": _nothing,
    "propose": _checked_proposal,
    "decide": _checked_decision,
    "comment": _checked_comment,
    "undo": _nothing,
    "redo": _nothing,
}


def _numbers(field: str, values: Any, count: int, limit: float) -> list[float]:
    """So many finite numbers within a limit; rounded to what a mouse can mean.

    Raises:
      UserError: they are something else.
    """
    good = (
        isinstance(values, list)
        and len(values) == count
        and all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
        and all(abs(one) <= limit and math.isfinite(one) for one in values)
    )
    if not good:
        raise UserError(field, found="others", expected=f"{count} numbers within {limit:g}")
    return [round(float(one), 3) for one in values]
