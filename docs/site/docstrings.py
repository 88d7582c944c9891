"""Docstrings as mkdocstrings reads them: `first, second: text` is one entry to it, and no name."""

from __future__ import annotations

import re
from typing import Any

import griffe

_ENTRY = re.compile(r"^( +)(\w+(?:, \w+)+): (.*(?:\n\1 +.*)*)", re.MULTILINE)


class SharedEntries(griffe.Extension):
    """Gives each of several parameters or attributes that share a text an entry of its own."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is None:
            return
        names = set(obj.members)
        if isinstance(obj, griffe.Function):
            names |= {parameter.name for parameter in obj.parameters}
        obj.docstring.value = _ENTRY.sub(lambda match: _apart(match, names), obj.docstring.value)


def _apart(match: re.Match[str], names: set[str]) -> str:
    indent, (first, *others) = match[1], match[2].split(", ")
    if not names.issuperset((first, *others)):
        return match[0]
    entries = [f"{first}: {match[3]}", *(f"{name}: See `{first}`." for name in others)]
    return "\n".join(indent + entry for entry in entries)
