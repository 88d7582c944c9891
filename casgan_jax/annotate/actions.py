"""Which actions a reader may do on a lesion, and what is kept of their bodies.

    body = checked(state, "mark", {"slice": 3, "box": [10, 12, 40, 38], "window": [-160, 240]})

Kinds and bodies are those of `casgan_jax.annotate.state`. Nothing else of a request is kept.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Mapping
from typing import Any

from casgan_jax.annotate.state import DECISIONS, MARKS, PROPOSALS, State
from casgan_jax.errors import UserError
from casgan_jax.soft_mask.strokes import LARGEST_RADIUS, Stroke

_MOST_POINTS = 2000  # of a stroke
_MOST_STROKES = 500  # of a lesion
_MOST_CORNERS = 500  # of an outline
_LONGEST_COMMENT = 2000  # characters
_FARTHEST = 1e5  # pixels
_LARGEST_VALUE = 1e9  # of a window


def checked(state: State, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The body of an event that may follow, with nothing but what belongs to it.

    Raises:
      UserError: no such kind, nothing to undo or redo, or a value that cannot be.
    """
    if kind in ("undo", "redo") and not getattr(state, f"{kind}able"):
        raise UserError(kind, found="nothing left", expected="an earlier action")
    if kind not in _CHECKS:
        raise UserError("kind", found=f"{kind!r:.40}", expected=f"one of {', '.join(_CHECKS)}")
    if kind == "stroke" and state.stroke_count >= _MOST_STROKES:
        raise UserError(
            "strokes",
            found=f"{state.stroke_count}",
            expected=f"at most {_MOST_STROKES}",
            remedy="clear them, or draw other axes",
        )
    return _CHECKS[kind](body)


def _checked_mark(body: Mapping[str, Any]) -> dict[str, Any]:
    low, high = _numbers("window", body.get("window"), 2, _LARGEST_VALUE)
    if not low < high:
        raise UserError("window", found=f"{low:g}, {high:g}", expected="low < high")
    keep = body.get("keep_strokes", False) is True
    return {**_slice(body), **_drawn(body), "window": [low, high], "keep_strokes": keep}


def _slice(body: Mapping[str, Any]) -> dict[str, int]:
    index = body.get("slice")
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < 2**31:
        raise UserError("slice", found=f"{index!r:.40}", expected="a whole number from 0")
    return {"slice": index}


def _slice_if_any(body: Mapping[str, Any]) -> dict[str, int]:
    return _slice(body) if body.get("slice") is not None else {}


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
            raise UserError(
                kind, found=reprlib.repr(values), expected=f"3 to {_MOST_CORNERS} points"
            )
    return {kind: _numbers(kind, values, count, _FARTHEST)}


def _checked_proposal(body: Mapping[str, Any]) -> dict[str, Any]:
    if body.get("by") not in PROPOSALS:
        found = f"{body.get('by')!r:.40}"
        raise UserError("by", found=found, expected=f"one of {', '.join(PROPOSALS)}")
    return {"by": body["by"]}


def _checked_stroke(body: Mapping[str, Any]) -> dict[str, Any]:
    points = body.get("points")
    if not isinstance(points, list) or not 1 <= len(points) <= _MOST_POINTS:
        raise UserError(
            "points", found=reprlib.repr(points), expected=f"1 to {_MOST_POINTS} pairs x, y"
        )
    pairs = [_numbers("points", point, 2, _FARTHEST) for point in points]
    (radius,) = _numbers("radius", [body.get("radius")], 1, LARGEST_RADIUS)
    value: Any = body.get("value")
    stroke = Stroke(value, radius, tuple((x, y) for x, y in pairs))
    return {"value": stroke.value, "radius": radius, "points": pairs, **_slice_if_any(body)}


def _checked_volume(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"on": _truth("on", body)}


def _checked_absence(body: Mapping[str, Any]) -> dict[str, Any]:
    return {**_slice(body), "absent": _truth("absent", body)}


def _truth(field: str, body: Mapping[str, Any]) -> bool:
    value = body.get(field)
    if not isinstance(value, bool):
        raise UserError(field, found=f"{value!r:.40}", expected="true or false")
    return value


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
        raise UserError(
            "text", found=reprlib.repr(text), expected=f"at most {_LONGEST_COMMENT} characters"
        )
    return {"text": text.encode("utf-8", "replace").decode()}


def _nothing(_: Mapping[str, Any]) -> dict[str, Any]:
    return {}


_CHECKS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "mark": _checked_mark,
    "stroke": _checked_stroke,
    "clear": _slice_if_any,
    "volume": _checked_volume,
    "absent": _checked_absence,
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
        raise UserError(
            field, found=reprlib.repr(values), expected=f"{count} numbers within {limit:g}"
        )
    return [round(float(one), 3) for one in values]
