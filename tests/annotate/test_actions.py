"""Actions that cannot be are refused, and nothing is kept that does not belong to them."""

import pytest

from casgan_jax.annotate.actions import checked
from casgan_jax.annotate.state import State
from casgan_jax.errors import UserError
from tests.annotate.test_state import DRAWN, MARK, RECIST, STROKE


@pytest.mark.parametrize(
    ("kind", "body", "line"),
    [
        ("nothing", {}, "kind: found"),
        ("add", {}, "kind: found"),
        ("undo", {}, "undo: found nothing left"),
        ("redo", {}, "redo: found nothing left"),
        ("decide", {"decision": "maybe"}, "decision: found"),
        ("decide", {"decision": ["accepted"]}, "decision: found"),
        ("comment", {"text": 5}, "text: found"),
        ("comment", {"text": "x" * 2001}, "text: found"),
        ("mark", {**MARK[1], "slice": -1}, "slice: found"),
        ("mark", {**MARK[1], "slice": True}, "slice: found"),
        ("mark", {**MARK[1], "recist": RECIST[:7]}, "recist: found"),
        ("mark", {**MARK[1], "recist": [*RECIST[:7], float("nan")]}, "recist: found"),
        ("mark", {**MARK[1], "recist": [*RECIST[:7], "1"]}, "recist: found"),
        ("mark", {**MARK[1], "recist": [*RECIST[:7], 10**400]}, "recist: found"),
        ("mark", {**MARK[1], "window": [5, 5]}, "window: found"),
        ("mark", {**MARK[1], "window": None}, "window: found"),
        ("mark", {**MARK[1], "box": [1, 2, 3, 4]}, "mark: found recist and box"),
        ("mark", {**DRAWN, "box": [1, 2, 3]}, "box: found"),
        ("mark", {**DRAWN, "outline": [1, 2, 3, 4]}, "outline: found"),
        ("mark", {**DRAWN, "outline": [1, 2] * 501}, "outline: found"),
        ("mark", {**DRAWN, "outline": "x" * 8}, "outline: found"),
        ("mark", DRAWN, "mark: found none"),
        ("propose", {"by": "magic"}, "by: found"),
        ("propose", {"by": ["network"]}, "by: found"),
        ("stroke", {**STROKE[1], "value": "x"}, "value: found"),
        ("stroke", {**STROKE[1], "value": []}, "value: found"),
        ("stroke", {**STROKE[1], "radius": -1}, "radius: found"),
        ("stroke", {**STROKE[1], "points": []}, "points: found"),
        ("stroke", {**STROKE[1], "points": [[1, 2], [1]]}, "points: found"),
        ("stroke", {**STROKE[1], "points": [[1, 2]] * 2001}, "points: found"),
    ],
)
def test_what_cannot_be_is_refused(kind, body, line):
    with pytest.raises(UserError) as caught:
        checked(State(), kind, body)
    assert str(caught.value).startswith(line)


def test_nothing_but_what_belongs_to_an_action_is_kept():
    assert checked(State(), "decide", {"decision": "unsure", "path": "/etc"}) == {
        "decision": "unsure"
    }
    assert checked(State(), "comment", {"text": "\ud800"}) == {"text": "?"}
