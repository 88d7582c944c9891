"""What the HTML pages share: their templates, text of a user, pictures that need no other file."""

from __future__ import annotations

import base64
import html
import importlib.resources
import string


def read_template(name: str) -> string.Template:
    """A page of this package, such as "review.html", with $placeholders."""
    page = importlib.resources.files(__package__).joinpath(name)
    return string.Template(page.read_text(encoding="utf-8"))


def as_text(value: object) -> str:
    """HTML that shows a value as it is, within an element or a quoted attribute."""
    return html.escape(str(value))


def as_base64(png: bytes) -> str:
    """A PNG file as text that JSON can hold, too."""
    return base64.b64encode(png).decode()


def picture_address(coded: str) -> str:
    """The address of a picture that is in the page itself.

    Args:
      coded: of `as_base64`.
    """
    return f"data:image/png;base64,{coded}"
