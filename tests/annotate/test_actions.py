"""Actions that cannot be are refused, and nothing is kept that does not belong to them."""

import pytest

from casgan_jax.annotate.actions import checked
from casgan_jax.annotate.state import State
from tests.annotate.test_state import DRAWN, MARK, RECIST, STROKE
from tests.faults import fault_of


@pytest.mark.parametrize(
    ("kind", "body", "what"),
    [
        ("nothing", {}, "kind"),
        ("add", {}, "kind"),
        ("undo", {}, "undo"),
        ("redo", {}, "redo"),
        ("decide", {"decision": "maybe"}, "decision"),
        ("decide", {"decision": ["accepted"]}, "decision"),
        ("comment", {"text": 5}, "text"),
        ("comment", {"text": "x" * 2001}, "text"),
        ("mark", {**MARK[1], "slice": -1}, "slice"),
        ("mark", {**MARK[1], "slice": True}, "slice"),
        ("mark", {**MARK[1], "recist": RECIST[:7]}, "recist"),
        ("mark", {**MARK[1], "recist": [*RECIST[:7], float("nan")]}, "recist"),
        ("mark", {**MARK[1], "recist": [*RECIST[:7], "1"]}, "recist"),
        ("mark", {**MARK[1], "recist": [*RECIST[:7], 10**400]}, "recist"),
        ("mark", {**MARK[1], "window": [5, 5]}, "window"),
        ("mark", {**MARK[1], "window": None}, "window"),
        ("mark", {**MARK[1], "box": [1, 2, 3, 4]}, "mark"),
        ("mark", {**DRAWN, "box": [1, 2, 3]}, "box"),
        ("mark", {**DRAWN, "outline": [1, 2, 3, 4]}, "outline"),
        ("mark", {**DRAWN, "outline": [1, 2] * 501}, "outline"),
        ("mark", {**DRAWN, "outline": "x" * 8}, "outline"),
        ("mark", DRAWN, "mark"),
        ("propose", {"by": "magic"}, "by"),
        ("propose", {"by": ["network"]}, "by"),
        ("stroke", {**STROKE[1], "value": "x"}, "value"),
        ("stroke", {**STROKE[1], "value": []}, "value"),
        ("stroke", {**STROKE[1], "radius": -1}, "radius"),
        ("stroke", {**STROKE[1], "points": []}, "points"),
        ("stroke", {**STROKE[1], "points": [[1, 2], [1]]}, "points"),
        ("stroke", {**STROKE[1], "points": [[1, 2]] * 2001}, "points"),
    ],
)
def test_what_cannot_be_is_refused(kind, body, what):
    assert fault_of(checked, State(), kind, body, told_remedy=False).what == what


def test_nothing_but_what_belongs_to_an_action_is_kept():
    assert checked(State(), "decide", {"decision": "unsure", "path": "/etc"}) == {
        "decision": "unsure"
    }
    assert checked(State(), "comment", {"text": "\ud800"}) == {"text": "?"}
