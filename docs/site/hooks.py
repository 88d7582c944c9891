"""What the build of the site does beside rendering `docs/*.md`: see mkdocs.yml."""

from __future__ import annotations

from typing import Any

from checkout import ROOT, address, linked_files, with_addresses
from mkdocs.structure.files import File, Files
from reference import pages


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that are made of the code, and the checkout's files that pages link."""
    for name, text in pages().items():
        files.append(File.generated(config, name, content=text))
    for path in sorted(linked_files()):
        files.append(File.generated(config, address(path), content=(ROOT / path).read_bytes()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Leads the links of a page to where the site has their targets."""
    return with_addresses(markdown, page.file.src_uri)
