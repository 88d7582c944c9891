"""Browsers that were let in, and how much each may ask."""

from casgan_jax.annotate.sessions import Sessions


def test_a_session_may_burst_and_then_go_on_at_its_rate():
    now = [0.0]
    sessions = Sessions(rate=10, burst=3, clock=lambda: now[0])
    name = sessions.open()
    assert sessions.knows(name) and not sessions.knows(name + "x") and not sessions.knows("")
    assert [sessions.allows(name) for _ in range(4)] == [True] * 3 + [False]
    now[0] = 0.1
    assert [sessions.allows(name) for _ in range(2)] == [True, False]
    now[0] = 100.0
    assert [sessions.allows(name) for _ in range(4)] == [True] * 3 + [False]


def test_so_many_sessions_are_known_and_the_silent_ones_go_first():
    sessions = Sessions()
    first, second = sessions.open(), sessions.open()
    sessions.allows(first)
    names = [sessions.open() for _ in range(63)]
    assert sessions.knows(first) and not sessions.knows(second)
    assert all(sessions.knows(name) for name in names)
