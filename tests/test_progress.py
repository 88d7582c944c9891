"""How far a step has come: a bar that nothing overwrites in a terminal, lines elsewhere."""

import os
import pty
import re
import subprocess
import sys
import termios
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from casgan_jax import progress
from casgan_jax.progress import Progress, duration, followed, say

IN_A_TERMINAL = """
import sys, time, warnings
from absl import flags, logging
from casgan_jax.progress import Progress, followed, keep_above_bars, say

flags.FLAGS.mark_as_parsed()
logging.use_absl_handler()
keep_above_bars()
for index in followed(range(4), "outer", total=4, unit="step"):
    for _ in followed(range(3), "inner", total=3, unit="lesion"):
        time.sleep(0.12)
    print(f"printed {index}", file=sys.stderr)
    print("two", "parts", index, file=sys.stderr)
    logging.warning("logged %d", index)
    say(f"said {index}")
warnings.warn("warned", stacklevel=1)
print("the end", file=sys.stderr)
"""


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(progress.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def lines(capsys):
    return capsys.readouterr().err.splitlines()


def run(clock, total, seconds, **options):
    with Progress("work", total=total, unit="lesion", **options) as shown:
        for _ in range(total):
            clock.now += seconds
            shown.update()


def test_a_file_gets_a_line_at_each_tenth(clock, capsys):
    run(clock, 200, 1.0)
    told = lines(capsys)
    assert told[0] == "work: 20 of 200 lesions (10%), 20 s, 3 min 0 s left"
    parts = [re.search(r"\((\d+)%\)", line)[1] for line in told]
    assert parts == [f"{10 * part}" for part in range(1, 11)]
    assert told[-1] == "work: 200 of 200 lesions (100%), 3 min 20 s"


def test_quick_steps_are_told_of_in_the_end_alone(clock, capsys):
    run(clock, 200, 0.001)
    assert lines(capsys) == ["work: 200 of 200 lesions (100%), 0 s"]


def test_slow_steps_are_told_of_each_half_minute(clock, capsys):
    run(clock, 1000, 7.5)
    told = lines(capsys)
    assert told[0] == "work: 4 of 1,000 lesions (0%), 30 s, 2 h 4 min left"
    assert len(told) == 250


def test_there_is_nothing_to_tell_of_nothing(clock, capsys):
    run(clock, 0, 1.0)
    run(clock, 20, 10.0, show=False)
    assert lines(capsys) == []


def test_without_a_total_steps_are_counted(clock, capsys):
    with Progress("matting", total=None, unit="step", passing=True) as shown:
        for _ in range(8):
            clock.now += 10.0
            shown.update()
    assert lines(capsys) == [
        "matting: 3 steps, 30 s",
        "matting: 6 steps, 1 min 0 s",
        "matting: 8 steps, 1 min 20 s",
    ]


def test_what_passes_quickly_is_not_told_of(clock, capsys):
    run(clock, 8, 0.1, passing=True)
    with Progress("outer", total=1, unit="step") as outer:
        run(clock, 8, 0.1)
        outer.update()
    run(clock, 1, 0.1)
    assert lines(capsys) == [
        "outer: 1 of 1 step (100%), 1 s",
        "work: 1 of 1 lesion (100%), 0 s",
    ]


def test_a_step_that_went_on_counts_its_own_speed(clock, capsys):
    with Progress("train", total=100, unit="step", done=90) as shown:
        shown.show({"loss": 0.12345})
        for _ in range(10):
            clock.now += 6.0
            shown.update()
    told = lines(capsys)
    assert told[0] == "train: 95 of 100 steps (95%), 30 s, 30 s left, loss 0.1235"
    assert told[-1] == "train: 100 of 100 steps (100%), 1 min 0 s, loss 0.1235"


def test_the_first_of_many_say_nothing_of_the_others(clock, capsys):
    with Progress("build", total=480, unit="record") as shown:
        for seconds in (31.0, 31.0, 1.0, 31.0):
            clock.now += seconds
            shown.update()
    told = lines(capsys)
    assert told[:2] == [
        "build: 1 of 480 records (0%), 31 s",
        "build: 2 of 480 records (0%), 1 min 2 s",
    ]
    assert told[2].startswith("build: 4 of 480 records (0%), 1 min 34 s, ")
    assert told[2].endswith(" left")


def test_what_comes_before_the_first_says_nothing_of_the_others(clock, capsys):
    with Progress("build", total=40, unit="record") as shown:
        for seconds in (60.0, *[5.0] * 10):
            clock.now += seconds
            shown.update()
    assert "build: 11 of 40 records (27%), 1 min 50 s, 2 min 25 s left" in lines(capsys)


def test_parts_of_a_step_follow_each_other(clock, capsys):
    with Progress("ranking", total=None, unit="record") as shown:
        shown.begin("ranking", 2)
        shown.update(2)
        shown.begin("building", 1)
        shown.update()
    assert lines(capsys) == [
        "ranking: 2 of 2 records (100%), 0 s",
        "building: 1 of 1 record (100%), 0 s",
    ]


def test_an_error_ends_it(clock, capsys):
    with pytest.raises(ZeroDivisionError):
        for item in followed([1, 1, 0], "divide", total=3, unit="number"):
            1 / item
    with pytest.raises(ZeroDivisionError), Progress("work", total=3, unit="step") as shown:
        shown.update()
        raise ZeroDivisionError
    assert lines(capsys)[-1] == "work: 1 of 3 steps (33%), 0 s, 0 s left"
    assert Progress.live == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (3599.6, "1 h 0 min"), (7500, "2 h 5 min")],
)
def test_times_in_words(seconds, words):
    assert duration(seconds) == words


def test_a_line_can_go_to_standard_output(capsys):
    say("found", sys.stdout)
    say("told")
    assert capsys.readouterr() == ("found\n", "told\n")


def worker_says(_):
    run_in = list(followed(range(3), "of a worker", total=3, unit="step"))
    return len(run_in)


def test_workers_leave_it_to_their_parent(capfd):
    with warnings.catch_warnings(), ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(worker_says, [0])) == [3]
    assert "of a worker" not in capfd.readouterr().err


def screen(written):
    """The lines that a terminal shows after it was sent a text."""
    rows, row, column = [""], 0, 0
    for part in re.findall(r"\x1b\[A|\r|\n|[^\x1b\r\n]+", written):
        if part == "\x1b[A":
            row -= 1
        elif part == "\r":
            column = 0
        elif part == "\n":
            row, column = row + 1, 0
            rows += [""] * (row + 1 - len(rows))
        else:
            kept = rows[row].ljust(column)
            rows[row] = kept[:column] + part + kept[column + len(part) :]
            column += len(part)
    return [line.rstrip() for line in rows]


def shown_in_terminal(columns):
    """What a terminal shows in the end."""
    parent, child = pty.openpty()
    termios.tcsetwinsize(child, (24, columns))
    process = subprocess.Popen([sys.executable, "-c", IN_A_TERMINAL], stderr=child)
    os.close(child)
    written = b""
    try:
        while part := os.read(parent, 4096):
            written += part
    except OSError:  # how Linux tells that the other side is closed
        pass
    assert process.wait() == 0
    os.close(parent)
    return screen(written.decode().replace("\r\n", "\n"))


def test_in_a_terminal_no_line_overwrites_another():
    shown = shown_in_terminal(columns=80)
    for index in range(4):
        at = shown.index(f"printed {index}")
        assert shown[at + 1] == f"two parts {index}"
        assert shown[at + 2].endswith(f"] logged {index}")
        assert shown[at + 3] == f"said {index}"
    (bar,) = [line for line in shown if line.startswith("outer")]
    assert "100%" in bar and "4/4" in bar and shown.index(bar) > shown.index("said 3")
    assert not [line for line in shown if line.startswith("inner")], "it goes when it is done"
    assert any(line.endswith("UserWarning: warned") for line in shown)
    assert shown[-2:] == ["the end", ""]


def test_a_terminal_without_columns_gets_lines():
    shown = shown_in_terminal(columns=0)
    assert "said 3" in shown and "two parts 3" in shown
    assert [line for line in shown if line.startswith("outer: 4 of 4 steps (100%), ")]
