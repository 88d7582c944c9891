"""Runs a suite: one JSON object a line, a summary last."""

from __future__ import annotations

import difflib
import importlib
import json
import pkgutil
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax

from casgan_jax.errors import UserError


def suites() -> list[str]:
    """Names of the modules beside this package; packages hold what they share."""
    folder = Path(__file__).parents[1]
    found = pkgutil.iter_modules([str(folder)])
    return sorted(module.name for module in found if not module.ispkg)


def machine() -> str:
    """What the figures were measured on."""
    device = jax.devices()[0]
    return f"{platform.machine()} {device.platform} {device.device_kind}, jax {jax.__version__}"


def lines(name: str, options: Any) -> Iterator[str]:
    """Runs a suite and yields its lines.

    Args:
      name: of the suite, or NAME:VARIANT of one with variants.
      options: its options, as attributes.

    Raises:
      UserError: there is no such suite or variant.
    """
    name, _, variant = name.partition(":")
    if name not in suites():
        nearest = difflib.get_close_matches(name, suites(), n=1, cutoff=0.4)
        raise UserError(
            "suite",
            found=f"{name!r}",
            expected=f"one of {', '.join(suites())}",
            remedy=f"did you mean {nearest[0]}?" if nearest else "see `help`",
        )
    suite = importlib.import_module(f"launch.benchmarks.{name}")
    variants = list(getattr(suite, "VARIANTS", ()))
    if variant and variant not in variants:
        raise UserError(
            "suite",
            found=f"{name}:{variant}",
            expected=f"{name}{''.join(f' or {name}:{one}' for one in variants)}",
        )
    row: dict[str, Any] | None = None
    for following in suite.run(options, variant) if variant else suite.run(options):
        if row is not None:
            yield json.dumps(row)
        row = following
    yield json.dumps({"suite": name, "machine": machine(), **(row or {})})
