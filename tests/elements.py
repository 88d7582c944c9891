"""A page as its elements, to be asked for by tag, class and place."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from html.parser import HTMLParser

_VOID = ("meta", "br", "img", "input", "link")


@dataclasses.dataclass
class Element:
    """An element: its attributes, and what is in it, elements and texts."""

    tag: str
    attributes: dict[str, str | None]
    content: list[Element | str] = dataclasses.field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it, words with single spaces between."""
        parts = [part if isinstance(part, str) else part.text for part in self.content]
        return " ".join("".join(parts).split())

    @property
    def classes(self) -> list[str]:
        return (self.attributes.get("class") or "").split()

    def all(self, tag: str = "", cls: str = "") -> list[Element]:
        """The elements in it with a tag and a class, in the order of the page."""
        return [
            one
            for one in self._within()
            if (not tag or one.tag == tag) and (not cls or cls in one.classes)
        ]

    def one(self, tag: str = "", cls: str = "") -> Element:
        """The only one."""
        (found,) = self.all(tag, cls)
        return found

    def with_id(self, name: str) -> Element:
        (found,) = [one for one in self._within() if one.attributes.get("id") == name]
        return found

    def rows(self) -> dict[str, list[Element]]:
        """Of a table: the other cells of each row, by the text of the first one."""
        cells = [row.all("th") + row.all("td") for row in self.all("tr")]
        return {first.text: others for first, *others in cells}

    def _within(self) -> Iterator[Element]:
        for part in self.content:
            if isinstance(part, Element):
                yield part
                yield from part._within()


def parse(page: str) -> Element:
    """The page; every element of it is closed."""
    parser = _Parser()
    parser.feed(page)
    parser.close()
    assert [one.tag for one in parser.open] == ["page"]
    return parser.open[0]


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open = [Element("page", {})]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, dict(attrs))
        self.open[-1].content.append(made)
        if tag not in _VOID:
            self.open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].content.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)
