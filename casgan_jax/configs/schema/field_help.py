"""One line a field of a config: its name, value, meaning, type and range."""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Mapping

from casgan_jax.configs.schema.kinds import Config
from casgan_jax.configs.schema.tree import flat, flat_settings
from casgan_jax.errors import UserError, one_line

# Section of options -> the field that names the network or method that they belong to.
_OWNERS = {"model": "model.network", "parameters": "method"}


def field_help(config: Config) -> str:
    """A line for every field that can be set, with the config's value.

    Raises:
      UserError: the config names a network or method that cannot be imported.
    """
    values = flat(config)
    rows = []
    for name, setting in flat_settings(config).items():
        meaning = setting.meaning or _from_docstring(values, name)
        told = "; ".join(filter(None, (meaning, setting.expected)))
        rows.append((f"{name}={_shown(values[name])}", told))
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
