"""What there is to tell of each field of a config: its name, value, meaning, type and range."""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Mapping
from typing import NamedTuple

from casgan_jax.configs.schema.kinds import Config
from casgan_jax.configs.schema.tree import flat, flat_settings
from casgan_jax.errors import UserError, one_line

# Section of options -> the field that names the network or method that they belong to.
_OWNERS = {"model": "model.network", "parameters": "method"}


class FieldHelp(NamedTuple):
    """A field that can be set.

    Attributes:
      name: dotted, as it follows `--config.`.
      value: the config's, as it is typed.
      meaning: one line; "" where nothing is known.
      expected: the type with the range, or the choices.
    """

    name: str
    value: str
    meaning: str
    expected: str


def describe_fields(config: Config) -> list[FieldHelp]:
    """Every field that can be set, with the config's value.

    Raises:
      UserError: the config names a network or method that cannot be imported.
    """
    values = flat(config)
    return [
        FieldHelp(
            name,
            _shown(values[name]),
            setting.meaning or _from_docstring(values, name),
            setting.expected,
        )
        for name, setting in flat_settings(config).items()
    ]


def field_help(config: Config) -> str:
    """The same as text, a line for every field.

    Raises:
      UserError: the config names a network or method that cannot be imported.
    """
    rows = [
        (f"{field.name}={field.value}", "; ".join(filter(None, (field.meaning, field.expected))))
        for field in describe_fields(config)
    ]
    width = 2 + max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}{told}" for name, told in rows)


def _shown(value: object) -> str:
    """A value as it is typed."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _from_docstring(values: Mapping[str, object], field: str) -> str:
    """What the docstring of the network or method says of one of its options; "" if nothing."""
    section, _, option = field.rpartition(".")
    owner = _OWNERS[section]
    try:
        text = inspect.getdoc(pkgutil.resolve_name(str(values[owner]))) or ""
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(
            owner,
            found=f"{values[owner]!r} ({one_line(error)})",
            expected="a name that can be imported",
            remedy=f"leave out `{owner}`",
        ) from error
    found = re.search(rf"^ *(?:\w+, )*{option}(?:, \w+)*: (.*(?:\n {{4,}}.*)*)", text, re.MULTILINE)
    return " ".join(found[1].split()).removesuffix(".") if found else ""
