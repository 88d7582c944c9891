"""Trainings begin again with memory in large pages, once."""

import os
import subprocess
import sys

import pytest

from casgan_jax.commands import large_pages

PROGRAM = """
import os, sys
from casgan_jax.commands.large_pages import begin_with_large_pages
print("begun", flush=True)
begin_with_large_pages()
print(os.getpid(), os.environ.get("GLIBC_TUNABLES"), sys.argv[1:])
"""


@pytest.fixture
def begun_again(monkeypatch):
    """What would be run in the place of this process."""
    calls = []
    monkeypatch.setattr(os, "execv", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "launch.train", "--config=x"])
    monkeypatch.setenv("GLIBC_TUNABLES", "")
    return calls


@pytest.mark.skipif(sys.platform != "linux", reason="large pages are asked for on Linux")
def test_a_program_begins_once_again_as_the_same_process_with_its_arguments():
    environment = {name: text for name, text in os.environ.items() if name != "GLIBC_TUNABLES"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--config=a b"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    told = process.communicate()[0].splitlines()
    asked = f"{process.pid} glibc.malloc.hugetlb=1 ['--config=a b']"
    assert told == ["begun", "begun", asked] and process.returncode == 0


def test_it_is_begun_by_the_same_python(begun_again):
    large_pages.begin_with_large_pages()
    assert begun_again == [
        (sys.executable, [sys.executable, "-m", "launch.train", "--config=x"]),
    ]


def test_what_glibc_is_told_otherwise_is_kept(begun_again, monkeypatch):
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.arena_max=2")
    large_pages.begin_with_large_pages()
    assert os.environ["GLIBC_TUNABLES"] == "glibc.malloc.arena_max=2:glibc.malloc.hugetlb=1"
    assert len(begun_again) == 1


@pytest.mark.parametrize(
    "platform, tunables",
    [("linux", "glibc.malloc.hugetlb=0"), ("darwin", ""), ("win32", "")],
)
def test_who_asks_for_none_and_other_systems_go_on(begun_again, monkeypatch, platform, tunables):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("GLIBC_TUNABLES", tunables)
    large_pages.begin_with_large_pages()
    assert not begun_again and os.environ["GLIBC_TUNABLES"] == tunables
