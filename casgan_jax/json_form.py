"""Results as JSON: dataclasses and named tuples of numbers, texts and one another, there and back.

    text = json.dumps(to_json(interval))  # {"mean": 0.8, "low": 0.7, "high": 0.9, ...}
    interval = from_json(Interval, json.loads(text))

An object has an entry for each field, in the order of the fields. None is null; a field whose
default is None is left out instead.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from casgan_jax.errors import UserError
from casgan_jax.files import read_json

T = TypeVar("T")

_PLAIN: dict[Any, str] = {bool: "true or false", int: "a whole number", str: "a text"}


def to_json(value: object) -> Any:
    """A value as JSON has it: dictionaries, lists, numbers, texts, booleans, None."""
    if isinstance(value, Mapping):
        return {name: to_json(part) for name, part in value.items()}
    if defaults := _fields(type(value)):
        fields = {name: getattr(value, name) for name in defaults}
        return {
            name: to_json(field)
            for name, field in fields.items()
            if field is not None or defaults[name] is not None
        }
    return [to_json(part) for part in value] if isinstance(value, list | tuple) else value


def from_json(kind: type[T], found: object, *, place: str = "", remedy: str = "") -> T:
    """The value that `to_json` made `found` of.

    Entries that are no fields are left aside. A missing one has the field's default, or None where
    the field may be that.

    Args:
      kind: a dataclass or a named tuple. Its fields are such, mappings by name, sequences,
        numbers, texts, booleans, one of these or None, or Any, which is taken as it is.
      found: what `json.loads` gives.
      place: what an error's line begins with.
      remedy: what to do about an error.

    Raises:
      UserError: an entry is missing or is of another type.
    """
    try:
        made: T = _read(kind, found, "")
    except UserError as error:
        error.remedy = remedy
        raise error.within(place) from error
    return made


def read_as(kind: type[T], path: Path, *, remedy: str) -> T:
    """The value that a JSON file holds, see `from_json`.

    Raises:
      UserError: no such file, not JSON, an entry is missing or is of another type.
    """
    return from_json(kind, read_json(path, remedy=remedy), place=str(path), remedy=remedy)


def _fields(kind: type) -> dict[str, Any]:
    """{name: default, or MISSING} of a dataclass or a named tuple; empty for another type."""
    if dataclasses.is_dataclass(kind):
        return {field.name: field.default for field in dataclasses.fields(kind)}
    defaults: Mapping[str, Any] = getattr(kind, "_field_defaults", {})
    return {name: defaults.get(name, dataclasses.MISSING) for name in getattr(kind, "_fields", ())}


def _read(kind: Any, found: object, field: str) -> Any:
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        (one,) = (part for part in parts if part is not types.NoneType)
        return None if found is None else _read(one, found, field)
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(found, Mapping):
            _refuse(field, found, "an object")
        return {name: _read(parts[1], part, f"{field}.{name}") for name, part in found.items()}
    if origin is not None and issubclass(origin, Sequence):
        if not isinstance(found, list):
            _refuse(field, found, "an array")
        return tuple(_read(parts[0], part, f"{field}[{i}]") for i, part in enumerate(found))
    return _read_fields(kind, found, field) if _fields(kind) else _read_plain(kind, found, field)


def _read_fields(kind: Any, found: object, field: str) -> Any:
    if not isinstance(found, Mapping):
        _refuse(field, found, "an object")
    hints, values = typing.get_type_hints(kind), {}
    for name, default in _fields(kind).items():
        if name in found or default is dataclasses.MISSING:
            missing = name not in found and types.NoneType not in typing.get_args(hints[name])
            if missing:
                _refuse(f"{field}.{name}", found.get(name), "an entry of that name")
            values[name] = _read(hints[name], found.get(name), f"{field}.{name}")
    return kind(**values)


def _read_plain(kind: Any, found: object, field: str) -> Any:
    if kind is Any or (kind is float and type(found) in (int, float)):
        return found
    if type(found) is not kind:
        _refuse(field, found, _PLAIN.get(kind, "a number"))
    return found


def _refuse(field: str, found: object, expected: str) -> NoReturn:
    name = field.lstrip(".")
    raise UserError(name, found="none" if found is None else f"{found!r}"[:80], expected=expected)
