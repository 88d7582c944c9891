"""Configs as JSON, as they lie in `config.json`: written, and read whatever version wrote them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from casgan_jax.configs.schema.kinds import KINDS, Config
from casgan_jax.configs.schema.setting import Options, Setting
from casgan_jax.configs.schema.softgan import SoftganConfig
from casgan_jax.configs.schema.tree import entries, fields_of, is_section, settings
from casgan_jax.errors import UserError

Section = TypeVar("Section")

_REMEDY = "use the version that wrote it, or remove the field"


def to_dict(section: object) -> dict[str, Any]:
    """A config or a part of one as JSON has it: dictionaries, lists, numbers, texts."""
    return {
        name: to_dict(value) if is_section(value) else _plain(value)
        for name, value in entries(section).items()
    }


def to_json(config: Config) -> str:
    """The text of `config.json`."""
    return json.dumps(to_dict(config), indent=2) + "\n"


def from_dict(found: Mapping[str, Any]) -> Config:
    """The config that `to_dict` made a dictionary of, this version's or an earlier one's.

    A field that is missing has its default. The options of a network or method are those that are
    there. Ranges are not checked.

    Raises:
      UserError: no config of that name, an unknown field, or a value of another type.
    """
    name = found.get("name")
    if name not in KINDS:
        raise UserError(
            "name",
            found=f"{name!r}",
            expected=f"one of {', '.join(KINDS)}",
            remedy="use the version that wrote it",
        )
    return _read(KINDS[name](), found, "")


def _read(default: Section, found: Mapping[str, Any], prefix: str) -> Section:
    """A section with the found values in place of its default ones."""
    whole: Any = default
    fields = {field.name: field for field in fields_of(default)}
    own = set(fields) - {"options"}
    values = {
        name: _value(default, name, value, prefix + name)
        for name, value in found.items()
        if name in own
    }
    others = {name: value for name, value in found.items() if name not in own}
    if "options" in fields:
        values["options"] = _options(fields["options"].metadata["known"], others, prefix)
    elif others:
        raise UserError(
            prefix + next(iter(others)),
            found="a field that this version does not know",
            expected=f"{', '.join(sorted(own))}",
            remedy=_REMEDY,
        )
    return dataclasses.replace(whole, **values)


def _value(section: object, name: str, value: Any, field: str) -> Any:
    known = settings(section).get(name)
    if known is not None:
        _check_kind(known, value, field)
        return value
    if name == "window":
        return _window(value, field)
    if not isinstance(value, Mapping):
        raise UserError(field, found=f"{value!r}", expected="a section", remedy=_REMEDY)
    default = getattr(section, name)
    if isinstance(default, Options):
        return _options({}, value, f"{field}.")
    # The config of another system that was read when this one was trained.
    return _read(SoftganConfig() if default is None else default, value, f"{field}.")


def _options(known: Mapping[str, Setting], found: Mapping[str, Any], prefix: str) -> Options:
    for name, value in found.items():
        if type(value) not in (bool, int, float, str):
            raise UserError(
                prefix + name,
                found=f"{value!r}",
                expected="a number, a text, true or false",
                remedy=_REMEDY,
            )
        if name in known:
            _check_kind(known[name], value, prefix + name)
    return Options(**found)


def _check_kind(known: Setting, value: Any, field: str) -> None:
    if not known.is_kind(value):
        kind = dataclasses.replace(known, allowed=None)
        raise UserError(field, found=f"{value!r}", expected=kind.expected, remedy=_REMEDY)


def _window(value: Any, field: str) -> tuple[float, float]:
    numbers = value if isinstance(value, list) else []
    if len(numbers) != 2 or not all(type(number) in (int, float) for number in numbers):
        raise UserError(field, found=f"{value!r}", expected="two numbers", remedy=_REMEDY)
    return (numbers[0], numbers[1])


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
