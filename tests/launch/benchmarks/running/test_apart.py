"""Work in processes of their own."""

import os

import pytest

from launch.benchmarks.running.apart import Held, apart


def _raise(held=None):
    raise ValueError(f"of {held}")


def _append(held, value, *, times):
    held.extend([value] * times)
    return list(held), os.getpid()


def test_another_process_does_it():
    assert apart(os.getpid) != os.getpid()
    with pytest.raises(ValueError, match="of None"):
        apart(_raise)


def test_what_is_held_stays_where_it_was_made():
    with Held(list, "ab") as letters, Held(list, "xy") as others:
        first, process = letters(_append, "c", times=1)
        assert first == ["a", "b", "c"] and process != os.getpid()
        assert letters(_append, "d", times=2) == (["a", "b", "c", "d", "d"], process)
        assert others(len) == 2
        with pytest.raises(ValueError, match=r"of \['x', 'y'\]"):
            others(_raise)
        assert others(_append, "z", times=1)[1] != process


def test_what_cannot_be_made_is_told():
    with pytest.raises(ValueError, match="of 1"):
        Held(_raise, 1)
