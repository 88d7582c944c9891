"""`--config=NAME[:VARIANT]` and `--config.any.field=value`, with the nearest name for every
typo."""

from __future__ import annotations

from collections.abc import Sequence

import casgan_jax.configs
from casgan_jax.configs.schema import catalogue
from casgan_jax.configs.schema.kinds import Config
from casgan_jax.configs.schema.setting import Setting, Value
from casgan_jax.configs.schema.tree import flat, flat_settings, nested, replaced
from casgan_jax.errors import UserError

HELP = "help"


def config_names() -> list[str]:
    """Every module of `casgan_jax.configs`."""
    return catalogue.names(casgan_jax.configs)


def config_help() -> str:
    """One line a config and variant."""
    return catalogue.help_text(casgan_jax.configs)


def load_config(spec: str, overrides: Sequence[tuple[str, str]]) -> Config:
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
        config = _with_text(config, field, text)
    return config


def split_overrides(arguments: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Separates `--config.FIELD=VALUE` (or `--config.FIELD VALUE`) from the other arguments;
    `--config.help` is an override of HELP, which is no field."""
    others: list[str] = []
    overrides: list[tuple[str, str]] = []
    rest = iter(arguments)
    for argument in rest:
        stripped = argument.lstrip("-")
        if argument.startswith("-") and stripped == f"config.{HELP}":
            overrides.append((HELP, ""))
        elif argument.startswith("-") and stripped.startswith("config."):
            field, equals, value = stripped.removeprefix("config.").partition("=")
            overrides.append((field, value if equals else next(rest, "")))
        else:
            others.append(argument)
    return others, overrides


def _with_text(config: Config, field: str, text: str) -> Config:
    known = flat_settings(config)
    if field not in known:
        raise catalogue.unknown("config.", field, list(known), "`config.help` shows all fields")
    return replaced(config, **nested(field, _parse(field, text, known[field], flat(config)[field])))


def _parse(field: str, text: str, setting: Setting, old: Value) -> Value:
    kind = setting.kind
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
