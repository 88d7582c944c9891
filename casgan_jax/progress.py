"""How far a long step has come, and how long it will take: a bar in a terminal, else lines.

    with Progress("evaluate", total=len(records), unit="lesion") as progress:
        for record in records: ...; progress.update()

In a terminal the bar stays below whatever is said meanwhile (`say`, `keep_above_bars`). A file, a
pipe and a scheduler's log get a whole line now and then: at each tenth of the way, not more often
than all 5 and not more rarely than all 30 seconds.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO, TypeVar, cast

from absl import logging
from tqdm import tqdm

Item = TypeVar("Item")

_TELLING = 3  # units of many that tell of the others' time
_PARTS = 10  # of the way, after each of which there is a line
_SOONEST, _LATEST = 5.0, 30.0  # seconds between two lines
_PASSING = 1.0  # seconds; what is done sooner shows no bar


class Progress:
    """Tells on standard error how far a step has come; ends with its `with` block."""

    live = 0  # steps that are told of now

    def __init__(
        self,
        what: str,
        *,
        total: int | None,
        unit: str,
        done: int = 0,
        show: bool = True,
        passing: bool = False,
    ) -> None:
        """
        Args:
          what: is done, in a word or two.
          total: number of units; None: not known.
          unit: singular.
          done: units that were done before.
          show: false: nothing is told.
          passing: whether it is worth a word only while it lasts, and only where it lasts; what
            begins within another step always is.
        """
        show = show and multiprocessing.parent_process() is None  # a worker's parent tells
        terminal, within = _is_terminal(sys.stderr), Progress.live > 0
        self._is_open = True
        Progress.live += 1
        self._bar = tqdm(
            desc=what,
            total=total,
            unit=unit,
            initial=done,
            file=_under(sys.stderr),
            disable=not (show and terminal) or total == 0,
            dynamic_ncols=True,
            smoothing=0.05,
            delay=_PASSING if passing else 0.0,
            leave=False if passing else None,  # None: unless it is below another bar
        )
        self._lines: _Lines | None = None
        if show and not terminal:
            self._lines = _Lines(what, total, unit, done, passing or within)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def update(self, count: int = 1) -> None:
        """So many more units are done; 0: it is still alive."""
        self._bar.update(count)
        if self._lines:
            self._lines.update(count)

    def begin(self, what: str, total: int) -> None:
        """The next part of the step, from its first unit on."""
        self._bar.set_description(what, refresh=False)
        self._bar.reset(total)
        if self._lines:
            self._lines.begin(what, total)

    def show(self, values: Mapping[str, float]) -> None:
        """Puts a few numbers behind what is told."""
        told = {name: f"{value:.4g}" for name, value in values.items()}
        self._bar.set_postfix(told)
        if self._lines:
            self._lines.values = told

    def close(self) -> None:
        """The step is over."""
        if self._is_open:
            self._is_open = False
            Progress.live -= 1
        self._bar.close()
        if self._lines:
            self._lines.end()


def followed(
    items: Iterable[Item],
    what: str,
    *,
    total: int,
    unit: str,
    show: bool = True,
    passing: bool = False,
) -> Iterator[Item]:
    """The items, while it is told how many were gone through; see `Progress`."""
    with Progress(what, total=total, unit=unit, show=show, passing=passing) as progress:
        for item in items:
            yield item
            progress.update()


def say(line: str, file: TextIO | None = None) -> None:
    """Prints a line, to standard error or another stream, above the bars that are shown."""
    with _aside():
        print(line, file=file or _under(sys.stderr), flush=True)


def keep_above_bars() -> None:
    """From now on, what any code prints to standard error or logs stands above the bars, not within
    them. In a file it does so anyway."""
    if _is_terminal(sys.stderr) and not isinstance(sys.stderr, _AboveBars):
        sys.stderr = cast(TextIO, _AboveBars(sys.stderr))
        logging.get_absl_handler().python_handler.setStream(sys.stderr)


def duration(seconds: float) -> str:
    """Words for a time: "45 s", "3 min 20 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class _Lines:
    """The same as whole lines, for what is no terminal."""

    def __init__(self, what: str, total: int | None, unit: str, done: int, passing: bool) -> None:
        self.values: Mapping[str, str] = {}
        self._first: tuple[int, float] | None = None  # units when there were some, and when
        self._unit, self._passing = unit, passing
        self._start(what, total, done)

    def begin(self, what: str, total: int) -> None:
        self.end()
        self._start(what, total, 0)

    def update(self, count: int) -> None:
        self._done += count
        now = time.monotonic()
        if self._first is None and count:
            self._first = self._done, now
        waited = now - self._last
        if waited >= _LATEST or (waited >= _SOONEST and self._part() > self._told):
            self._write(now)

    def end(self) -> None:
        """The last line, of a step that had anything to do, unless it was told already."""
        matters = self._has_told or not self._passing
        if matters and self._done > self._last_done:
            self._write(time.monotonic())

    def _start(self, what: str, total: int | None, done: int) -> None:
        self._what, self._total, self._done, self._before = what, total, done, done
        self._begun = self._last = time.monotonic()
        self._told, self._has_told, self._last_done = self._part(), False, done
        self._first = None

    def _part(self) -> int:
        return self._done * _PARTS // self._total if self._total else 0

    def _write(self, now: float) -> None:
        self._last, self._last_done = now, self._done
        self._told, self._has_told = self._part(), True
        told = [f"{self._count()}", duration(now - self._begun), *self._left(now)]
        told += [f"{name} {value}" for name, value in self.values.items()]
        print(f"{self._what}: {', '.join(told)}", file=sys.stderr, flush=True)

    def _count(self) -> str:
        of = f" of {self._total:,}" if self._total else ""
        count = self._total or self._done
        units = self._unit if count == 1 or self._unit.endswith("s") else f"{self._unit}s"
        percent = f" ({100 * self._done // self._total}%)" if self._total else ""
        return f"{self._done:,}{of} {units}{percent}"

    def _left(self, now: float) -> list[str]:
        """How long the rest will take at the speed until now."""
        made = self._done - self._before
        if not self._total or not made or self._done >= self._total:
            return []
        begun = self._begun
        if made < _TELLING:
            if made * 50 < self._total:
                return []
        elif self._first and self._first[0] < self._done:
            # Processes that start and a compilation come before the first alone.
            made, begun = self._done - self._first[0], self._first[1]
        rest = (now - begun) / made * (self._total - self._done)
        return [f"{duration(rest)} left"]


class _AboveBars:
    """A terminal's stream whose lines appear above the bars, whole."""

    def __init__(self, under: TextIO) -> None:
        self.under = under
        self._begun = ""

    def write(self, text: str) -> int:
        if not (Progress.live or self._begun):
            return self.under.write(text)
        end = text.rfind("\n") + 1
        if end:
            with _aside():
                self.under.write(self._begun + text[:end])
            self._begun = ""
        self._begun += text[end:]
        return len(text)

    def flush(self) -> None:
        if not Progress.live:  # a question, say, whose answer is typed behind it
            self.under.write(self._begun)
            self._begun = ""
        self.under.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.under, name)


def _is_terminal(stream: TextIO) -> bool:
    """Whether bars can be drawn: some that are made by programs have no columns."""
    return stream.isatty() and os.get_terminal_size(stream.fileno()).columns > 0


def _under(stream: TextIO) -> TextIO:
    return stream.under if isinstance(stream, _AboveBars) else stream


@contextlib.contextmanager
def _aside() -> Iterator[None]:
    """The bars are gone, and come back below what is written within."""
    with tqdm.external_write_mode(file=_under(sys.stderr)):
        yield
