"""What a lesion is like after what a reader did to it: a fold of its events.

| kind | body | what it does |
|---|---|---|
| add | image | the lesion is there; it cannot be undone |
| mark | slice, window, a mark | it counts instead of what there was; strokes on another slice go |
| mark | the same, proposal | the network's soft mask of the mark comes first |
| mark | the same, beside | of a lesion with a volume, on another slice: both are kept |
| propose | by, soft mask | the network's soft mask instead of the matted one, or this again |
| stroke | value, radius, points | a brush corrects the trimap |
| stroke | the same, slice | on another slice of a lesion with a volume |
| clear | | all strokes on the lesion's own slice go |
| clear | slice | all that was said of another slice goes |
| volume | on | the lesion is a volume, or no longer: what was said of other slices goes |
| absent | slice, absent | the lesion is not in that slice, where it ends, or may be in it again |
| given | | the mark is that of the source again; all strokes and the volume go |
| decide | decision | accepted, rejected, unsure, or "" |
| comment | text | a comment instead of what there was |
| undo, redo | | the last of all these is taken back, or done again |

A decision holds for what was seen: whatever changes the soft mask or the volume afterwards takes it
back.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from casgan_jax.annotate.store import Event
from casgan_jax.grid import Box
from casgan_jax.soft_mask.proposal import Proposal
from casgan_jax.soft_mask.shapes import Outline, Rectangle, Shape
from casgan_jax.soft_mask.strokes import Stroke

MARKS = ("recist", "outline", "box")
PROPOSALS = ("matting", "network")
DECISIONS = ("", "accepted", "rejected", "unsure")


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
class Beside:
    """What a reader said of another slice of a lesion with a volume.

    Attributes:
      slice: of the image, from 0.
      mark: what was drawn there, or None.
      strokes: of a brush there.
      absent: the lesion is not in that slice, and ends before it; then it has neither.
    """

    slice: int
    mark: Mark | None = None
    strokes: tuple[Stroke, ...] = ()
    absent: bool = False


@dataclasses.dataclass(frozen=True)
class State:
    """A lesion as its reader left it.

    Attributes:
      mark: what the reader drew; None: the source's, if that has one.
      strokes: corrections of the trimap.
      proposal: what a network gave in place of the matted soft mask; None: the matted one counts.
      volume: whether the soft volume of the lesion is made, too.
      beside: what was said of other slices of it, by the slices.
      decision: one of `DECISIONS`.
      comment: text, or "".
      last: id of the last event; 0: none.
      undoable, redoable: whether there is anything to take back, or to do again.
    """

    mark: Mark | None = None
    strokes: tuple[Stroke, ...] = ()
    proposal: Proposal | None = None
    volume: bool = False
    beside: tuple[Beside, ...] = ()
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
        if self.strokes or self.beside:
            return "corrected"
        return "drawn" if self.mark or self.proposal or self.volume else "new"

    @property
    def stroke_count(self) -> int:
        """Number of strokes on all slices."""
        return len(self.strokes) + sum(len(one.strokes) for one in self.beside)

    def of_slice(self, index: int) -> Beside:
        """What was said of another slice."""
        return next((one for one in self.beside if one.slice == index), Beside(index))


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
    begin = _last_beginning(done)
    comments = [event for event in done[:begin] if event.kind == "comment"]
    state = State()
    for event in [*comments[-1:], *done[begin:]]:
        state = _CHANGES[event.kind](state, event.body)
    last = events[-1].id if events else 0
    return dataclasses.replace(state, last=last, undoable=bool(done), redoable=bool(undone))


def _last_beginning(done: Sequence[Event]) -> int:
    """Index of the last event that leaves nothing of those before it but a comment, or 0."""
    for index in reversed(range(len(done))):
        kind = done[index].kind
        if kind == "given" or (kind == "mark" and _replaces(done[index].body)):
            return index
    return 0


def _replaces(body: Mapping[str, Any]) -> bool:
    """Whether a mark leaves nothing of what was there."""
    return not (body["keep_strokes"] or body.get("beside"))


def _mark(state: State, body: Mapping[str, Any]) -> State:
    kind = next(one for one in MARKS if one in body)
    mark = Mark(body["slice"], kind, tuple(body[kind]), tuple(body["window"]))
    if body.get("beside"):
        said = state.of_slice(mark.slice)
        return _said(state, dataclasses.replace(said, mark=mark, absent=False))
    if _replaces(body):
        state = State(comment=state.comment)
    proposal = _proposal(body["proposal"]) if "proposal" in body else None
    return dataclasses.replace(state, mark=mark, proposal=proposal, decision="")


def _said(state: State, said: Beside) -> State:
    """The state with what is said of another slice now; of one that nothing is said of, without."""
    others = [one for one in state.beside if one.slice != said.slice]
    found = [said] if said != Beside(said.slice) else []
    beside = tuple(sorted([*others, *found], key=lambda one: one.slice))
    return dataclasses.replace(state, beside=beside, decision="")


def _stroke(state: State, body: Mapping[str, Any]) -> State:
    stroke = Stroke(body["value"], body["radius"], tuple((x, y) for x, y in body["points"]))
    if "slice" not in body:
        return dataclasses.replace(state, strokes=(*state.strokes, stroke), decision="")
    said = state.of_slice(body["slice"])
    absent = said.absent and stroke.value != "lesion"
    strokes = () if absent else (*said.strokes, stroke)
    return _said(state, dataclasses.replace(said, strokes=strokes, absent=absent))


def _clear(state: State, body: Mapping[str, Any]) -> State:
    if "slice" in body:
        return _said(state, Beside(body["slice"]))
    return dataclasses.replace(state, strokes=(), decision="")


def _volume(state: State, body: Mapping[str, Any]) -> State:
    beside = state.beside if body["on"] else ()
    return dataclasses.replace(state, volume=body["on"], beside=beside, decision="")


def _absent(state: State, body: Mapping[str, Any]) -> State:
    return _said(state, Beside(body["slice"], absent=body["absent"]))


def _given(state: State, _: Mapping[str, Any]) -> State:
    return State(comment=state.comment)


def _propose(state: State, body: Mapping[str, Any]) -> State:
    proposal = _proposal(body) if body["by"] == "network" else None
    return dataclasses.replace(state, proposal=proposal, decision="")


def _proposal(body: Mapping[str, Any]) -> Proposal:
    low_high = body.get("window")  # which events of earlier versions lack
    return Proposal(
        Box(*body["box"]),
        body["scale"],
        base64.b64decode(body["soft_mask"]),
        low_high and (low_high[0], low_high[1]),
    )


def proposal_body(proposal: Proposal) -> dict[str, Any]:
    """What an event keeps of a network's soft mask."""
    return {
        "by": "network",
        "box": list(proposal.box),
        "scale": proposal.scale,
        "soft_mask": base64.b64encode(proposal.packed).decode(),
        "window": proposal.window and list(proposal.window),
    }


def _decide(state: State, body: Mapping[str, Any]) -> State:
    return dataclasses.replace(state, decision=body["decision"])


def _comment(state: State, body: Mapping[str, Any]) -> State:
    return dataclasses.replace(state, comment=body["text"])


_CHANGES: dict[str, Callable[[State, Mapping[str, Any]], State]] = {
    "mark": _mark,
    "stroke": _stroke,
    "clear": _clear,
    "volume": _volume,
    "absent": _absent,
    "given": _given,
    "propose": _propose,
    "decide": _decide,
    "comment": _comment,
}
