"""`--config=NAME[:VARIANT]` and `--config.any.field=value`, with the nearest name for every
typo."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from ml_collections import ConfigDict

import launch.configs
from casgan_jax.errors import UserError


def config_names() -> list[str]:
    """Every module of `launch.configs`."""
    return sorted(module.name for module in pkgutil.iter_modules(launch.configs.__path__))


def config_help() -> str:
    """One line a config and variant."""
    lines = []
    for name in config_names():
        module = _module(name)
        lines.append(f"{name:<18}{module.__doc__.splitlines()[0]}")
        for variant, text in module.VARIANTS.items():
            lines.append(f"  {name + (':' + variant if variant else ''):<16}{text}")
    return "\n".join(lines)


def load_config(spec: str, overrides: Sequence[tuple[str, str]]) -> ConfigDict:
    """The config NAME[:VARIANT] with fields replaced.

    Args:
      spec: "softgan" or "softgan:quick".
      overrides: (dotted field, text of the value) pairs.

    Raises:
      UserError: unknown name, variant or field (the line has the nearest valid one), or a value of
        another type.
    """
    name, _, variant = spec.partition(":")
    if name not in config_names():
        raise _unknown("--config=", name, config_names(), "`--config=help` lists them")
    module = _module(name)
    if variant not in module.VARIANTS:
        raise _unknown(
            f"--config={name}:",
            variant,
            [v for v in module.VARIANTS if v],
            "`--config=help` lists them",
        )
    config = module.get_config(variant)
    for field, text in overrides:
        _set(config, field, text)
    return config


def split_overrides(arguments: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Separates `--config.FIELD=VALUE` (or `--config.FIELD VALUE`) from the other arguments."""
    others: list[str] = []
    overrides: list[tuple[str, str]] = []
    rest = iter(arguments)
    for argument in rest:
        stripped = argument.lstrip("-")
        if argument.startswith("-") and stripped.startswith("config."):
            field, equals, value = stripped.removeprefix("config.").partition("=")
            overrides.append((field, value if equals else next(rest, "")))
        else:
            others.append(argument)
    return others, overrides


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"launch.configs.{name}")


def _fields(config: ConfigDict, prefix: str = "") -> Iterator[str]:
    for key, value in config.items():
        if isinstance(value, ConfigDict):
            yield from _fields(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def _set(config: ConfigDict, field: str, text: str) -> None:
    fields = list(_fields(config))
    if field not in fields:
        raise _unknown("--config.", field, fields, "config.json in a workdir shows all fields")
    *parents, leaf = field.split(".")
    owner = config
    for parent in parents:
        owner = owner[parent]
    owner[leaf] = _parse(field, text, owner[leaf])


def _parse(field: str, text: str, old: Any) -> Any:
    kind = type(old)
    try:
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        return kind(text)
    except (KeyError, ValueError) as error:
        raise UserError(
            f"--config.{field}: found {text!r}, expected a value of type {kind.__name__}; set "
            f"--config.{field}={old}"
        ) from error


def _unknown(prefix: str, found: str, valid: Sequence[str], remedy: str) -> UserError:
    found = " ".join(found.split())  # one line, whatever was typed
    # A field may have been given without its section, or a section's field by its last name.
    near = difflib.get_close_matches(found, valid, n=1, cutoff=0.0)
    last = [name for name in valid if name.split(".")[-1] == found.split(".")[-1]]
    best = (last or near or list(valid))[0]
    return UserError(f"{prefix}{found}: no such name, did you mean {best!r}? {remedy}")
