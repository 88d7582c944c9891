"""Every command with its help and its flags, as JSON: what the commands themselves define.

    python docs/site/commands.py

Commands define flags of the same names, so each is imported alone: its flags are taken away before
the next one defines its own.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

from absl import flags

ROOT = Path(__file__).parents[2]
_CHOICES = re.compile(r"^<[^>]*>: ")  # of an enumeration, which absl repeats in its help
_KINDS = {  # absl's name for it -> ours
    "bool": "true or false",
    "string": "text",
    "comma separated list of strings": "texts with commas between them",
}


def main() -> None:
    sys.path.insert(0, str(ROOT))
    from casgan_jax.commands.program import COMMANDS, OF_CHECKOUT

    modules = {name: f"casgan_jax.commands.{name}" for name in COMMANDS}
    modules |= {name: f"launch.{name}" for name in OF_CHECKOUT}
    print(json.dumps({name: _described(module) for name, module in modules.items()}, indent=1))


def _described(name: str) -> dict[str, Any]:
    module = importlib.import_module(name)
    found = flags.FLAGS.get_key_flags_for_module(module)
    described = {"help": (module.__doc__ or "").strip(), "flags": [_flag(flag) for flag in found]}
    for flag in found:
        delattr(flags.FLAGS, flag.name)
    return described


def _flag(flag: flags.Flag) -> dict[str, Any]:
    default = flag.default
    return {
        "name": flag.name,
        "kind": _kind(flag),
        "default": ",".join(map(str, default)) if isinstance(default, list) else _plain(default),
        "help": _CHOICES.sub("", " ".join((flag.help or "").split())),
    }


def _kind(flag: flags.Flag) -> str:
    if isinstance(flag, flags.EnumFlag):
        return ", ".join(flag.parser.enum_values)
    name = flag.flag_type()
    if name in ("int", "float"):
        return str(flag.parser.syntactic_help)
    repeated = name.removeprefix("multi ")
    told = _KINDS.get(repeated, repeated)
    return told if repeated == name else f"{told}, may be repeated"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


if __name__ == "__main__":
    main()
