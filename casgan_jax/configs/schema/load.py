"""`--config=NAME[:VARIANT]` and `--config.any.field=value`, with the nearest name for every
typo."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ml_collections import ConfigDict

import casgan_jax.configs
from casgan_jax.configs.schema import catalogue
from casgan_jax.errors import UserError


def config_names() -> list[str]:
    """Every module of `casgan_jax.configs`."""
    return catalogue.names(casgan_jax.configs)


def config_help() -> str:
    """One line a config and variant."""
    return catalogue.help_text(casgan_jax.configs)


def load_config(spec: str, overrides: Sequence[tuple[str, str]]) -> ConfigDict:
    """The config NAME[:VARIANT] with fields replaced.

    Args:
      spec: "softgan" or "softgan:quick".
      overrides: (dotted field, text of the value) pairs.

    Raises:
      UserError: unknown name, variant or field (the line has the nearest valid one), or a value of
        another type.
    """
    module, variant = catalogue.find(casgan_jax.configs, spec)
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


def field_names(config: ConfigDict, prefix: str = "") -> Iterator[str]:
    """The dotted names of all fields of a config."""
    for key, value in config.items():
        if isinstance(value, ConfigDict):
            yield from field_names(value, f"{prefix}{key}.")
        else:
            yield prefix + key


def _set(config: ConfigDict, field: str, text: str) -> None:
    fields = list(field_names(config))
    if field not in fields:
        raise catalogue.unknown(
            "config.", field, fields, "config.json in a workdir shows all fields"
        )
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
            f"config.{field}",
            found=f"{text!r}",
            expected=f"a value of type {kind.__name__}",
            remedy=f"set `{field}={old}`",
        ) from error
