"""Articles that fill one HTML page or several: STEM.html, STEM-2.html and so on.

    pages = write_pages(folder, "review", articles, draw)

A page is one file with all its pictures, which browsers are to open in about a second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from casgan_jax.files import write_whole

_LARGEST_PAGE = 20_000_000  # characters


class Page(NamedTuple):
    """One of several pages.

    Attributes:
      number: from 1.
      before: number of articles on the pages before it.
      articles: its own.
      links: (name, address) of the pages before and after.
    """

    number: int
    before: int
    articles: list[Markup]
    links: list[tuple[str, str]]

    def told(self, count: int, what: str) -> str:
        """Which of all articles are on the page; "" where all are."""
        here = len(self.articles)
        if here == count:
            return ""
        return f"; {what} {self.before + 1} to {self.before + here} on this page"


def pages_of(folder: Path, stem: str) -> list[Path]:
    """The pages that are in a folder, the first one first."""
    rest = [
        path
        for path in folder.glob(f"{stem}-*.html")
        if path.stem.removeprefix(f"{stem}-").isdecimal()
    ]
    first = folder / _name(stem, 1)
    return [first] * first.is_file() + sorted(rest, key=lambda path: (len(path.stem), path.stem))


def write_pages(
    folder: Path, stem: str, articles: Iterable[Markup], draw: Callable[[Page], str]
) -> list[Path]:
    """Writes all articles, one page at least; pages of before are removed first.

    Args:
      folder: to write to.
      stem: of the files' names.
      articles: in their order.
      draw: the HTML of a page.

    Raises:
      UserError: a page cannot be written.
    """
    for path in pages_of(folder, stem):
        path.unlink()
    written, before = [], 0
    for number, (found, is_last) in enumerate(_split(articles), start=1):
        links = [("previous page", _name(stem, number - 1))] if number > 1 else []
        links += [] if is_last else [("next page", _name(stem, number + 1))]
        text = draw(Page(number, before, found, links))
        written.append(write_whole(folder / _name(stem, number), text.encode()))
        before += len(found)
    return written


def _name(stem: str, number: int) -> str:
    return f"{stem}.html" if number == 1 else f"{stem}-{number}.html"


def _split(articles: Iterable[Markup]) -> Iterator[tuple[list[Markup], bool]]:
    """(articles of a page, whether it is the last); one page at least."""
    page: list[Markup] = []
    size = 0
    for article in articles:
        if page and size + len(article) > _LARGEST_PAGE:
            yield page, False
            page, size = [], 0
        page.append(article)
        size += len(article)
    yield page, True
