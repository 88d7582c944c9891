"""The data sets that can be built: the folders of this package that have a builder."""

from __future__ import annotations

import difflib
import importlib
import inspect
from pathlib import Path

from casgan_jax.errors import UserError
from datasets.base import PreparedBuilder


def dataset_names() -> list[str]:
    """Names of the data sets: the folders under `datasets/` that have a builder.py."""
    return sorted(path.parent.name for path in Path(__file__).parent.glob("*/builder.py"))


def find_builder(dataset: str) -> tuple[type[PreparedBuilder], str | None]:
    """Builder class and config name of "NAME" or "NAME/CONFIG".

    Raises:
      UserError: no such data set or config; the line has the nearest valid name.
    """
    name, _, config = dataset.partition("/")
    if name not in dataset_names():
        raise _unknown("dataset", name, dataset_names())
    builder_class = importlib.import_module(f"datasets.{name}.builder").Builder
    configs = [c.name for c in builder_class.BUILDER_CONFIGS]
    if config and config not in configs:
        if not configs:
            raise UserError(
                f"dataset={dataset}",
                found=f"the config {config!r}",
                expected="none",
                remedy=f"use {name}",
            )
        raise _unknown(f"dataset={name}/", config, configs)
    return builder_class, config or None


def describe_datasets() -> str:
    """One line for each data set and config."""
    lines = []
    for name in dataset_names():
        builder_class, _ = find_builder(name)
        text = inspect.getdoc(builder_class) or ""
        lines.append(f"{name:<18}{text.splitlines()[0]}")
        for config in builder_class.BUILDER_CONFIGS:
            lines.append(f"{f'  {name}/{config.name}':<18}{config.description or ''}".rstrip())
    return "\n".join(lines)


def _unknown(field: str, found: str, valid: list[str]) -> UserError:
    near = difflib.get_close_matches(found, valid, n=1, cutoff=0.0)
    return UserError(
        field,
        found=f"{found!r}",
        expected=f"one of {', '.join(valid)}",
        remedy=f"did you mean {near[0]!r}?",
    )
