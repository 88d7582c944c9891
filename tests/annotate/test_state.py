"""What a lesion is like is what its events say."""

import dataclasses
import json
import random

import numpy as np
import pytest

from casgan_jax.annotate.actions import checked
from casgan_jax.annotate.state import Beside, Mark, State, fold, proposal_body
from casgan_jax.annotate.store import Event
from casgan_jax.grid import Box
from casgan_jax.soft_mask.proposal import proposed
from casgan_jax.soft_mask.shapes import Outline, Rectangle
from casgan_jax.soft_mask.strokes import Stroke

RECIST = [10.0, 20.0, 30.0, 20.0, 20.0, 15.0, 20.0, 25.0]
MARK = ("mark", {"slice": 3, "recist": RECIST, "window": [-160.0, 240.0]})
DRAWN = {"slice": 3, "window": [-160.0, 240.0]}
STROKE = ("stroke", {"value": "lesion", "radius": 2.0, "points": [[1.0, 2.0]]})
ACCEPT = ("decide", {"decision": "accepted"})
UNDO, REDO = ("undo", {}), ("redo", {})


def after(*actions):
    """The state after actions, each checked on the one before."""
    events = [event(1, "add", {"image": "i"})]
    for kind, body in actions:
        body = checked(fold(events), kind, body)
        events.append(event(len(events) + 1, kind, body))
    return fold(events)


def event(number, kind, body):
    return Event(number, "", "r", "a", kind, json.dumps(body))


def same(one, other):
    """Whether two states are alike but for their history."""
    fields = ("mark", "strokes", "volume", "beside", "decision", "comment", "name")
    return all(getattr(one, name) == getattr(other, name) for name in fields)


def test_actions_follow_each_other():
    assert after().name == "new" and after().last == 1
    state = after(MARK)
    assert state.mark == Mark(3, "recist", tuple(RECIST), (-160.0, 240.0)) and state.name == "drawn"
    state = after(MARK, STROKE)
    assert state.strokes == (Stroke("lesion", 2.0, ((1.0, 2.0),)),) and state.name == "corrected"
    assert after(MARK, STROKE, ("clear", {})).strokes == ()
    assert same(after(MARK, STROKE, ("given", {})), State())
    assert after(("comment", {"text": "hm"})).comment == "hm"


VOLUME = ("volume", {"on": True})
BACKGROUND = ("stroke", {**STROKE[1], "value": "background", "slice": 5})


def test_what_is_said_of_other_slices_is_kept_with_a_volume():
    assert after(MARK, VOLUME).volume and after(MARK, VOLUME).name == "drawn"
    on = {**STROKE[1], "slice": 5}
    state = after(MARK, VOLUME, ("stroke", on), ("absent", {"slice": 8, "absent": True}))
    assert state.beside == (
        Beside(5, strokes=(Stroke("lesion", 2.0, ((1.0, 2.0),)),)),
        Beside(8, absent=True),
    )
    assert state.name == "corrected" and not state.strokes
    assert same(after(MARK, VOLUME, ("stroke", on), ("clear", {"slice": 5})), after(MARK, VOLUME))
    off = ("volume", {"on": False})
    assert same(after(MARK, VOLUME, ("stroke", on), off), after(MARK))
    assert after(MARK, VOLUME, ("stroke", on), off, UNDO).beside
    assert same(after(MARK, VOLUME, ("stroke", on), ("given", {})), State())


def test_a_slice_without_the_lesion_has_no_marks_until_there_is_lesion_in_it():
    gone = ("absent", {"slice": 5, "absent": True})
    assert after(MARK, VOLUME, BACKGROUND, gone).of_slice(5) == Beside(5, absent=True)
    assert after(MARK, VOLUME, gone, BACKGROUND).of_slice(5).absent
    shown = after(MARK, VOLUME, gone, ("stroke", {**STROKE[1], "slice": 5})).of_slice(5)
    assert shown.strokes and not shown.absent
    assert after(MARK, VOLUME, gone, ("absent", {"slice": 5, "absent": False})).beside == ()


def test_marks_beside_the_first_one_leave_it():
    other = {**MARK[1], "slice": 6, "keep_strokes": False, "beside": True}
    events = [event(1, "add", {}), event(2, "mark", {**MARK[1], "keep_strokes": False})]
    events += [event(3, "stroke", STROKE[1]), event(4, "volume", {"on": True})]
    events += [event(5, "mark", other), event(6, "stroke", {**STROKE[1], "slice": 6})]
    state = fold(events)
    assert state.mark.slice == 3 and len(state.strokes) == 1 and state.volume
    assert state.beside == (
        Beside(6, Mark(6, "recist", tuple(RECIST), (-160.0, 240.0)), state.strokes),
    )
    moved = event(7, "mark", {**MARK[1], "keep_strokes": True})
    assert fold([*events, moved]).beside == state.beside


@pytest.mark.parametrize("action", [VOLUME, BACKGROUND, ("absent", {"slice": 5, "absent": True})])
def test_what_changes_the_volume_takes_the_decision_back(action):
    assert after(MARK, VOLUME, ACCEPT).decision == "accepted"
    assert after(MARK, VOLUME, ACCEPT, action).decision == ""


def test_outlines_and_boxes_are_marks_too():
    box = after(("mark", {**DRAWN, "box": [1, 2, 9, 8]}))
    assert box.mark.shape == Rectangle(1, 2, 9, 8) and box.name == "drawn"
    outline = after(MARK, ("mark", {**DRAWN, "outline": [1, 2, 9, 2, 5, 8]}))
    assert outline.mark.shape == Outline(((1, 2), (9, 2), (5, 8)))
    assert after(MARK).mark.shape is None
    assert same(after(MARK, ("mark", {**DRAWN, "box": [1, 2, 9, 8]}), UNDO), after(MARK))


def test_what_a_network_proposed_is_kept_until_there_is_another_mark():
    alpha = np.full((8, 8), 0.5, np.float32)
    proposal = proposed(alpha, Box(4, 4, 8, 8), (64, 64), (-1000.0, 400.0))
    drawn = {**MARK[1], "keep_strokes": False}
    events = [event(1, "add", {}), event(2, "mark", drawn)]
    events.append(event(3, "propose", proposal_body(proposal)))
    assert fold(events).proposal == proposal
    old = {name: part for name, part in proposal_body(proposal).items() if name != "window"}
    before = fold([*events, event(4, "propose", old)]).proposal
    assert before == dataclasses.replace(proposal, window=None)
    back = event(4, "propose", {"by": "matting"})
    assert fold([*events, back]).proposal is None
    again = event(4, "mark", drawn)
    assert fold([*events, again]).proposal is None


def test_another_mark_leaves_the_comment_and_no_decision_or_stroke_of_before():
    comments = [("comment", {"text": text}) for text in ("a", "b")]
    kept = {**MARK[1], "keep_strokes": True}
    state = after(MARK, STROKE, *comments, ACCEPT, MARK)
    assert same(state, after(comments[1], MARK))
    assert same(
        after(MARK, STROKE, *comments, ACCEPT, MARK, UNDO), after(MARK, STROKE, *comments, ACCEPT)
    )
    assert same(after(comments[0], MARK, STROKE, ("mark", kept)), after(MARK, STROKE, comments[0]))
    assert same(after(MARK, STROKE, comments[0], ("given", {}), STROKE), after(comments[0], STROKE))


def test_a_decision_holds_for_what_was_seen():
    assert after(MARK, ACCEPT).name == "accepted"
    assert after(MARK, ACCEPT, STROKE).name == "corrected"
    assert after(MARK, ACCEPT, ("comment", {"text": "x"})).name == "accepted"
    assert after(MARK, ACCEPT, STROKE, UNDO).name == "accepted"


def test_undo_and_redo_go_all_the_way_there_and_back():
    actions = [MARK, STROKE, ACCEPT, ("comment", {"text": "x"}), ("clear", {})]
    undone = [after(*actions, *[UNDO] * k) for k in range(len(actions) + 1)]
    for k, state in enumerate(undone):
        assert same(state, after(*actions[: len(actions) - k]))
        assert same(after(*actions, *[UNDO] * k, *[REDO] * k), undone[0])
    assert not undone[-1].undoable and undone[-1].redoable
    assert not after(MARK, UNDO, STROKE).redoable


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_actions_is_what_a_plain_history_would_be(seed):
    draw = random.Random(seed)
    history, place, actions = [State()], 0, []
    for _ in range(60):
        possible = [MARK, STROKE, ACCEPT, ("comment", {"text": str(draw.random())}), ("clear", {})]
        possible += [UNDO] * 3 * (place > 0) + [REDO] * 2 * (place + 1 < len(history))
        action = draw.choice(possible)
        actions.append(action)
        if action is UNDO or action is REDO:
            place += 1 if action is REDO else -1
        else:
            history[place + 1 :] = [after(*actions)]
            place += 1
        assert same(after(*actions), history[place])
