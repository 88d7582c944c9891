"""Seals a folder of files with their SHA-256 sums, so that damage is found before it is used.

    seal(folder, {"step": 1000})  # writes folder/manifest.json, after everything else
    facts = verify(folder)        # reads every file again; raises Damaged

Neither Orbax nor a file system tells flipped bytes, a truncated file or a folder that was never
finished from a good checkpoint.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"


class Damaged(Exception):
    """What is wrong with a sealed folder: the file, and what was found."""


def seal(folder: Path, facts: Mapping[str, Any]) -> None:
    """Writes the manifest of a folder: every file's SHA-256, and `facts` (JSON-serialisable)."""
    content = {"facts": dict(facts), "files": {n: _sha256(folder / n) for n in _files(folder)}}
    manifest = {"content": content, "sha256": _content_sha256(content)}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n")


def read_facts(folder: Path) -> dict[str, Any]:
    """The facts of a sealed folder, without a look at its other files.

    Raises:
      Damaged: the manifest is missing, cannot be read or was changed.
    """
    return _read(folder)["facts"]


def verify(folder: Path) -> dict[str, Any]:
    """Reads every file of a sealed folder and returns its facts.

    Raises:
      Damaged: the manifest is not intact, or a file is missing or is not what was sealed.
    """
    content = _read(folder)
    for name, expected in content["files"].items():
        path = folder / name
        if not path.is_file():
            raise Damaged(f"{name} is missing")
        if _sha256(path) != expected:
            raise Damaged(f"{name} is not what was written ({path.stat().st_size} bytes)")
    return content["facts"]


def _read(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not folder.is_dir():
        raise Damaged("there is no such folder")
    if not path.is_file():
        found = "the folder is empty" if not any(folder.iterdir()) else f"{MANIFEST} is missing"
        raise Damaged(found)
    try:
        manifest = json.loads(path.read_text())
        content, expected = manifest["content"], manifest["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{MANIFEST} cannot be read") from error
    if _content_sha256(content) != expected:
        raise Damaged(f"{MANIFEST} is not what was written")
    return content


def _files(folder: Path) -> list[str]:
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name != MANIFEST
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _content_sha256(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
