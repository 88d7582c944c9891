"""A config as a tree of named fields: walked, flattened, and replaced in a copy.

    config = replaced(config, data=dict(scale=2), model=dict(features=16, levels=5))
    flat(config)["data.scale"]  # 2

A section is a dataclass or the options of a network or method. A field that is None follows from
other fields or from the data, and is not known yet: it is left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

from casgan_jax.configs.schema.setting import Options, Setting, Value

Section = TypeVar("Section")


def is_section(value: object) -> bool:
    """Whether a field's value has fields of its own."""
    return dataclasses.is_dataclass(value) or isinstance(value, Options)


def fields_of(section: object) -> tuple[dataclasses.Field[Any], ...]:
    """The fields of a section that is a dataclass.

    Raises:
      TypeError: it is none.
    """
    if not dataclasses.is_dataclass(section):
        raise TypeError(f"found {section!r}, expected a section of a config")
    return dataclasses.fields(section)


def entries(section: object) -> dict[str, Any]:
    """Name -> value or section, of all fields of a section, flat options included."""
    if isinstance(section, Options):
        return dict(section)
    found: dict[str, Any] = {}
    for field in fields_of(section):
        value = getattr(section, field.name)
        if field.name == "options":
            found |= value
        elif value is not None:
            found[field.name] = value
    return found


def settings(section: object) -> dict[str, Setting]:
    """Name -> what is known of it, for all fields of a section that can be set."""
    if isinstance(section, Options):
        return {name: Setting(type(value)) for name, value in section.items()}
    found: dict[str, Setting] = {}
    for field in fields_of(section):
        if "setting" in field.metadata:
            found[field.name] = field.metadata["setting"]
        elif field.name == "options":
            known = field.metadata["known"]
            found |= {
                name: known.get(name, setting)
                for name, setting in settings(getattr(section, field.name)).items()
            }
    return found


def replaced(section: Section, **changes: Any) -> Section:
    """A copy with other values.

    Args:
      section: a config, or a part of one.
      **changes: values by name; a dictionary replaces fields within a section, and a whole section
        is replaced by another. A name that is no field is an option, where the section has some.

    Raises:
      TypeError: there is no field of that name.
    """
    now = entries(section)
    new = {
        name: replaced(now[name], **value) if isinstance(value, dict) else value
        for name, value in changes.items()
    }
    any_section: Any = section
    if isinstance(section, Options):
        return any_section.with_values(**new)
    own = {field.name for field in fields_of(section)}
    if "options" in own:
        extra = {name: new.pop(name) for name in list(new) if name not in own}
        options: Options = new.get("options", any_section.options)
        new["options"] = options.with_values(**extra)
    return dataclasses.replace(any_section, **new)


def flat(config: object) -> dict[str, Value]:
    """Dotted name -> value of all fields."""
    return _flatten(config, entries)


def flat_settings(config: object) -> dict[str, Setting]:
    """Dotted name -> what is known of it, for all fields that can be set."""
    return _flatten(config, settings)


def nested(field: str, value: Value) -> dict[str, Any]:
    """The changes for `replaced` that set one dotted field."""
    name, _, rest = field.partition(".")
    return {name: nested(rest, value) if rest else value}


def _flatten(section: object, read: Callable[[object], dict[str, Any]]) -> dict[str, Any]:
    """What `read` gives for a section and, after dotted names, for the sections within."""
    found: dict[str, Any] = {}
    here = read(section)
    for name, value in entries(section).items():
        if is_section(value):
            found |= {f"{name}.{rest}": inner for rest, inner in _flatten(value, read).items()}
        elif name in here:
            found[name] = here[name]
    return found
