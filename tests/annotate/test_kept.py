"""What is made is made once, in one thread, and the last of it is kept."""

import threading

import pytest

from casgan_jax.annotate.kept import Kept, Maker


def test_the_latest_are_kept_and_made_once():
    made = []
    kept = Kept(Maker(), most=2)
    for name in ("a", "b", "a", "c", "a", "b"):
        kept.find((name,), lambda name=name: made.append(name) or name)
    assert made == ["a", "b", "c", "b"]


def test_all_is_made_in_one_thread_and_errors_reach_who_asked():
    maker, seen = Maker(), []
    kept = Kept(maker, most=9)
    for name in range(3):
        kept.find((name,), lambda: seen.append(threading.get_ident()))
    assert len(set(seen)) == 1 and seen[0] != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        kept.find(("x",), lambda: 1 / 0)
    maker.settle()
