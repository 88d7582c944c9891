"""Links between the pages and to files of the checkout, which the site has under other addresses.

A page of `docs/` is a page of the site, README.md its first one, and any other file that a page
links is put under `checkout/`, Markdown as a page. So every link works on a forge and in the site.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"(?<=\]\()([^)\s#]+)(?=[)#])")


def address(path: str) -> str:
    """Where the site has a file of the checkout; both are relative paths."""
    if path == "README.md":
        return "index.md"
    return path.removeprefix("docs/") if path.startswith("docs/") else f"checkout/{path}"


def source(name: str) -> str:
    """The file of the checkout that a page of the site is."""
    if name == "index.md":
        return "README.md"
    return name.removeprefix("checkout/") if name.startswith("checkout/") else f"docs/{name}"


def linked_files() -> set[str]:
    """The files outside of `docs/` that its pages link, or that these link themselves."""
    found = {"README.md"}
    waiting = [f"docs/{path.name}" for path in ROOT.glob("docs/*.md")] + ["README.md"]
    while waiting:
        page = waiting.pop()
        for path in _targets(page):
            if path not in found and not path.startswith("docs/"):
                found.add(path)
                waiting += [path] if path.endswith(".md") else []
    return found


def with_addresses(text: str, name: str) -> str:
    """The text of a page of the site, its links to the checkout's files as links of the site."""
    page = source(name)

    def show(match: re.Match[str]) -> str:
        path = _resolved(page, match[1])
        if path is None:
            return match[1]
        return posixpath.relpath(address(path), posixpath.dirname(name) or ".")

    return _LINK.sub(show, text)


def _targets(page: str) -> Iterator[str]:
    for link in _LINK.findall((ROOT / page).read_text()):
        path = _resolved(page, link)
        if path is not None:
            yield path


def _resolved(page: str, link: str) -> str | None:
    """The file of the checkout that a link of a page leads to; None: to none."""
    path = os.path.normpath(os.path.join(os.path.dirname(page), link))
    return path if (ROOT / path).is_file() and not path.startswith("..") else None
