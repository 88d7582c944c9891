"""Pages of the reference that are made of the code: commands, fields of configs, Python names."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import casgan_jax
from casgan_jax.commands.program import COMMANDS
from casgan_jax.configs.schema.field_help import FieldHelp, describe_fields
from casgan_jax.configs.schema.kinds import KINDS
from casgan_jax.configs.schema.load import config_help, config_names, load_config

ROOT = Path(__file__).parents[2]

_MARKUP = re.compile(r"[|<>*\[\]]")
_ENTITIES = {"<": "&lt;", ">": "&gt;"}
_FLAG = re.compile(r"(?<!\S)--[a-z]\w*(\.\w+)*(=\w[\w,.:]*\b)?")
_PAGE = re.compile(r"\bdocs/(\w+\.md)")

# What a caller uses, by page; the names of `casgan_jax` itself have a page of their own.
MODULES = {
    "labelling": [
        "casgan_jax.soft_mask.label",
        "casgan_jax.annotations.annotation",
        "casgan_jax.annotations.read",
        "casgan_jax.labelling.label",
        "casgan_jax.labelling.volumes.lesion",
        "casgan_jax.labelling.volumes.label",
        "casgan_jax.labelling.volumes.labelled",
        "casgan_jax.labelling.volumes.response",
    ],
    "soft_mask": [
        "casgan_jax.soft_mask.recist",
        "casgan_jax.soft_mask.trimap",
        "casgan_jax.soft_mask.grabcut",
        "casgan_jax.soft_mask.closed_form",
        "casgan_jax.soft_mask.volume_label",
        "casgan_jax.soft_mask.volume_measures",
    ],
    "inference": [
        "casgan_jax.inference.load",
        "casgan_jax.inference.predict",
        "casgan_jax.inference.evaluate",
        "casgan_jax.systems.cascade",
    ],
    "evaluation": [
        "casgan_jax.metrics",
        "casgan_jax.evaluation.case",
        "casgan_jax.evaluation.data_set",
        "casgan_jax.evaluation.comparison",
        "casgan_jax.evaluation.bootstrap",
        "casgan_jax.evaluation.summary",
    ],
    "common": ["casgan_jax.grid", "casgan_jax.errors"],
}
_TITLES = {
    "labelling": "Labelling",
    "soft_mask": "Soft masks",
    "inference": "Trained networks",
    "evaluation": "Metrics and evaluation",
    "common": "Images, soft values, errors",
}


def pages() -> dict[str, str]:
    """Address in the site -> text of every page of the reference that is made of the code."""
    python = {
        f"reference/python/{name}.md": _python_page(_TITLES[name], modules)
        for name, modules in MODULES.items()
    }
    return {
        "reference/commands.md": _commands_page(),
        "reference/configs.md": _configs_page(),
        "reference/python/casgan_jax.md": _face_page(),
        **python,
    }


def _commands_page() -> str:
    script = [sys.executable, str(ROOT / "docs/site/commands.py")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    described = json.loads(subprocess.check_output(script, env=environment, cwd=ROOT))
    lines = [
        "# Commands",
        "Every command with its help and its flags, as `--help` prints them. `casgan NAME` is "
        "installed with the package, `python -m launch.NAME` is the same in the checkout; what "
        "needs the checkout has the second form alone. A flag of true or false is `--progress` or "
        "`--noprogress`.",
    ]
    for name, command in described.items():
        lines += _command(name, command)
    return "\n\n".join(lines) + "\n"


def _command(name: str, command: dict[str, Any]) -> list[str]:
    typed = f"casgan {name}" if name in COMMANDS else f"python -m launch.{name}"
    lines = [f"## {name}", f"`{typed}`", *map(_paragraph, command["help"].split("\n\n"))]
    rows = [
        (f"`--{flag['name']}`", flag["kind"], _code(flag["default"]), _cell(flag["help"]))
        for flag in command["flags"]
    ]
    return lines + [_table(("flag", "value", "default", "meaning"), rows)] * bool(rows)


def _paragraph(text: str) -> str:
    """A paragraph of a help; where lines of it are indented, as it is."""
    lines = text.strip("\n").splitlines()
    if any(line.startswith(" ") for line in lines):
        return f"```text\n{textwrap.dedent(text)}\n```"
    return _cell(" ".join(lines))


def _configs_page() -> str:
    lines = [
        "# Fields of configs",
        "`casgan train --config=NAME:VARIANT` takes one of these configs, "
        "`--config.FIELD=VALUE` sets a field of it, and `--config.help` shows the fields as the "
        "variant has them.",
        "## Configs and variants",
        _table(("config", "trains"), map(_config_row, config_help().splitlines())),
    ]
    known: set[str] = set()
    for kind, config in KINDS.items():
        fields = [field for field in describe_fields(config()) if _is_own(kind, field)]
        known |= {field.name for field in fields}
        title, told = _KINDS_TOLD[kind]
        lines += [f"## {title}", told, _fields_table(fields)]
    lines.append("## Fields of single networks and methods")
    for name in config_names():
        config = load_config(name, [])
        others = [
            field
            for field in describe_fields(config)
            if field.name not in known and not field.name.startswith("srgan.")
        ]
        lines += [f"### {name}", _fields_table(others)] if others else []
    return "\n\n".join(lines) + "\n"


_KINDS_TOLD = {
    "srgan": ("SRGAN", "Of `srgan`; behind `srgan.` those of the networks below."),
    "softgan": ("Segmentation networks", "Of `softgan` and of all networks beside it."),
    "classical": ("Methods without training", "Of `graph_cut`, `deep_prior` and `level_set`."),
    "radiomics": ("Radiomics", "Of `radiomics`."),
}


def _config_row(line: str) -> tuple[str, str]:
    """A line of the list of configs: a config, or one of its variants, indented."""
    name, _, told = line.strip().partition(" ")
    shown = f"`{name}`" if line.startswith(" ") else f"**{name}**"
    return shown, _cell(told.strip())


def _is_own(kind: str, field: FieldHelp) -> bool:
    return kind == "srgan" or not field.name.startswith("srgan.")


def _fields_table(fields: Iterable[FieldHelp]) -> str:
    rows = [
        (f"`{field.name}`", _code(field.value), _cell(field.expected), _cell(field.meaning))
        for field in fields
    ]
    return _table(("field", "default", "value", "meaning"), rows)


def _python_page(title: str, modules: Sequence[str]) -> str:
    return "\n\n".join([f"# {title}", *(f"## {name}\n\n::: {name}" for name in modules)]) + "\n"


def _face_page() -> str:
    """The names that `casgan_jax` itself has, with where each is from."""
    names = getattr(casgan_jax, "__all__", ())
    things = {name: getattr(casgan_jax, name) for name in sorted(names) if name[0] != "_"}
    rows = [
        (f"`{name}`", f"`{thing.__module__}`", _cell((inspect.getdoc(thing) or "").split("\n")[0]))
        for name, thing in things.items()
    ]
    table = [_table(("name", "from", "what"), rows)] * bool(rows)
    return "\n\n".join(["# casgan_jax", "::: casgan_jax", *table]) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _cell(text: str) -> str:
    """A help's text as Markdown, for a cell of a table too: flags as code, pages as links."""
    plain = _MARKUP.sub(lambda match: _ENTITIES.get(match[0], f"\\{match[0]}"), text)
    coded = _FLAG.sub(r"`\g<0>`", plain)
    return _PAGE.sub(r"[\g<0>](../\1)", coded)
