"""SHA-256 of the source files that a data set was made from."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path


def checksums(paths: Iterable[Path]) -> dict[str, str]:
    """{path: SHA-256 of the file}; files that cannot be read are left out, their records tell."""
    found = {}
    for path in map(str, paths):
        try:
            state = os.stat(path)
            found[path] = _checksum(path, state.st_mtime_ns, state.st_size)
        except (OSError, ValueError):  # a name with a null byte is a ValueError
            continue
    return found


def listing(found: Mapping[str, str], root: Path) -> str:
    """Checksums as `sha256sum --check` reads them in the folder `root`, sorted by file."""
    lines = sorted((os.path.relpath(path, root), digest) for path, digest in found.items())
    return "".join(f"{digest}  {name}\n" for name, digest in lines)


@functools.lru_cache(maxsize=64)  # the slices of one volume come together
def _checksum(path: str, modified: int, size: int) -> str:
    del modified, size  # of another file by the same name
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
