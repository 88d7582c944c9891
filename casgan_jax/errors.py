"""What work may end with other than success: its input is wrong, or it was asked to stop."""

from __future__ import annotations

import copy
import dataclasses
from typing import Self


@dataclasses.dataclass(frozen=True)
class Step:
    """A command of this project that helps, by its name and options: Step("build", {"dataset":
    "phantom"}). Only commands know how they are typed."""

    command: str
    options: dict[str, str] = dataclasses.field(default_factory=dict)


class UserError(ValueError):
    """Bad input, told in one line: `what: found ..., expected ...; remedy`.

    The texts name arguments and fields of configs in backticks, `data.patch` or `data.patch=64`;
    a command shows them as its flags (`casgan_jax.commands.entry`), prints the line and exits with
    status 1, without a traceback.

    Attributes:
      what: file, field or argument.
      found: what it is.
      expected: what it should be.
      remedy: what to do.
      step: the command that does it, or None.
    """

    def __init__(
        self,
        what: object,
        *,
        found: str = "",
        expected: str = "",
        remedy: str = "",
        step: Step | None = None,
    ) -> None:
        super().__init__(what)
        self.what, self.found, self.expected, self.remedy = str(what), found, expected, remedy
        self.step = step

    def __str__(self) -> str:
        facts = [f"found {self.found}" * bool(self.found), f"expected {self.expected}"]
        told = ", ".join(filter(None, facts if self.expected else facts[:1]))
        rest = "; ".join(filter(None, (told, self.remedy)))
        return ": ".join(filter(None, (self.what, rest)))

    def within(self, place: str) -> Self:
        """The same error of a part of something: `place` comes first in its line."""
        error = copy.copy(self)
        error.what = ": ".join(filter(None, (place, self.what)))
        return error


def install(extra: str) -> str:
    """What a line about a library that is missing tells to do.

    Args:
      extra: of this package, that has the library.
    """
    return f"pip install 'casgan_jax[{extra}]'"


def counted(count: int, unit: str) -> str:
    """A number of things in words: "1 reader", "2,400 slices".

    Args:
      count: how many.
      unit: one of them, a word whose plural ends with s.
    """
    return f"{count:,} {unit}{'s' * (count != 1)}"


class Interrupted(Exception):
    """Work that a signal asked to stop, and that has saved its state.

    Attributes:
      exit_status: 128 + the signal's number, as a shell reports it.
    """

    def __init__(self, line: str, signal_number: int) -> None:
        super().__init__(line)
        self.exit_status = 128 + signal_number


def one_line(error: BaseException, *, limit: int = 200) -> str:
    """The message of another library's error, for use within a `UserError`."""
    text = " ".join(str(error).split()) or type(error).__name__
    # It may quote what it found in a file, whatever that is.
    text = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
    return text if len(text) <= limit else f"{text[:limit]}..."
