"""What a field of a config may be: its type, its range or choices, what it means, an example."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

Value = bool | int | float | str

SEEDS = "[0, 4294967295]"
STEPS_LIMIT = 2**31 - 1  # the step is counted in int32
MAX_SIDE = 2**12  # of a patch or target, pixels: one more doubling and no device holds a batch

_KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


@dataclasses.dataclass(frozen=True)
class Interval:
    """Numbers between two limits, in mathematical notation: "[0, 1)" has 0 and not 1."""

    notation: str

    def __contains__(self, value: float) -> bool:
        """Whether a number lies in it; NaN lies nowhere."""
        low, high = map(float, self.notation[1:-1].split(","))
        above = low < value if self.notation[0] == "(" else low <= value
        return above and (value < high if self.notation[-1] == ")" else value <= high)


@dataclasses.dataclass(frozen=True)
class Span:
    """Whole numbers from `low` to `high`, both included; without `high` there is no limit."""

    low: int
    high: int | None = None

    def __contains__(self, value: int) -> bool:
        return self.low <= value and (self.high is None or value <= self.high)


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is known of a field.

    Attributes:
      kind: int, float, bool or str; a float may be written as a whole number.
      meaning: one line; "" where the code that the field is for explains it.
      allowed: range or choices; None: anything of the kind.
      example: the text of a value that works, for the remedy.
    """

    kind: type
    meaning: str = ""
    allowed: Interval | Span | tuple[str, ...] | None = None
    example: str = ""

    def is_kind(self, value: Any) -> bool:
        """Whether a value is of the field's type."""
        return type(value) in ((int, float) if self.kind is float else (self.kind,))

    def allows(self, value: Any) -> bool:
        """Whether a value is of the field's type, and in its range or one of its choices."""
        return self.is_kind(value) and (self.allowed is None or value in self.allowed)

    @property
    def expected(self) -> str:
        """The type with the range, or the choices, in words."""
        if isinstance(self.allowed, tuple):
            return f"one of {', '.join(self.allowed)}"
        if isinstance(self.allowed, Interval):
            return f"{_KINDS[self.kind]} in {self.allowed.notation}"
        if isinstance(self.allowed, Span):
            high = self.allowed.high
            return f"{self.allowed.low} " + ("or more" if high is None else f"to {high}")
        return _KINDS[self.kind]


def setting(
    default: Value,
    meaning: str,
    allowed: str | Span | tuple[str, ...] | None = None,
    *,
    example: Value | None = None,
) -> Any:
    """A field of a config's dataclass.

    Args:
      default: its value, of the field's type.
      meaning: one line.
      allowed: an interval in mathematical notation, a `Span`, or the choices.
      example: a value that works, as it is typed; the default by default.
    """
    text = str(default if example is None else example)
    within = Interval(allowed) if isinstance(allowed, str) else allowed
    known = Setting(type(default), meaning, within, text)
    return dataclasses.field(default=default, metadata={"setting": known})


class Options(Mapping[str, Value]):
    """Fields that are a network's or a method's own: a dictionary that never changes."""

    def __init__(self, **values: Value) -> None:
        self._values = values

    def with_values(self, **values: Value) -> Options:
        """These, and other values or more."""
        return Options(**{**self._values, **values})

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(frozenset(self._values.items()))

    def __repr__(self) -> str:
        return f"Options({', '.join(f'{name}={value!r}' for name, value in self.items())})"


def options(known: Mapping[str, Setting] | None = None) -> Any:
    """A field of `Options`; of those with a known name it says what they may be.

    A field of the name `options` is shown flat: its options stand beside the section's own fields.
    """
    return dataclasses.field(default=Options(), metadata={"known": known or {}})
